"""However a reply ends, it ends once, typed, with what had arrived; and nobody else's suffers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa

from api.db import Database
from api.domain.accounts import User
from api.domain.errors import ProviderUnavailable, StoreUnavailable
from api.domain.events import ReasoningDelta, TextDelta, ToolCall, Usage
from api.domain.principal import Principal
from api.models.generations import GENERATION_EVENTS
from api.services.generations.intake import MAX_EVENTS
from api.services.generations.run import Run
from tests.commits import Cut
from tests.conftest import ON_POSTGRESQL
from tests.services.machine import FOR_EVER, FlakyStore, Machine, principal, taken, text, waited

LONE = "half of a pair: \ud800"  # no wire lets it pass; here it stands for whatever cannot be stored
EVENTS = GENERATION_EVENTS.c


@pytest.fixture
def store(database: Database) -> Iterator[FlakyStore]:
    store = FlakyStore(database)
    yield store
    store.close()


@pytest.fixture
def machine(store: FlakyStore) -> Iterator[Machine]:
    machine = Machine(store)
    machine.generations.start()
    yield machine
    store.away = False
    machine.generations.stop()


@pytest.fixture
def ann(register: Callable[[str], User]) -> Principal:
    user = register("ann")
    return principal(user.id, user.username)


def event_rows(store: FlakyStore, generation: UUID) -> list[tuple[int, int]]:
    with store.database.reader.connect() as connection:
        query = sa.select(EVENTS.first_seq, EVENTS.last_seq).where(EVENTS.generation_id == generation)
        return [(first, last) for first, last in connection.execute(query.order_by(EVENTS.first_seq))]


def content(store: FlakyStore, who: Principal, message_id: UUID) -> tuple[str, str]:
    message = store.read(lambda work: work.messages.get_owned(message_id, who.user_id))
    assert message is not None
    return message.content, message.status


def test_a_short_reply_writes_no_event_row(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    sent = machine.send(ann, machine.chat(ann), text("one ", "two"))
    events = machine.read(ann, sent.generation_id)
    assert [kind for _, kind, _ in events] == ["started", "delta", "delta", "usage", "finished"]
    assert event_rows(store, sent.generation_id) == []
    assert content(store, ann, sent.message.id) == ("one two", "complete")  # type: ignore[union-attr]


def test_a_poisoned_reply_ends_typed_and_the_others_go_on(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    chats = [machine.chat(ann) for _ in range(3)]
    good = machine.send(ann, chats[0], text("a"), text("b", pause=1.0), text("c", pause=0.5))
    bad = machine.send(ann, chats[1], text("kept"), text(LONE, pause=0.5), FOR_EVER)
    other = machine.send(ann, chats[2], text("x"), text("y", pause=1.0))
    events = machine.read(ann, bad.generation_id)
    assert [kind for _, kind, _ in events[-2:]] == ["usage", "error"]
    assert events[-1][2]["code"] == "internal_error"
    assert content(store, ann, bad.message.id) == ("kept", "error")  # type: ignore[union-attr]
    for sent, said in ((good, "abc"), (other, "xy")):
        assert machine.ended(ann, sent.generation_id).status == "complete"
        assert content(store, ann, sent.message.id) == (said, "complete")  # type: ignore[union-attr]
    replayed = machine.read(ann, bad.generation_id)
    assert [kind for _, kind, _ in replayed] == ["started", "delta", "usage", "error"]
    ahead = taken(machine.generations.follow(ann, str(bad.generation_id), 5))
    assert [(number, kind) for number, kind, _ in ahead] == [(6, "error")]
    again = machine.send(ann, chats[1], text("fine"))
    assert machine.ended(ann, again.generation_id).status == "complete"


def test_a_reply_whose_end_cannot_be_stored(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    chat = machine.chat(ann)
    sent = machine.send(ann, chat, text("before ", LONE))
    events = machine.read(ann, sent.generation_id)
    assert (events[-1][1], events[-1][2]["code"]) == ("error", "internal_error")
    assert machine.ended(ann, sent.generation_id).status == "error"
    assert content(store, ann, sent.message.id) == ("", "error")  # type: ignore[union-attr]
    replayed = machine.read(ann, sent.generation_id)
    assert [kind for _, kind, _ in replayed] == ["started", "usage", "error"]
    assert machine.ended(ann, machine.send(ann, chat, text("fine")).generation_id).status == "complete"


def test_a_count_that_cannot_be_stored_costs_no_text(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    chat, told = machine.chat(ann), Usage(prompt_tokens=2**70, completion_tokens=2)
    sent = machine.send(ann, chat, text("all ", "of it"), (0.0, (told,)))
    events = machine.read(ann, sent.generation_id)
    assert [kind for _, kind, _ in events] == ["started", "delta", "delta", "usage", "finished"]
    ended = machine.ended(ann, sent.generation_id)
    assert (ended.status, ended.estimated) == ("complete", True)
    assert 0 < (ended.prompt_tokens or 0) < 1000
    assert content(store, ann, sent.message.id) == ("all of it", "complete")  # type: ignore[union-attr]
    assert machine.ended(ann, machine.send(ann, chat, text("fine")).generation_id).status == "complete"


@pytest.mark.parametrize("fault", [ValueError("a fault of ours"), AssertionError(), KeyError("x")], ids=repr)
def test_a_raising_coroutine_ends_typed(machine: Machine, store: FlakyStore, ann: Principal, fault: Exception) -> None:
    sent = machine.send(ann, machine.chat(ann), text("what came first"), (0.05, (fault,)))
    events = machine.read(ann, sent.generation_id)
    assert (events[-1][1], events[-1][2]["code"]) == ("error", "internal_error")
    assert str(fault.args) not in events[-1][2]["detail"]
    assert content(store, ann, sent.message.id) == ("what came first", "error")  # type: ignore[union-attr]
    assert machine.generations.running == 0


def test_a_provider_that_fails_ends_typed(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    sent = machine.send(ann, machine.chat(ann), text("a"), (0.05, (ProviderUnavailable("gone"),)))
    events = machine.read(ann, sent.generation_id)
    assert (events[-1][1], events[-1][2]["code"]) == ("error", "provider_unavailable")
    assert machine.read(ann, sent.generation_id) == events
    assert content(store, ann, sent.message.id) == ("a", "error")  # type: ignore[union-attr]


@pytest.mark.parametrize("fault", [ProviderUnavailable("gone"), None], ids=repr)
def test_a_reply_that_ended_is_let_go_at_once(machine: Machine, ann: Principal, fault: Exception | None) -> None:
    """It holds its whole request, pictures and all, of which the collector knows nothing: it may not come for long."""
    gc.collect()
    gc.disable()
    try:
        sent = machine.send(ann, machine.chat(ann), text("a"), *([(0.05, (fault,))] if fault else []))
        machine.read(ann, sent.generation_id)
        waited(lambda: not [one for one in gc.get_objects() if isinstance(one, Run) and one.id == sent.generation_id])
    finally:
        gc.enable()


def test_the_store_is_away_when_a_reply_ends(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    """Nobody is told of an end before it is stored; then it is, whole."""
    chat = machine.chat(ann)
    sent = machine.send(ann, chat, text("a"), text("b", pause=0.7), text("c", pause=0.1))
    reader = machine.generations.follow(ann, str(sent.generation_id))
    waited(lambda: event_rows(store, sent.generation_id), "the first flush")
    store.away = True
    waited(lambda: len(reader.cursor.log.events) == 4, "the provider's end")
    waited(lambda: store.away and not machine.loop.tasks, "the run's end")
    assert not reader.cursor.log.closed
    store.away = False
    events = taken(reader)
    assert [kind for _, kind, _ in events] == ["started", "delta", "delta", "delta", "usage", "finished"]
    assert content(store, ann, sent.message.id) == ("abc", "complete")  # type: ignore[union-attr]


def test_commits_whose_answer_was_lost(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    """What was stored although the line broke is stored again, longer: no poison, no gap, here or elsewhere."""
    other = Machine(FlakyStore(store.database))
    other.generations.start()
    sent = machine.send(ann, machine.chat(ann), *(text(f"{n} ", pause=0.02) for n in range(150)))
    elsewhere = other.generations.follow(ann, str(sent.generation_id))
    for _ in range(2):
        rows = len(event_rows(store, sent.generation_id))
        store.answers_lost = 2
        waited(lambda rows=rows: len(event_rows(store, sent.generation_id)) > rows, "another flush")
    assert machine.ended(ann, sent.generation_id).status == "complete"
    said = "".join(f"{n} " for n in range(150))
    assert content(store, ann, sent.message.id) == (said, "complete")  # type: ignore[union-attr]
    for events in (taken(elsewhere), machine.read(ann, sent.generation_id)):
        assert [number for number, _, _ in events] == list(range(1, 154))
        assert "".join(value for _, kind, value in events if kind == "delta") == said
    other.generations.stop()


def test_an_end_whose_answer_was_lost(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    """It is stored once more, and known by its time: whoever reads notices nothing of it."""
    sent = machine.send(ann, machine.chat(ann), text("a"), text("b", pause=0.5))
    store.losing_durable, store.answers_lost = True, 1
    events = taken(machine.generations.follow(ann, str(sent.generation_id)))
    assert [kind for _, kind, _ in events] == ["started", "delta", "delta", "usage", "finished"]
    assert content(store, ann, sent.message.id) == ("ab", "complete")  # type: ignore[union-attr]
    assert store.answers_lost == 0
    waited(lambda: machine.generations.running == 0, "the run to leave")


def test_what_follows_an_end_whose_answer_was_lost(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    mode = {"planner": "demo", "answerer": "demo", "review": False}
    chat = str(machine.chats.create(ann, {"plan": mode}).id)
    sent = machine.send(ann, chat, text("a"), text("b", pause=0.5), model=None)
    store.losing_durable, store.answers_lost = True, 1
    plan = machine.ended(ann, sent.generation_id)
    assert store.answers_lost == 0
    assert machine.ended(ann, UUID(plan.notes["next"])).status == "complete"


@ON_POSTGRESQL
def test_a_message_whose_commit_nobody_answered(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    """It is stored, so it is answered; once."""
    chat = machine.chat(ann)
    cut = Cut(store, heard=True, behind="INSERT INTO generations")
    sent = machine.send(ann, chat, text("a"), key="once")
    assert cut.done
    assert machine.read(ann, sent.generation_id)[-1][1] == "finished"
    assert content(store, ann, sent.message.id) == ("a", "complete")  # type: ignore[union-attr]
    assert machine.send(ann, chat, text("b"), key="once").generation_id == sent.generation_id


@ON_POSTGRESQL
def test_a_message_whose_commit_never_arrived(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    chat = machine.chat(ann)
    cut = Cut(store, heard=False, behind="INSERT INTO generations")
    with pytest.raises(StoreUnavailable):
        machine.send(ann, chat, text("a"), key="once")
    assert cut.done
    sent = machine.send(ann, chat, text("a"), key="once")
    assert machine.read(ann, sent.generation_id)[-1][1] == "finished"
    assert sent.user_message is not None
    assert sent.user_message.seq == 1, "nothing is left of the first attempt"


@ON_POSTGRESQL
@pytest.mark.parametrize("heard", [True, False])
def test_an_end_whose_commit_nobody_answered(machine: Machine, store: FlakyStore, ann: Principal, heard: bool) -> None:
    """Whoever reads notices nothing of it."""
    cut = Cut(store, heard=heard, behind="finished_at=")
    sent = machine.send(ann, machine.chat(ann), text("a"), text("b", pause=0.5))
    events = taken(machine.generations.follow(ann, str(sent.generation_id)))
    assert cut.done
    assert [kind for _, kind, _ in events] == ["started", "delta", "delta", "usage", "finished"]
    assert content(store, ann, sent.message.id) == ("ab", "complete")  # type: ignore[union-attr]


def test_a_reply_that_another_process_closed(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    """The fence: nothing more is written, the provider call ends, the reader is cut and finds the true end."""
    other = Machine(FlakyStore(store.database))
    other.generations.start()
    sent = machine.send(ann, machine.chat(ann), *(text(f"{n} ", pause=0.02) for n in range(3000)))
    reader = machine.generations.follow(ann, str(sent.generation_id))
    waited(lambda: len(event_rows(store, sent.generation_id)) > 1, "some flushes")
    assert other.generations.recovery.recover(machine.owner) == 1
    rows, kept = event_rows(store, sent.generation_id), content(store, ann, sent.message.id)  # type: ignore[union-attr]
    cut = taken(reader)
    assert cut[-1][1] == "delta"
    waited(lambda: machine.generations.running == 0, "the run's end")
    assert not machine.loop.tasks
    last = machine.read(ann, sent.generation_id, cut[-1][0])
    assert [(kind, value["status"], value["message"]["content"]) for _, kind, value in last][-1] == (
        "finished",
        "interrupted",
        kept[0],
    )
    assert event_rows(store, sent.generation_id) == rows
    assert content(store, ann, sent.message.id) == kept == (kept[0], "interrupted")  # type: ignore[union-attr]
    machine.send(ann, machine.chat(ann), FOR_EVER)
    waited(lambda: machine.owner in store.read(lambda work: work.processes.heartbeats()), "it signs on again")
    other.generations.stop()


@pytest.mark.parametrize("excess", [(), ("x" * 100,), ("x" * 30, "y" * 30, "z")], ids=["exact", "one", "several"])
def test_a_reply_that_is_too_long_ends_at_the_cap(store: FlakyStore, ann: Principal, excess: tuple[str, ...]) -> None:
    machine = Machine(store, max_reply_chars=1000)
    machine.generations.start()
    tool = ToolCall("1", "weather", "{}")
    kept = (0.0, (ReasoningDelta("r" * 400), tool, TextDelta("t" * 590)))
    sent = machine.send(ann, machine.chat(ann), kept, text("0123456789", *excess), text("late", pause=0.05), FOR_EVER)
    if excess:
        assert machine.ended(ann, sent.generation_id).status == "length"
    else:
        reader = machine.generations.follow(ann, str(sent.generation_id))
        waited(lambda: len(reader.cursor.log.events) >= 5, "all of it")
        assert machine.ended(ann, sent.generation_id).status == "length"  # "late" was too much
    assert content(store, ann, sent.message.id) == ("t" * 590 + "0123456789", "length")  # type: ignore[union-attr]
    machine.generations.stop()


def test_a_reply_of_too_many_events_ends_too(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    """However little each of them says: events are kept in memory until the reply has ended."""
    steps = [text(*["x"] * (MAX_EVENTS - 10)), *[text("y") for _ in range(20)], FOR_EVER]
    sent = machine.send(ann, machine.chat(ann), *steps)
    assert machine.ended(ann, sent.generation_id).status == "length"
    said, status = content(store, ann, sent.message.id)  # type: ignore[union-attr]
    assert status == "length"
    assert len(said) == MAX_EVENTS - 1, "one is `started`"


def test_the_cap_is_met_by_the_last_bytes(store: FlakyStore, ann: Principal) -> None:
    """The provider's end comes with them: nothing is awaited any more where the run could be cancelled."""
    machine = Machine(store, max_reply_chars=1000)
    machine.generations.start()
    sent = machine.send(ann, machine.chat(ann), text("t" * 1001))
    assert machine.ended(ann, sent.generation_id).status == "length"
    assert content(store, ann, sent.message.id) == ("t" * 1000, "length")  # type: ignore[union-attr]
    machine.generations.stop()


def test_stop_before_the_first_step_and_after_the_end(machine: Machine, ann: Principal) -> None:
    sent = machine.send(ann, machine.chat(ann), FOR_EVER)
    machine.generations.stop_reply(ann, str(sent.generation_id))
    events = machine.read(ann, sent.generation_id)
    assert (events[-1][1], events[-1][2]["status"]) == ("finished", "stopped")
    machine.generations.stop_reply(ann, str(sent.generation_id))
    assert machine.ended(ann, sent.generation_id).status == "stopped"
