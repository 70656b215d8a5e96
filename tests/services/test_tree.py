"""The tree of messages: answered again, edited, gone on with, shown, removed, copied, rated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from api.domain.chats import NEW_CHAT, Message
from api.domain.errors import ChatBusy, Conflict, Invalid, NotFound
from api.domain.ids import new_id
from api.domain.principal import Principal
from api.domain.seam import GO_ON
from api.models.chats import MESSAGES
from api.services.messages import Draft, Sent
from api.services.model_configs import Wish
from tests.server import until
from tests.services.whole import Whole
from tests.upstream import Upstream


class Talk:
    """Ann's chat, where every reply is awaited."""

    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.ann = whole.ann
        self.messages = whole.services.messages
        self.tree = whole.services.tree
        whole.config(whole.ann)
        self.chat = whole.chat(whole.ann)

    def path(self, who: Principal | None = None) -> list[Message]:
        return self.whole.services.chats.open(who or self.ann, self.chat)[1]

    def texts(self) -> list[str]:
        return [message.content for message in self.path()]

    def said(self, content: str, **wish: Any) -> Message:
        """The reply to a message."""
        return self.ended(self.whole.send(self.ann, self.chat, content, **wish))

    def ended(self, sent: Sent) -> Message:
        self.whole.ended(self.ann, sent)
        assert sent.message is not None
        return self.message(sent.message.id)

    def message(self, message_id: object) -> Message:
        found = self.whole.services.chats._store.read(
            lambda work: work.messages.get_owned(message_id, self.ann.user_id)  # type: ignore[arg-type]
        )
        assert found is not None, "it is gone"
        return found

    def again(self, message: Message, **wish: Any) -> Message:
        return self.ended(self.messages.regenerate(self.ann, str(message.id), Draft(wish=Wish(**wish))))

    def edited(self, message: Message, content: str) -> Message:
        return self.ended(self.messages.edit(self.ann, str(message.id), Draft(content)))

    def gone_on(self, message: Message, **wish: Any) -> Message:
        return self.ended(self.messages.go_on(self.ann, str(message.id), Draft(wish=Wish(**wish))))

    def stalled(self, content: str = "go") -> Sent:
        """A reply that says `1 2 3 ` and then rests."""
        sent = self.whole.send(self.ann, self.chat, content, model="openai/stall:3")
        run = self.whole.services.generations._runs[sent.generation_id]
        until(lambda: "3 " in "".join(value for kind, value in run.log.events if kind == "delta"))
        return sent

    def stopped(self, sent: Sent) -> Message:
        self.whole.services.generations.stop_reply(self.ann, str(sent.generation_id))
        return self.ended(sent)


@pytest.fixture
def talk(whole: Whole) -> Iterator[Talk]:
    talk = Talk(whole)
    yield talk
    whole.services.generations.stop_all(whole.ann.user_id)


# --- answered again


def test_another_answer_stands_beside_the_first(talk: Talk, upstream: Upstream) -> None:
    first = talk.said("one")
    second = talk.again(first)
    assert (second.parent_id, second.content, second.model) == (first.parent_id, "one", "text")
    assert talk.message(first.id) == first
    assert [len(message.sibling_ids) for message in talk.path()] == [1, 2]
    assert talk.path()[-1].id == second.id
    assert [message["role"] for message in upstream.served[-1].body["messages"]] == ["user"]
    third = talk.again(first, model="openai/count:2:0")
    assert (third.content, third.model) == ("1 2 ", "count:2:0")


def test_a_question_without_an_answer_gets_one(talk: Talk) -> None:
    reply = talk.said("one")
    question = talk.path()[0]
    talk.tree.delete(talk.ann, str(reply.id))
    answer = talk.again(question)
    assert (answer.parent_id, answer.content) == (question.id, "one")


def test_the_model_of_the_reply_answers_again_though_the_chats_is_another(talk: Talk) -> None:
    first = talk.said("one", model="openai/count:3:0")
    assert talk.again(first).model == "count:3:0"


