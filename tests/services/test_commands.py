"""Slash commands: what each does, and what is said of a line that is none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from api.domain.commands import COMMANDS, parse
from api.domain.errors import Conflict, Invalid, ModelNotFound, NotFound
from api.services.commands import Outcome
from api.services.messages import Draft
from tests.server import until
from tests.services.whole import Whole
from tests.upstream import Upstream


def run(whole: Whole, chat: str, text: str) -> Outcome:
    outcome = whole.services.commands.run(whole.ann, chat, text)
    for sent in outcome.sent:
        whole.ended(whole.ann, sent)
    return outcome


@pytest.fixture
def chat(whole: Whole) -> str:
    whole.config(whole.ann)
    return whole.chat(whole.ann)


def test_every_command_is_carried_out_by_something(whole: Whole) -> None:
    assert set(whole.services.commands._does) | set(whole.services.commands._makes) == {
        command.name for command in COMMANDS
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/modle gpt", "Did you mean /model?"),
        ("/xyzzy", "/help shows"),
        ("/model", "Write /model <name>"),
        ("/", "/help shows"),
        ("hello", "begins with a slash"),
    ],
)
def test_what_is_no_command_is_told(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        parse(text)


def test_two_slashes_send_one(whole: Whole, chat: str) -> None:
    outcome = run(whole, chat, "//etc/hosts is a file")
    assert (outcome.command, outcome.send) == (None, "/etc/hosts is a file")


def test_help_lists_them_all(whole: Whole, chat: str) -> None:
    assert len(run(whole, chat, "/HELP").items) == len(COMMANDS)


def test_clear_begins_a_chat_with_the_same_settings(whole: Whole, chat: str) -> None:
    run(whole, chat, "/model openai/count:2:0")
    made = run(whole, chat, "/clear").chat
    assert made is not None
    assert (str(made.id) != chat, made.model) == (True, "openai/count:2:0")
    titled = run(whole, chat, "/new Plans for May").chat
    assert titled is not None
    assert (titled.title, titled.model) == ("Plans for May", None)


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("two\nlines", "must be one line without control characters"),
        ("a\0b", "must be one line without control characters"),
        ("a\tb", "must be one line without control characters"),
        ("x" * 201, "should have at most 200 characters"),
    ],
)
def test_a_new_chats_title_is_ruled_as_elsewhere(whole: Whole, chat: str, title: str, words: str) -> None:
    """In the words of `POST /chats`, which tests/web reads."""
    with pytest.raises(Invalid, match=words) as refusal:
        run(whole, chat, f"/new {title}")
    assert refusal.value.extra["errors"][0]["pointer"] == "/text"
    assert len(whole.services.chats.all(whole.ann)) == 1, "nothing was made"
    made = run(whole, chat, f"/new {'x' * 200}").chat
    assert made is not None
    assert made.title == "x" * 200


def test_the_model_of_a_chat(whole: Whole, chat: str) -> None:
    changed = run(whole, chat, "/model openai/count:2:0").chat
    assert changed is not None
    whole.said(whole.ann, chat, "go")
    assert whole.services.chats.open(whole.ann, chat)[1][-1].content == "1 2 "
    with pytest.raises(ModelNotFound):
        run(whole, chat, "/model nobody-has-this")
    assert "demo/demo" in run(whole, chat, "/models").items


def test_the_prompt_of_a_chat(whole: Whole, chat: str) -> None:
    assert run(whole, chat, "/prompts").items == run(whole, chat, "/roles").items
    changed = run(whole, chat, "/role code assistant").chat
    assert changed is not None
    assert changed.prompt_id == whole.services.prompts.get(whole.ann, "code-assistant").id
    whole.services.prompts.create(whole.ann, {"name": "Translator", "content": "Speak {{language}}, {{n = 3}} words."})
    said = run(whole, chat, "/prompt translator").text
    assert said == "Translator is the prompt of this chat. Blanks to fill in, in the settings of the chat: language."
    whole.services.chats.change(whole.ann, chat, {"parameters": {"prompt_values": {"language": "Norwegian"}}})
    assert "lanks" not in run(whole, chat, "/prompt translator").text
    cleared = run(whole, chat, "/clear_role").chat
    assert cleared is not None
    assert cleared.prompt_id is None
    with pytest.raises(NotFound, match="/prompts"):
        run(whole, chat, "/prompt nothing")


def test_retry_and_compare_answer_the_last_message_again(whole: Whole, chat: str) -> None:
    for text in ("/retry", "/compare openai/text demo/demo"):
        with pytest.raises(Conflict, match="Nothing has been said"):
            run(whole, chat, text)
    whole.said(whole.ann, chat, "go")
    run(whole, chat, "/retry openai/count:2:0")
    run(whole, chat, "/compare openai/count:3:0 openai/text")
    question, shown = whole.services.chats.open(whole.ann, chat)[1]
    assert question.content == "go"
    assert (shown.content, len(shown.sibling_ids)) == ("1 2 3 ", 4)
    with pytest.raises(Invalid, match="two to four"):
        run(whole, chat, "/compare openai/text")


def keyed(whole: Whole, chat: str, text: str) -> Outcome:
    return whole.services.commands.run(whole.ann, chat, text, Draft(idempotency_key="k"))


@pytest.mark.parametrize("text", ["/retry openai/count:2:0", "/compare openai/count:2:0 openai/count:3:0"])
def test_what_begins_replies_begins_them_once_a_key(whole: Whole, chat: str, upstream: Upstream, text: str) -> None:
    whole.said(whole.ann, chat, "go")
    first = keyed(whole, chat, text)
    while_it_runs = keyed(whole, chat, text)
    for sent in first.sent:
        whole.ended(whole.ann, sent)
    again = keyed(whole, chat, text)
    assert [one.replayed for one in (first, while_it_runs, again)] == [False, True, True]
    for outcome in (while_it_runs, again):
        assert [one.generation_id for one in outcome.sent] == [one.generation_id for one in first.sent]
    assert upstream.requests == 1 + len(first.sent)
    for other in ("/retry openai/count:4:0", "/new", "/image a fox"):
        with pytest.raises(Invalid, match="another request before"):
            keyed(whole, chat, other)


@pytest.mark.parametrize("text", ["/new Plans for May", "/clear"])
def test_a_chat_is_made_once_a_key(whole: Whole, chat: str, text: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: keyed(whole, chat, text), range(4)))
    assert sorted(one.replayed for one in outcomes) == [False, True, True, True]
    assert len({one.chat.id for one in outcomes if one.chat}) == 1
    assert len(whole.services.chats.all(whole.ann)) == 2
    whole.said(whole.ann, chat, "go")
    for other in ("/new", "/retry", "/image a fox"):
        with pytest.raises(Invalid, match="another request before"):
            keyed(whole, chat, other)
    made = outcomes[0].chat
    assert made is not None
    whole.services.chats.delete(whole.ann, str(made.id))
    with pytest.raises(NotFound):
        keyed(whole, chat, text)


def test_plan_mode(whole: Whole, chat: str) -> None:
    changed = run(whole, chat, "/model:plan-mode openai/text demo/demo").chat
    assert changed is not None
    assert changed.plan == {"planner": "openai/text", "answerer": "demo/demo", "review": False}
    with pytest.raises(Invalid, match="two models"):
        run(whole, chat, "/model:plan-mode openai/text")
    off = run(whole, chat, "/model:plan-mode-off").chat
    assert off is not None
    assert off.plan is None


def test_stop(whole: Whole, chat: str) -> None:
    assert run(whole, chat, "/stop").text.startswith("Nothing")
    sent = whole.send(whole.ann, chat, "go", model="openai/stall:3")
    assert run(whole, chat, "/stop").text.startswith("Stopped")
    assert whole.ended(whole.ann, sent).status == "stopped"
    until(lambda: whole.services.chats.get(whole.ann, chat).active_generation_id is None)


def test_nobody_commands_anothers_chat(whole: Whole, chat: str) -> None:
    with pytest.raises(NotFound):
        whole.services.commands.run(whole.ben, chat, "/clear")
