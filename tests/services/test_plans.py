"""Plan mode: one model plans, another one answers by the plan."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.domain import clock
from api.domain.chats import Message
from api.domain.errors import ChatBusy, Conflict, Invalid, NotFound, ProviderError
from api.domain.plans import FOLLOW, MAKE
from api.services.generations.chain import Turned
from api.services.messages import Draft, Edited
from api.services.model_configs import Wish
from tests.server import until
from tests.services.planning import ANSWERER, PLANNER, Planning
from tests.services.whole import Whole
from tests.upstream import Upstream


def asked(upstream: Upstream, tag: str) -> list[tuple[str, str]]:
    """What a model was sent, by its tag."""
    sent = upstream.sent(tag)
    assert sent is not None
    return [(turn["role"], turn["content"]) for turn in sent.body["messages"]]


# --- both steps


def test_the_plan_is_made_and_the_answer_follows_it(whole: Whole, upstream: Upstream) -> None:
    planning = Planning(whole)
    planning.said()
    assert planning.story() == [
        ("user", "text", "build it"),
        ("assistant", "plan", "1 2 3 "),
        ("assistant", "text", "1 2 "),
    ]
    assert [message.seq for message in planning.path()] == [1, 2, 3]
    assert asked(upstream, "planner") == [("system", MAKE), ("user", "build it")]
    assert asked(upstream, "answerer") == [("user", "build it"), ("assistant", "1 2 3 "), ("user", FOLLOW)]


def test_both_calls_are_in_the_ledger_under_their_own_model(whole: Whole) -> None:
    planning = Planning(whole)
    answer = planning.said()
    plan, answered = planning.ledger()
    assert (plan.model, answered.model) == ("count:3:0#planner", "count:2:0#answerer")
    assert (plan.status, answered.status) == ("complete", "complete")
    assert (plan.completion_tokens, answered.completion_tokens) == (3, 2)
    assert plan.notes["next"] == str(answered.id) == str(answer.id)
    assert plan.user_message_id == answered.user_message_id == planning.path()[0].id
    states = {state.name: state for state in whole.services.rate_limits.look(whole.ann)}
    assert states["generations"].limit - states["generations"].remaining == 2


def test_the_next_message_takes_the_whole_story_along(whole: Whole, upstream: Upstream) -> None:
    planning = Planning(whole)
    planning.said()
    whole.said(whole.ann, planning.chat, "and on", model="openai/text#later")
    assert asked(upstream, "later") == [
        ("user", "build it"),
        ("assistant", "1 2 3 "),
        ("user", FOLLOW),
        ("assistant", "1 2 "),
        ("user", "and on"),
    ]
    assert planning.story()[-1] == ("assistant", "text", "and on"), "a message that names its model gets no plan"


def test_one_log_tells_of_both_to_who_waits(whole: Whole) -> None:
    planning = Planning(whole, "openai/count:3:20")
    sent = planning.send()
    follower = whole.services.generations.follow_through(whole.ann, sent.generation_id)
    assert follower is not None
    planning.settled(sent)
    until(lambda: follower.cursor.log.closed)
    events = follower.cursor.log.events
    assert [kind for kind, _ in events if kind in ("started", "turned", "finished", "error")] == [
        "started",
        "turned",
        "started",
        "finished",
    ]
    turned = next(value for kind, value in events if kind == "turned")
    assert isinstance(turned, Turned)
    assert turned.finished["message"]["content"] == "1 2 3 "
    follower.close()


def test_each_step_is_told_alike_live_and_afterwards(whole: Whole) -> None:
    planning = Planning(whole, "openai/count:3:20")
    sent = planning.send()
    live = whole.services.generations.follow(whole.ann, str(sent.generation_id))
    answer = planning.settled(sent)
    until(lambda: live.cursor.log.closed)
    live.close()
    later = whole.services.generations.follow(whole.ann, str(sent.generation_id))
    assert [kind for kind, _ in live.cursor.log.events] == [kind for kind, _ in later.cursor.log.events]
    for events in (live.cursor.log.events, later.cursor.log.events):
        assert str(events[-1][1]["next"]) == str(answer.id)
        assert events[-1][1]["message"]["kind"] == "plan"
    later.close()


def test_a_key_replays_both(whole: Whole) -> None:
    planning = Planning(whole)
    sent = planning.send(idempotency_key="k")
    answer = planning.settled(sent)
    again = planning.send(idempotency_key="k")
    assert (again.generation_id, again.replayed) == (sent.generation_id, True)
    arrived = planning.messages.arrived(whole.ann, again)
    assert arrived.generation_id == answer.id
    assert arrived.plan is not None
    assert arrived.message is not None
    assert (arrived.plan.content, arrived.message.content) == ("1 2 3 ", "1 2 ")
    assert len(planning.ledger()) == 2


# --- review


def test_a_reviewed_plan_waits_is_edited_and_executed(whole: Whole, upstream: Upstream) -> None:
    planning = Planning(whole, review=True)
    planning.said()
    _, plan = planning.path()
    assert (plan.kind, plan.status) == ("plan", "complete")
    new = planning.edited(plan, "1. do it well")
    assert (new.kind, new.parent_id, new.metadata) == ("plan", plan.parent_id, {"edited_from": str(plan.id)})
    assert planning.path()[-1].id == new.id
    assert set(planning.path()[-1].sibling_ids) == {plan.id, new.id}
    planning.executed(new)
    assert asked(upstream, "answerer") == [("user", "build it"), ("assistant", "1. do it well"), ("user", FOLLOW)]
    assert planning.story()[-1] == ("assistant", "text", "1 2 ")
    planning.executed(plan, model="openai/text")
    assert planning.story()[1:] == [("assistant", "plan", "1 2 3 "), ("assistant", "text", FOLLOW)]
    assert [row.model for row in planning.ledger()] == ["count:3:0#planner", "count:2:0#answerer", "text"]


def test_another_answer_to_a_plan_and_another_plan(whole: Whole, upstream: Upstream) -> None:
    planning = Planning(whole)
    planning.said()
    question, plan, answer = planning.path()
    again = planning.messages.regenerate(whole.ann, str(answer.id), Draft())
    planning.settled(again)
    assert again.user_message is not None
    assert again.user_message.id == question.id
    assert len(planning.path()[-1].sibling_ids) == 2
    assert asked(upstream, "answerer")[-1] == ("user", FOLLOW)
    planning.settled(planning.messages.regenerate(whole.ann, str(plan.id), Draft(wish=Wish(model="openai/text"))))
    assert planning.story()[1:] == [("assistant", "plan", "build it"), ("assistant", "text", "1 2 ")]
    assert len(planning.path()[1].sibling_ids) == 2


def test_a_cut_answer_grows_on_below_its_plan(whole: Whole, upstream: Upstream) -> None:
    planning = Planning(whole, answerer="openai/cut:2")
    planning.said()
    cut = planning.path()[-1]
    assert cut.status in ("interrupted", "error")
    planning.settled(
        planning.messages.go_on(whole.ann, str(cut.id), Draft(wish=Wish(model="openai/count:2:0#more"))),
    )
    assert planning.story()[-1] == ("assistant", "text", "1 2 1 2 ")
    assert [role for role, _ in asked(upstream, "more")] == ["user", "assistant", "user", "assistant", "user"]


def test_edits_of_one_moment_have_a_place_each(whole: Whole) -> None:
    planning = Planning(whole, review=True)
    planning.said()
    plan = planning.path()[-1]
    with ThreadPoolExecutor(6) as pool:
        edits = list(pool.map(lambda words: planning.edited(plan, words), "abcdef"))
    assert sorted(one.seq for one in edits) == [plan.seq + place for place in range(1, 7)]
    assert whole.services.chats.get(whole.ann, planning.chat).last_seq == plan.seq + 6


def test_an_edit_of_a_plan_is_made_once_a_key(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    planning = Planning(whole, review=True)
    planning.said(idempotency_key="message")
    question, plan = planning.path()

    def edit(words: str, key: str = "k", message: Message = plan) -> Edited:
        edited = planning.messages.edit(whole.ann, str(message.id), Draft(words, idempotency_key=key))
        assert isinstance(edited, Edited)
        return edited

    with ThreadPoolExecutor(4) as pool:
        edits = list(pool.map(edit, ["better"] * 4))
    assert sorted(one.replayed for one in edits) == [False, True, True, True]
    for one in edits:
        assert one.user_message is not None
        assert (one.user_message.id, one.message.id) == (question.id, edits[0].message.id)
    assert len(planning.path()[-1].sibling_ids) == 2
    for words, key, message in (("worse", "k", plan), ("better", "k", edits[0].message), ("better", "message", plan)):
        with pytest.raises(Invalid, match="another request before"):
            edit(words, key, message)
    with pytest.raises(Invalid, match="another request before"):
        planning.send(idempotency_key="k")
    tomorrow = clock.now() + dt.timedelta(hours=24, seconds=5)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert not edit("better").replayed
    assert len(planning.path()[-1].sibling_ids) == 3


def test_a_key_of_an_edited_plan_is_free_after_a_day(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    planning = Planning(whole, review=True)
    planning.said()
    planning.messages.edit(whole.ann, str(planning.path()[-1].id), Draft("better", idempotency_key="k"))
    tomorrow = clock.now() + dt.timedelta(hours=24, seconds=5)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert planning.said(idempotency_key="k").status == "complete"


def test_a_replayed_edit_of_a_plan_outlives_the_plan(whole: Whole) -> None:
    planning = Planning(whole, review=True)
    planning.said()
    plan = planning.path()[-1]
    keyed = Draft("better", idempotency_key="k")
    edited = planning.messages.edit(whole.ann, str(plan.id), keyed)
    assert isinstance(edited, Edited)
    whole.services.tree.delete(whole.ann, str(plan.id))
    again = planning.messages.edit(whole.ann, str(plan.id), keyed)
    assert isinstance(again, Edited)
    assert (again.message.id, again.replayed) == (edited.message.id, True)
    whole.services.tree.delete(whole.ann, str(edited.message.id))
    with pytest.raises(NotFound):
        planning.messages.edit(whole.ann, str(plan.id), keyed)


def test_what_cannot_be_executed_or_edited(whole: Whole) -> None:
    planning = Planning(whole)
    planning.said()
    question, plan, answer = planning.path()
    for message in (question, answer):
        with pytest.raises(Invalid, match="Only a plan"):
            planning.messages.execute(whole.ann, str(message.id), Draft())
    with pytest.raises(Invalid):
        planning.edited(plan, "  ")
    with pytest.raises(Invalid, match="Only a reply"):
        planning.messages.go_on(whole.ann, str(plan.id), Draft())
    for do in (planning.messages.execute, planning.messages.edit):
        with pytest.raises(NotFound):
            do(whole.ben, str(plan.id), Draft("mine"))


# --- what goes wrong


def test_a_failing_plan_is_told_and_nothing_follows_it(whole: Whole) -> None:
    planning = Planning(whole, planner="openai/status:500")
    sent = planning.send()
    generation = planning.settled(sent)
    assert (generation.status, generation.notes.get("next")) == ("error", None)
    assert planning.story() == [("user", "text", "build it"), ("assistant", "plan", "")]
    assert planning.path()[-1].metadata["error"]["code"] == generation.error_code
    assert len(planning.ledger()) == 1
    with pytest.raises(Conflict, match="empty"):
        planning.messages.execute(whole.ann, str(planning.path()[-1].id), Draft())
    written = planning.edited(planning.path()[-1], "1. my own")
    planning.executed(written)
    assert planning.story()[1:] == [("assistant", "plan", "1. my own"), ("assistant", "text", "1 2 ")]


def test_a_failing_answer_keeps_the_plan(whole: Whole) -> None:
    planning = Planning(whole, answerer="openai/status:500")
    assert planning.said().status == "error"
    assert planning.story()[1:] == [("assistant", "plan", "1 2 3 "), ("assistant", "text", "")]
    planning.executed(planning.path()[1], model="openai/count:1:0")
    assert planning.story()[1:] == [("assistant", "plan", "1 2 3 "), ("assistant", "text", "1 ")]


@pytest.mark.parametrize("mode", [{"planner": "no-such-model"}, {"answerer": "no-such-model"}])
def test_a_model_that_is_not_there_leaves_nothing(whole: Whole, mode: dict[str, str]) -> None:
    planning = Planning(whole, **mode)
    with pytest.raises(ProviderError):
        planning.send()
    assert planning.path() == []


def test_stopped_in_the_plan_it_keeps_what_there_is(whole: Whole) -> None:
    planning = Planning(whole, planner="openai/stall:3")
    sent = planning.send()
    run = whole.services.generations._runs[sent.generation_id]
    until(lambda: "3 " in "".join(value for kind, value in run.log.events if kind == "delta"))
    for do in (planning.messages.execute, planning.messages.edit):
        assert sent.message is not None
        with pytest.raises(ChatBusy):
            do(whole.ann, str(sent.message.id), Draft("other"))
    whole.services.generations.stop_reply(whole.ann, str(sent.generation_id))
    assert planning.settled(sent).status == "stopped"
    assert planning.story()[1:] == [("assistant", "plan", "1 2 3 ")]
    planning.executed(planning.path()[-1])
    assert planning.story()[1:] == [("assistant", "plan", "1 2 3 "), ("assistant", "text", "1 2 ")]


def test_a_stop_that_comes_when_the_plan_is_made_stops_the_answer(whole: Whole) -> None:
    planning = Planning(whole, answerer="openai/stall")
    sent = planning.send()
    plan = whole.ended(whole.ann, sent)
    whole.services.generations.stop_reply(whole.ann, str(plan.id))
    assert planning.settled(sent).status == "stopped"
    assert planning.story()[1:] == [("assistant", "plan", "1 2 3 "), ("assistant", "text", "")]


def test_a_stop_noted_before_the_plan_is_closed_lets_nothing_follow(whole: Whole) -> None:
    """As from another process, which cannot reach the run itself."""
    planning = Planning(whole, planner="openai/count:3:100")
    sent = planning.send()
    asked_to = whole.services.chats._store.write(
        lambda work: work.generations.request_stop(whole.ann.user_id, sent.generation_id)
    )
    assert asked_to
    assert planning.settled(sent).id == sent.generation_id
    assert len(planning.path()) == 2


def test_who_looks_at_another_branch_meanwhile_stays_there(whole: Whole) -> None:
    planning = Planning(whole)
    planning.said()
    first = planning.path()[-1]
    again = planning.messages.regenerate(
        whole.ann, str(planning.path()[1].id), Draft(wish=Wish(model="openai/count:5:100"))
    )
    whole.services.tree.show(whole.ann, planning.chat, str(first.id))
    answer = planning.settled(again)
    assert answer.id != again.generation_id
    assert planning.path()[-1].id == first.id


def test_the_chat_is_busy_from_the_first_word_to_the_last(whole: Whole) -> None:
    planning = Planning(whole, answerer="openai/stall")
    sent = planning.send()
    until(lambda: whole.services.generations.get(whole.ann, str(sent.generation_id)).notes.get("next"))
    with pytest.raises(ChatBusy) as refused:
        planning.send("another")
    following = whole.services.generations.get(whole.ann, str(sent.generation_id)).notes["next"]
    assert refused.value.extra["generation_id"] == following
    whole.services.generations.stop_all(whole.ann.user_id)


# --- the mode itself


def test_the_mode_is_set_copied_and_taken_back(whole: Whole) -> None:
    planning = Planning(whole, review=True)
    planning.said()
    fork = whole.services.tree.fork(whole.ann, planning.chat, None, None)
    assert fork.plan == {"planner": PLANNER, "answerer": ANSWERER, "review": True}
    whole.services.chats.change(whole.ann, planning.chat, {"plan": None})
    plan = planning.path()[-1]
    planning.settled(planning.messages.regenerate(whole.ann, str(plan.id), Draft()))
    assert planning.story()[1:] == [("assistant", "plan", "1 2 3 ")], "without a mode a plan waits"
    planning.executed(planning.path()[-1])
    assert planning.story()[-1] == ("assistant", "text", FOLLOW), "by the chat's own model"
    planning.said("plain")
    assert planning.story()[-2:] == [("user", "text", "plain"), ("assistant", "text", "plain")]


def test_other_clients_know_of_no_plan(whole: Whole) -> None:
    planning = Planning(whole)
    planning.said(surface="openai")
    assert planning.story() == [("user", "text", "build it"), ("assistant", "text", "build it")]
