"""Who counts as dead, what becomes of his replies, and who does not count as dead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from uuid import UUID

import pytest
import sqlalchemy as sa

from api.db import Database
from api.domain import clock
from api.domain.accounts import User
from api.domain.errors import ChatBusy, StoreUnavailable
from api.domain.ids import new_id
from api.domain.principal import Principal
from api.models.chats import MESSAGES
from api.models.generations import GENERATIONS, PROCESSES
from api.repositories.generation_events import EventsRange
from api.repositories.presence import presence_of
from api.services.generations import recovery
from api.services.generations.recovery import Recovery
from tests.server import until
from tests.services.machine import FlakyStore, Machine, principal, text

GENERATION = GENERATIONS.c
PROCESS = PROCESSES.c


@pytest.fixture
def store(database: Database) -> Iterator[FlakyStore]:
    store = FlakyStore(database)
    yield store
    store.close()


@pytest.fixture
def machine(store: FlakyStore) -> Iterator[Machine]:
    """It carries replies; its own janitor rests, so that each look is one of the test's."""
    machine = Machine(store)
    machine.generations.start()
    machine.generations._janitor.stop()
    yield machine
    machine.generations.stop()


@pytest.fixture
def ann(register: Callable[[str], User]) -> Principal:
    user = register("ann")
    return principal(user.id, user.username)


@pytest.fixture
def looker(store: FlakyStore) -> Recovery:
    """A living process that looks after the others."""
    me = new_id()
    return Recovery(store, presence_of(store.database, me), me, lambda _: False)


def left_running(machine: Machine, store: FlakyStore, who: Principal, owner: UUID, *events: tuple[str, str]) -> UUID:
    """A reply that `owner` seems to run, with these events flushed."""
    sent = machine.send(who, machine.chat(who), text("x"))
    machine.ended(who, sent.generation_id)
    values = {"status": "running", "owner": owner, "event_index": None, "finished_at": None}

    def begin_again(work: object) -> None:
        work.connection.execute(  # type: ignore[attr-defined]
            sa.update(GENERATIONS).where(GENERATION.id == sent.generation_id).values(**values)
        )
        work.connection.execute(  # type: ignore[attr-defined]
            sa.update(MESSAGES).where(MESSAGES.c.id == sent.message.id).values(content="")  # type: ignore[union-attr]
        )
        work.generation_events.add(  # type: ignore[attr-defined]
            [EventsRange(who.user_id, sent.generation_id, 1, [("started", "{}"), *events])]
        )

    store.write(begin_again)
    return sent.generation_id


def age(store: FlakyStore, owner: UUID, seconds: float) -> None:
    old = clock.now() - dt.timedelta(seconds=seconds)
    change = sa.update(PROCESSES).where(PROCESS.id == owner).values(heartbeat_at=old)
    assert store.write(lambda work: work.connection.execute(change).rowcount) == 1  # type: ignore[attr-defined]


def known(store: FlakyStore) -> set[UUID]:
    return set(store.read(lambda work: work.processes.heartbeats()))


def test_a_free_lock_is_a_dead_owner(machine: Machine, store: FlakyStore, ann: Principal, looker: Recovery) -> None:
    generation = left_running(machine, store, ann, machine.owner, ("delta", "flushed "), ("delta", "text"))
    assert not looker.is_dead(machine.owner)
    dead = new_id()
    mine = left_running(machine, store, ann, dead, ("delta", "flushed "), ("delta", "text"))
    assert looker.sweep() == (0 if store.database.is_postgresql else 1)
    if store.database.is_postgresql:  # a lock that is free may have been freed by a restart: the epoch decides
        epoch = machine.presence.epoch()
        store.write(lambda work: work.processes.register(dead, epoch))
        assert looker.sweep() == 0  # its heart beat a moment ago
        age(store, dead, 2)
        assert looker.sweep() == 1
    ended = machine.generations.get(ann, str(mine))
    assert ended.status == "interrupted"
    events = machine.read(ann, mine)
    assert [kind for _, kind, _ in events] == ["started", "delta", "delta", "usage", "finished"]
    assert events[-1][2]["message"]["content"] == "flushed text"
    assert dead not in known(store)
    assert machine.generations.get(ann, str(generation)).active


def test_one_that_cannot_be_kept_does_not_keep_the_others(
    machine: Machine, store: FlakyStore, ann: Principal, looker: Recovery
) -> None:
    dead = new_id()
    said = ("a", "NUL \0 is no text for PostgreSQL", "b")
    replies = [left_running(machine, store, ann, dead, ("delta", one)) for one in said]
    assert looker.recover(dead) == 3
    kept = [machine.read(ann, reply)[-1][2]["message"]["content"] for reply in replies]
    assert kept == (["a", "", "b"] if store.database.is_postgresql else list(said))
    assert {machine.generations.get(ann, str(reply)).status for reply in replies} == {"interrupted"}