# --- edited


def test_an_edit_is_a_sibling_and_the_old_one_stays(talk: Talk) -> None:
    talk.said("one")
    before = talk.path()
    talk.said("two")
    kept = talk.path()
    reply = talk.edited(kept[2], "two, in other words")
    assert talk.texts() == ["one", "one", "two, in other words", "two, in other words"]
    assert talk.path()[-1].id == reply.id
    assert [talk.message(one.id).content for one in kept] == ["one", "one", "two", "two"]
    talk.edited(before[0], "another beginning")
    assert talk.texts() == ["another beginning"] * 2
    assert len(talk.path()[0].sibling_ids) == 2


def test_what_cannot_be_edited(talk: Talk) -> None:
    reply = talk.said("one")
    with pytest.raises(Invalid, match="own messages"):
        talk.edited(reply, "better")
    with pytest.raises(Invalid, match="some text"):
        talk.edited(talk.path()[0], "  ")
    assert talk.texts() == ["one", "one"]


# --- gone on with


def test_a_cut_reply_grows_on_in_its_place(talk: Talk, upstream: Upstream) -> None:
    cut = talk.said("count", model="openai/cut:5")
    assert (cut.content, cut.status) == ("1 2 3 4 5 ", "error")
    whole = talk.gone_on(cut, model="openai/text")
    assert (whole.id, whole.content, whole.status) == (cut.id, "1 2 3 4 5 " + GO_ON, "complete")
    assert "error" not in whole.metadata
    asked = [(one["role"], one["content"]) for one in upstream.served[-1].body["messages"]]
    assert asked == [("user", "count"), ("assistant", "1 2 3 4 5 "), ("user", GO_ON)]
    assert [message.content for message in talk.path()] == ["count", whole.content]
    assert talk.path()[-1].seq == 2


def test_its_stream_tells_the_new_text_alone_live_and_afterwards(talk: Talk) -> None:
    cut = talk.said("count", model="openai/cut:5")
    first = str(cut.metadata["generation_id"])
    sent = talk.messages.go_on(talk.ann, str(cut.id), Draft(wish=Wish(model="openai/count:2:0")))
    live = _events(talk, str(sent.generation_id))
    talk.ended(sent)
    later = _events(talk, str(sent.generation_id))
    assert _text(live) == _text(later) == "1 2 "
    assert live[-1][2]["message"]["content"] == "1 2 3 4 5 1 2 "
    assert [(number, kind) for number, kind, _ in live] == [(number, kind) for number, kind, _ in later]
    assert _text(_events(talk, first)) == "1 2 3 4 5 ", "the first part is told as it was"


def test_what_the_model_repeats_is_told_once(talk: Talk) -> None:
    """The upstream's echo of the request to go on, cut off and then said again from its beginning."""
    half = talk.stopped(talk.stalled())
    talk.whole.services.chats._store.write(
        lambda work: work.connection.execute(
            sa.update(MESSAGES).where(MESSAGES.c.id == half.id).values(content=GO_ON[:60])
        )
    )
    assert talk.gone_on(half, model="openai/text").content == GO_ON


def test_a_whole_reply_and_one_that_was_answered_do_not_grow(talk: Talk) -> None:
    stopped = talk.stopped(talk.stalled())
    talk.said("two", model="openai/text")
    with pytest.raises(Conflict, match="went on"):
        talk.gone_on(stopped)
    with pytest.raises(Conflict, match="whole"):
        talk.gone_on(talk.path()[-1])
    with pytest.raises(Invalid):
        talk.gone_on(talk.path()[0])
    nothing = talk.said("three", model="openai/status:500")
    with pytest.raises(Conflict, match="Nothing"):
        talk.gone_on(nothing)
    assert talk.message(stopped.id) == stopped


