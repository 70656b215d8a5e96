"""Sending: what is stored, what the model is sent, and what an Idempotency-Key promises."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.domain import clock
from api.domain.chats import Message
from api.domain.errors import ChatBusy, Invalid, NotFound
from api.domain.ids import new_id
from api.domain.principal import Principal
from api.services.messages import Draft, Sent
from api.services.model_configs import Wish
from tests.server import until
from tests.services.whole import Whole
from tests.upstream import Upstream


def path(whole: Whole, who: Principal, chat: str) -> list[Message]:
    return whole.services.chats.open(who, chat)[1]


def sent_to_model(upstream: Upstream) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in upstream.served[-1].body["messages"]]


def test_a_message_and_its_reply(whole: Whole) -> None:
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    sent = whole.send(whole.ann, chat, " two\n lines ")
    assert sent.user_message is not None
    assert sent.message is not None
    assert (sent.user_message.status, sent.message.status) == ("complete", "running")
    whole.ended(whole.ann, sent)
    question, reply = path(whole, whole.ann, chat)
    assert (question.role, question.content, question.seq, question.parent_id) == ("user", " two\n lines ", 1, None)
    assert (reply.role, reply.seq, reply.parent_id) == ("assistant", 2, question.id)
    assert (reply.content, reply.status, reply.provider, reply.model) == (" two\n lines ", "complete", "openai", "text")
    opened, _ = whole.services.chats.open(whole.ann, chat)
    assert (opened.head_id, opened.last_seq) == (reply.id, 2)


def test_the_whole_active_path_is_the_context_of_the_next_call(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann, system_prompt="Be brief.")
    chat = whole.chat(whole.ann)
    for text in ("one", "two", "three"):
        whole.said(whole.ann, chat, text)
    system = [("system", "Be brief.")]
    told = [("user", "one"), ("assistant", "one"), ("user", "two"), ("assistant", "two"), ("user", "three")]
    assert sent_to_model(upstream) == system + told


def test_another_branch_is_no_part_of_it(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    whole.said(whole.ann, chat, "one")
    first_reply = path(whole, whole.ann, chat)[1]
    whole.said(whole.ann, chat, "two")
    whole.said(whole.ann, chat, "instead of two", parent=str(first_reply.id))
    assert sent_to_model(upstream) == [("user", "one"), ("assistant", "one"), ("user", "instead of two")]
    shown = path(whole, whole.ann, chat)
    assert [message.content for message in shown] == ["one", "one", "instead of two", "instead of two"]
    assert [len(message.sibling_ids) for message in shown] == [1, 1, 2, 1]
    assert shown[2].id in shown[2].sibling_ids
    whole.said(whole.ann, chat, "and on")
    assert sent_to_model(upstream)[-2:] == [("assistant", "instead of two"), ("user", "and on")]


def test_a_reply_that_failed_leaves_what_it_said_and_nothing_empty(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    whole.said(whole.ann, chat, "first", model="openai/cut:2")
    whole.said(whole.ann, chat, "second", model="openai/status:500")
    whole.said(whole.ann, chat, "third")
    assert sent_to_model(upstream) == [("user", "first"), ("assistant", "1 2 "), ("user", "second"), ("user", "third")]


def test_the_oldest_turns_are_left_out_when_they_do_not_fit_and_that_is_recorded(
    whole: Whole, upstream: Upstream
) -> None:
    whole.config(whole.ann, model="count:1:0")
    chat = whole.chat(whole.ann)
    size = 99_000  # some 28,000 tokens each; the window is 128,000
    generations = [whole.said(whole.ann, chat, f"{number}:" + "x" * size) for number in range(6)]
    context = sent_to_model(upstream)
    assert [(role, text[:2]) for role, text in context if role == "user"] == [("user", f"{n}:") for n in (2, 3, 4, 5)]
    assert context[0][0] == "user"
    assert [generation.notes for generation in generations] == [{}] * 4 + [{"left_out_turns": 2}, {"left_out_turns": 4}]
    assert path(whole, whole.ann, chat)[-1].metadata["left_out_turns"] == 4
    assert len(path(whole, whole.ann, chat)) == 12, "they stay in the chat"


def test_nothing_is_stored_of_what_is_refused(whole: Whole) -> None:
    chat = whole.chat(whole.ann)
    for text in ("", " \n", "a\0", "\ud800", "x" * 100_001):
        with pytest.raises(Invalid):
            whole.send(whole.ann, chat, text)
    for parent in (str(new_id()), "nonsense"):
        with pytest.raises(NotFound):
            whole.send(whole.ann, chat, "hello", parent=parent)
    for reference in (str(new_id()), "nonsense"):
        with pytest.raises(NotFound):
            whole.send(whole.ann, reference, "hello")
    with pytest.raises(NotFound):
        whole.send(whole.ben, chat, "hello")
    elsewhere = whole.chat(whole.ann)
    whole.said(whole.ann, elsewhere, "demo:fast a")
    with pytest.raises(NotFound):
        whole.send(whole.ann, chat, "hello", parent=str(path(whole, whole.ann, elsewhere)[0].id))
    opened, messages = whole.services.chats.open(whole.ann, chat)
    assert (messages, opened.last_seq, opened.title) == ([], 0, "New chat")


def test_one_reply_at_a_time(whole: Whole) -> None:
    chat = whole.chat(whole.ann)
    sent = whole.send(whole.ann, chat, "demo:stall")
    with pytest.raises(ChatBusy) as refused:
        whole.send(whole.ann, chat, "hello")
    assert refused.value.extra["generation_id"] == str(sent.generation_id)
    whole.services.generations.stop_reply(whole.ann, str(sent.generation_id))
    assert whole.ended(whole.ann, sent).status == "stopped"
    assert whole.said(whole.ann, chat, "demo:fast hello").status == "complete"
    assert [message.seq for message in path(whole, whole.ann, chat)] == [1, 2, 3, 4]


def test_of_many_parallel_messages_one_gets_the_chat(whole: Whole) -> None:
    chat = whole.chat(whole.ann)

    def attempt(number: int) -> Sent | None:
        try:
            return whole.send(whole.ann, chat, f"demo:stall {number}")
        except ChatBusy:
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [sent for sent in pool.map(attempt, range(8)) if sent]
    assert len(won) == 1
    assert len(path(whole, whole.ann, chat)) == 2
    whole.services.generations.stop_reply(whole.ann, str(won[0].generation_id))
    whole.ended(whole.ann, won[0])


def with_key(key: str, content: str = "hello", **wish: Any) -> Draft:
    return Draft(content, None, Wish(**wish), idempotency_key=key)


def test_twenty_sends_with_one_key_are_one_provider_call(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    messages = whole.services.messages
    with ThreadPoolExecutor(20) as pool:
        sent = list(pool.map(lambda _: messages.send(whole.ann, chat, with_key("k")), range(20)))
    assert len({each.generation_id for each in sent}) == 1
    assert sorted(each.replayed for each in sent) == [False] + [True] * 19
    until(lambda: not whole.services.generations.get(whole.ann, str(sent[0].generation_id)).active)
    assert upstream.requests == 1
    assert len(path(whole, whole.ann, chat)) == 2
    again = messages.send(whole.ann, chat, with_key("k"))
    assert (again.replayed, again.generation_id) == (True, sent[0].generation_id)
    assert again.message is not None
    assert again.message.content == "hello"


def test_a_key_with_another_request_is_refused(whole: Whole) -> None:
    chat, other = whole.chat(whole.ann), whole.chat(whole.ann)
    messages = whole.services.messages
    whole.ended(whole.ann, messages.send(whole.ann, chat, with_key("k", "demo:fast a")))
    different = [
        (chat, with_key("k", "demo:fast b")),
        (other, with_key("k", "demo:fast a")),
        (chat, with_key("k", "demo:fast a", model="demo")),
        (chat, with_key("k", "demo:fast a", temperature=0.5)),
        (chat, with_key("k", "demo:fast a", top_p=0.5)),
    ]
    for reference, draft in different:
        with pytest.raises(Invalid, match="Idempotency-Key"):
            messages.send(whole.ann, reference, draft)
    whole.ended(whole.ben, messages.send(whole.ben, whole.chat(whole.ben), with_key("k", "demo:fast c")))
    assert len(path(whole, whole.ann, chat)) == 2


def test_a_key_is_forgotten_after_a_day(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = whole.chat(whole.ann)
    messages = whole.services.messages
    first = messages.send(whole.ann, chat, with_key("k", "demo:fast a"))
    whole.ended(whole.ann, first)
    tomorrow = clock.now() + dt.timedelta(hours=24, seconds=5)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    second = messages.send(whole.ann, chat, with_key("k", "demo:fast something else"))
    assert not second.replayed
    assert whole.ended(whole.ann, second).id != first.generation_id


def test_a_parameter_that_a_model_refuses_is_dropped_and_that_is_recorded(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann)
    chat = whole.chat(whole.ann)
    generation = whole.said(whole.ann, chat, "think", model="openai/o3-mini", temperature=0.5)
    assert generation.status == "complete"
    assert "temperature" not in upstream.served[-1].body
    assert "temperature" in generation.notes["provider"][0]
    assert path(whole, whole.ann, chat)[-1].metadata["provider"] == generation.notes["provider"]
