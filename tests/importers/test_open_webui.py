"""Open WebUI's export: links that contradict each other, several models, output that is told twice."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.importers.products import open_webui, webui_message
from tests.importers.reading import below, path, read_one, said

REASONING = (
    '<details type="reasoning" done="true" duration="3">\n<summary>Thought for 3 seconds</summary>\n'
    "&gt; is 1 &lt; 2?\n&gt; yes\n</details>\nIt is."
)
TOOL = (
    '<details type="tool_calls" done="true" name="search" arguments="&quot;x&quot;">\n<summary>Tool</summary>\n'
    "</details>\nDone."
)


def test_two_models_answered_one_question() -> None:
    found = read_one(
        open_webui(
            webui_message("1", None, "user", "q", "2", "3"),
            webui_message("3", "1", "assistant", "b", model="m2", done=True),
            webui_message("2", "1", "assistant", "a", "4", model="m1", done=True),
            webui_message("4", "2", "user", "go on"),
            current="4",
        )
    )
    assert (found.source, found.id, found.title) == ("open-webui", "owui-1", "Open")
    assert below(found, "q") == ["a", "b"]
    assert path(found, found.head) == ["q", "a", "go on"]
    assert (said(found, "a").model, said(found, "b").model) == ("m1", "m2")
    assert found.fields == {"pinned": True, "archived": False, "tags": ["work", "home"]}


def test_parents_count_and_childrens_lists_are_repaired() -> None:
    found = read_one(
        open_webui(
            webui_message("1", None, "user", "q", "9", "3"),
            webui_message("2", "1", "assistant", "a"),
            webui_message("3", "2", "user", "below a"),
        )
    )
    assert (below(found, "q"), below(found, "a")) == (["a"], ["below a"])


def test_the_old_bare_form_and_a_flat_list() -> None:
    bare = open_webui(webui_message("1", None, "user", "q"), current="1")["chat"]
    found = read_one(bare)
    assert (found.title, [one.content for one in found.messages]) == ("Open", ["q"])
    assert found.created_at is not None
    assert found.created_at.year == 2024, "milliseconds are known by their size"
    flat = open_webui()
    flat["chat"] |= {
        "history": {},
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
    }
    assert path(read_one(flat), read_one(flat).head) == ["q", "a"]


def test_reasoning_and_tools_from_the_text() -> None:
    found = read_one(
        open_webui(webui_message("1", None, "assistant", REASONING), webui_message("2", "1", "assistant", TOOL))
    )
    first, second = found.messages
    assert (first.content, first.reasoning) == ("It is.", "is 1 < 2?\nyes")
    assert (second.content, (second.parts or [])[0]["name"]) == ("Done.", "tool_calls")
    assert '"x"' in (second.parts or [])[0]["text"]


def test_output_is_told_once() -> None:
    output = [
        {"type": "reasoning", "content": [{"type": "output_text", "text": "hm"}], "duration": 3},
        {"type": "function_call", "call_id": "c", "name": "search", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "found"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is."}]},
    ]
    [message] = read_one(open_webui(webui_message("1", None, "assistant", REASONING, output=output))).messages
    assert (message.content, message.reasoning) == ("It is.", "hm")
    assert [part["name"] for part in message.parts or []] == ["function_call search", "function_call_output"]


def test_other_details_stay_in_the_text() -> None:
    text = 'a <details><summary>s</summary>x</details> b <details type="reasoning"> never closed'
    assert read_one(open_webui(webui_message("1", None, "assistant", text))).messages[0].content == text


def test_states_errors_and_files() -> None:
    found = read_one(
        open_webui(
            webui_message("1", None, "user", "q", files=[{"name": "a.txt", "type": "file"}]),
            webui_message("2", "1", "assistant", "half", done=False),
            webui_message("3", "1", "assistant", "", error={"content": "no model"}),
            webui_message("4", "1", "assistant", "cited", sources=[{"source": {"url": "u"}}]),
        )
    )
    assert (said(found, "q").parts or [])[0]["name"] == "file a.txt"
    assert said(found, "half").status == "interrupted"
    assert (said(found, "").status, said(found, "").metadata["error"]["detail"]) == ("error", "no model")
    assert said(found, "cited").metadata["sources"] == [{"source": {"url": "u"}}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": ["user"]},
        {"content": 7},
        {"content": [7, {"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "data:"}}]},
        {"childrenIds": 7},
        {"parentId": 7},
        {"timestamp": "x", "model": {}, "done": 0},
        {"output": {"type": "message"}, "files": 7, "sources": 7, "error": 7},
    ],
)
def test_wrong_types_cost_no_other_message(wrong: dict[str, Any]) -> None:
    found = read_one(open_webui(webui_message("1", None, "user", "q"), webui_message("2", "1", "user", "w") | wrong))
    assert said(found, "q").role == "user"


def test_a_million_characters_of_open_blocks_are_read_once() -> None:
    begun = time.monotonic()
    for text in ("<details " * 100_000, '<details type="reasoning">' * 40_000, "<details>" * 100_000):
        read_one(open_webui(webui_message("1", None, "assistant", text)))
    assert time.monotonic() - begun < 30
