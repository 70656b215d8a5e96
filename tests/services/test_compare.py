"""One message to several models."""

from __future__ import annotations

import pytest

from api.domain.chats import Message
from api.domain.errors import Invalid, ProviderError
from api.domain.ids import new_id
from api.services.generations.braid import Braid, Strand
from api.services.messages import Draft, Sent
from api.streams.live_log import Cursor, Event, LiveLog
from tests.services.whole import Whole

MODELS = ["openai/text", "openai/count:3:0", "openai/status:500"]


def path(whole: Whole, chat: str) -> list[Message]:
    return whole.services.chats.open(whole.ann, chat)[1]


def ended(whole: Whole, chat: str, sent: list[Sent]) -> list[Message]:
    for one in sent:
        whole.ended(whole.ann, one)
    found = []
    for one in sent:
        assert one.message is not None
        whole.services.tree.show(whole.ann, chat, str(one.message.id))
        found.append(path(whole, chat)[-1])
    return found


def test_models_answer_beside_each_other(whole: Whole) -> None:
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    sent = whole.services.messages.compare(whole.ann, chat, Draft("one"), MODELS)
    for one in sent:
        whole.ended(whole.ann, one)
    question, shown = path(whole, chat)
    assert sent[0].message is not None
    assert shown.id == sent[0].message.id, "the first is shown until somebody chooses"
    replies = ended(whole, chat, sent)
    assert [reply.content for reply in replies] == ["one", "1 2 3 ", ""]
    assert [reply.status for reply in replies] == ["complete", "complete", "error"]
    assert [reply.seq for reply in replies] == [2, 3, 4]
    assert shown.sibling_ids == tuple(reply.id for reply in replies)
    assert question.seq == 1
    whole.services.tree.show(whole.ann, chat, str(replies[1].id))
    whole.said(whole.ann, chat, "and on")
    assert [message.content for message in path(whole, chat)] == ["one", "1 2 3 ", "and on", "and on"]


def test_a_comparison_is_one_request(whole: Whole) -> None:
    whole.config(whole.ann)
    chat, compare = whole.chat(whole.ann), whole.services.messages.compare
    keyed = Draft("one", idempotency_key="k")
    sent = compare(whole.ann, chat, keyed, MODELS)
    ended(whole, chat, sent)
    again = compare(whole.ann, chat, keyed, MODELS)
    assert [one.generation_id for one in again] == [one.generation_id for one in sent]
    assert all(one.replayed for one in again)


def test_what_cannot_be_compared_leaves_nothing(whole: Whole) -> None:
    whole.config(whole.ann)
    chat, compare = whole.chat(whole.ann), whole.services.messages.compare
    with pytest.raises(Invalid, match="once"):
        compare(whole.ann, chat, Draft("one"), ["openai/text"] * 2)
    with pytest.raises(ProviderError):
        compare(whole.ann, chat, Draft("one"), ["openai/text", "nobody-has-this"])
    assert path(whole, chat) == []


def test_each_reply_counts(whole: Whole) -> None:
    whole.config(whole.ann)
    before = {state.name: state.remaining for state in whole.services.rate_limits.look(whole.ann)}
    chat = whole.chat(whole.ann)
    ended(whole, chat, whole.services.messages.compare(whole.ann, chat, Draft("one"), MODELS))
    after = {state.name: state.remaining for state in whole.services.rate_limits.look(whole.ann)}
    assert before["generations"] - after["generations"] == 3
    assert before["writes"] - after["writes"] == 1


def test_long_replies_that_have_ended_are_told_to_their_end() -> None:
    """More events than a reader takes at once, and nothing comes that would wake it again."""
    events: list[Event] = [("started", {}), *[("delta", "x")] * 5000, ("finished", {})]
    strands = [Strand(new_id(), Cursor(LiveLog(list(events), closed=True))) for _ in range(2)]
    braid = Braid(strands)
    braid.begin()
    assert braid.log.closed
    assert [kind for kind, _ in braid.log.events] == [kind for kind, _ in events] * 2