def test_stopped_again_it_keeps_both_parts(talk: Talk) -> None:
    stopped = talk.stopped(talk.stalled())
    sent = talk.messages.go_on(talk.ann, str(stopped.id), Draft())
    run = talk.whole.services.generations._runs[sent.generation_id]
    until(lambda: "3 " in "".join(value for kind, value in run.log.events if kind == "delta"))
    assert talk.message(stopped.id).content == "1 2 3 ", "until its end the first part is what is stored"
    again = talk.stopped(sent)
    assert (again.content, again.status) == ("1 2 3 1 2 3 ", "stopped")


# --- one at a time


def test_nothing_else_begins_while_a_reply_runs(talk: Talk) -> None:
    reply = talk.said("one")
    sent = talk.stalled()
    for begin in (
        lambda: talk.again(reply),
        lambda: talk.edited(talk.path()[0], "x"),
        lambda: talk.gone_on(talk.path()[-1]),
        lambda: talk.tree.clear(talk.ann, talk.chat),
        lambda: talk.tree.delete(talk.ann, str(reply.id)),
        lambda: talk.tree.fork(talk.ann, talk.chat, None, None),
    ):
        with pytest.raises(ChatBusy) as caught:
            begin()
        assert caught.value.extra == {"generation_id": str(sent.generation_id)}
    talk.stopped(sent)


def test_a_key_replays_instead_of_answering_twice(talk: Talk) -> None:
    reply = talk.said("one")
    keyed = Draft(idempotency_key="k")
    first = talk.messages.regenerate(talk.ann, str(reply.id), keyed)
    talk.ended(first)
    again = talk.messages.regenerate(talk.ann, str(reply.id), keyed)
    assert (again.generation_id, again.replayed) == (first.generation_id, True)
    with pytest.raises(Invalid, match="Idempotency-Key"):
        talk.messages.edit(talk.ann, str(talk.path()[0].id), Draft("x", idempotency_key="k"))
    assert len(talk.path()[-1].sibling_ids) == 2


# --- shown


def test_the_branch_shown_goes_down_to_what_was_said_last(talk: Talk) -> None:
    first = talk.said("one")
    talk.said("two")
    old = talk.path()
    talk.again(first)
    assert talk.texts() == ["one", "one"]
    chat = talk.tree.show(talk.ann, talk.chat, str(first.id))
    assert chat.head_id == old[-1].id
    assert [message.id for message in talk.path()] == [message.id for message in old]


def test_of_two_who_choose_at_once_the_second_is_told(talk: Talk) -> None:
    first = talk.said("one")
    second = talk.again(first)
    talk.tree.show(talk.ann, talk.chat, str(first.id), second.id)
    with pytest.raises(Conflict) as caught:
        talk.tree.show(talk.ann, talk.chat, str(second.id), second.id)
    assert caught.value.extra == {"head_id": str(first.id)}
    assert talk.path()[-1].id == first.id


# --- removed


def test_a_branch_goes_with_all_below_it_and_its_parent_is_shown(talk: Talk) -> None:
    first = talk.said("one")
    second = talk.again(first)
    talk.said("two")
    question = talk.path()[0]
    talk.tree.delete(talk.ann, str(second.id))
    assert talk.whole.services.chats.get(talk.ann, talk.chat).head_id == question.id
    assert talk.path()[-1].sibling_ids == (question.id,)
    assert talk.message(first.id) == first
    talk.tree.show(talk.ann, talk.chat, str(first.id))
    assert talk.texts() == ["one", "one"]
    with pytest.raises(NotFound):
        talk.tree.delete(talk.ann, str(second.id))


def test_what_is_not_shown_goes_without_a_change_of_the_head(talk: Talk) -> None:
    first = talk.said("one")
    second = talk.again(first)
    talk.tree.delete(talk.ann, str(first.id))
    assert [message.id for message in talk.path()][-1] == second.id


def test_a_branch_goes_though_a_reply_runs_in_another(talk: Talk) -> None:
    first = talk.said("one")
    second = talk.again(first)
    sent = talk.stalled()
    talk.tree.delete(talk.ann, str(first.id))
    assert talk.stopped(sent).content == "1 2 3 "
    assert talk.message(second.id) == second