REFUSE = {
    True: (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no end'; END $$",
        "CREATE TRIGGER refused BEFORE UPDATE ON generations FOR EACH ROW WHEN (NEW.status IN ('complete', 'error'))"
        " EXECUTE FUNCTION refuse()",
    ),
    False: (
        "CREATE TRIGGER refused BEFORE UPDATE ON generations WHEN NEW.status IN ('complete', 'error')"
        " BEGIN SELECT RAISE(ABORT, 'no end'); END",
    ),
}
ALLOW = {True: ("DROP TRIGGER refused ON generations", "DROP FUNCTION refuse"), False: ("DROP TRIGGER refused",)}


def carry_out(store: FlakyStore, statements: dict[bool, tuple[str, ...]]) -> None:
    for statement in statements[store.database.is_postgresql]:
        store.write(lambda work, statement=statement: work.connection.exec_driver_sql(statement))


def test_a_reply_whose_end_the_database_refuses(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    """Whatever is tried: the reader is told in words, and with the next look at what is left the chat goes on."""
    chat = machine.chat(ann)
    carry_out(store, REFUSE)
    sent = machine.send(ann, chat, text("said"))
    ending = machine.read(ann, sent.generation_id)[-1]
    assert (ending[1], ending[2]["code"]) == ("error", "internal_error")
    assert "could not be stored" in ending[2]["detail"]
    until(lambda: machine.generations.running == 0)
    assert machine.generations.get(ann, str(sent.generation_id)).active
    with pytest.raises(ChatBusy):
        machine.send(ann, chat, text("too early"))
    assert machine.generations.recovery.sweep() == 1
    assert machine.generations.get(ann, str(sent.generation_id)).status == "interrupted"
    carry_out(store, ALLOW)
    again = machine.send(ann, chat, text("fine"))
    assert machine.ended(ann, again.generation_id).status == "complete"
    assert machine.generations.recovery.sweep() == 0


def test_a_silent_owner_that_holds_its_lock_gets_two_looks(
    machine: Machine,
    store: FlakyStore,
    ann: Principal,
    looker: Recovery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(recovery, "time", SimpleNamespace(monotonic=lambda: now))
    owner = new_id()
    presence = presence_of(store.database, owner)
    presence.start(lambda epoch: store.write(lambda work: work.processes.register(owner, epoch)), lambda: None)
    generation = left_running(machine, store, ann, owner, ("delta", "text"))
    age(store, owner, 60)
    assert looker.sweep() == 0
    now += 9.0
    assert looker.sweep() == 0
    store.away = True
    with pytest.raises(StoreUnavailable):
        looker.sweep()
    store.away = False
    now += 9.0
    assert looker.sweep() == 0  # the looks before the store went away count no more
    store.write(lambda work: work.processes.beat(owner))
    now += 11.0
    assert looker.sweep() == 0
    age(store, owner, 60)
    assert looker.sweep() == 0
    now += 10.0
    assert looker.sweep() == 1
    assert machine.generations.get(ann, str(generation)).status == "interrupted"
    assert not looker._presence.is_free(owner)
    assert not store.write(lambda work: work.processes.beat(owner))  # so the owner learns of it, and signs on again
    presence.stop()
    until(lambda: looker._presence.is_free(owner), what="the server to notice that the session has ended")


def test_what_was_acknowledged_and_never_begun(machine: Machine, store: FlakyStore, ann: Principal) -> None:
    """A fault between the commit and the start: the chat is free again after half a minute."""
    lost, young = (left_running(machine, store, ann, machine.owner) for _ in range(2))
    old = clock.now() - dt.timedelta(seconds=31)
    change = sa.update(GENERATIONS).where(GENERATION.id == lost).values(queued_at=old)
    store.write(lambda work: work.connection.execute(change))
    machine.generations.recovery.sweep()
    assert machine.generations.get(ann, str(lost)).status == "interrupted"
    assert machine.generations.get(ann, str(young)).active


def test_what_idle_processes_left_is_forgotten(machine: Machine, store: FlakyStore, looker: Recovery) -> None:
    dead, young = new_id(), new_id()
    for owner in (dead, young):
        store.write(lambda work, owner=owner: work.processes.register(owner, None))  # type: ignore[misc]
    for owner in (dead, machine.owner):
        age(store, owner, 7200)
    looker.forget_gone()
    assert known(store) == {young, machine.owner}