def test_a_cleared_chat_is_empty_and_goes_on(talk: Talk) -> None:
    talk.said("one")
    talk.tree.clear(talk.ann, talk.chat)
    assert talk.path() == []
    talk.said("two")
    assert talk.texts() == ["two", "two"]


# --- copied


def test_a_fork_is_the_path_under_the_same_settings(talk: Talk) -> None:
    services = talk.whole.services
    services.chats.change(talk.ann, talk.chat, {"parameters": {"temperature": 0.5}, "tags": ["a"], "folder": "f"})
    first = talk.said("one")
    talk.said("two")
    original = talk.path()
    made = talk.tree.fork(talk.ann, talk.chat, str(first.id), None)
    chat, copy = services.chats.open(talk.ann, str(made.id))
    assert [message.content for message in copy] == ["one", "one"]
    assert (chat.parameters, chat.tags, chat.folder, chat.title) == ({"temperature": 0.5}, ["a"], "f", "one")
    assert not {message.id for message in copy} & {message.id for message in original}
    talk.whole.said(talk.ann, str(made.id), "three")
    assert talk.path() == original
    whole = talk.tree.fork(talk.ann, talk.chat, None, "All of it")
    assert (whole.title, whole.last_seq) == ("All of it", 4)


def test_an_empty_chat_forks_to_an_empty_one(talk: Talk) -> None:
    made = talk.tree.fork(talk.ann, talk.chat, None, None)
    assert (made.head_id, made.title, made.titled_by) == (None, NEW_CHAT, "default")


@pytest.mark.parametrize(("title", "becomes"), [(None, "What is a fork?"), ("Mine", "Mine")])
def test_the_first_message_of_an_empty_fork_titles_it(
    whole: Whole, talk: Talk, title: str | None, becomes: str
) -> None:
    fork = str(talk.tree.fork(talk.ann, talk.chat, None, title).id)
    whole.said(whole.ann, fork, "What is a fork?")
    assert whole.services.chats.get(whole.ann, fork).title == becomes


# --- rated


def test_a_rating_is_kept_with_the_reply_and_taken_back(talk: Talk) -> None:
    reply = talk.said("one")
    talk.tree.rate(talk.ann, str(reply.id), "up", "well said")
    assert talk.path()[-1].metadata["feedback"] == {"rating": "up", "comment": "well said"}
    talk.tree.rate(talk.ann, str(reply.id), None, None)
    assert talk.path()[-1].metadata == reply.metadata
    with pytest.raises(Invalid):
        talk.tree.rate(talk.ann, str(talk.path()[0].id), "up", None)


# --- whose


def test_nobody_touches_anothers_tree(talk: Talk) -> None:
    reply = talk.said("one")
    ben = talk.whole.ben
    for touch in (
        lambda: talk.messages.edit(ben, str(talk.path()[0].id), Draft("x")),
        lambda: talk.messages.regenerate(ben, str(reply.id), Draft()),
        lambda: talk.messages.go_on(ben, str(reply.id), Draft()),
        lambda: talk.tree.delete(ben, str(reply.id)),
        lambda: talk.tree.rate(ben, str(reply.id), "up", None),
        lambda: talk.tree.show(ben, talk.chat, str(reply.id)),
        lambda: talk.tree.fork(ben, talk.chat, None, None),
        lambda: talk.tree.clear(ben, talk.chat),
        lambda: talk.tree.show(talk.ann, talk.chat, str(new_id())),
        lambda: talk.messages.edit(talk.ann, "no id", Draft("x")),
    ):
        with pytest.raises(NotFound):
            touch()


def _events(talk: Talk, generation: str) -> list[tuple[int, str, Any]]:
    follower = talk.whole.services.generations.follow(talk.ann, generation)
    until(lambda: follower.cursor.log.closed)
    try:
        return follower.cursor.take()
    finally:
        follower.close()


def _text(events: list[tuple[int, str, Any]]) -> str:
    return "".join(value for _, kind, value in events if kind == "delta")
