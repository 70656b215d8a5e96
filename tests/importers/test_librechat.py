"""LibreChat's export: nested or flat, with empty messages whose subtree must stay."""

from __future__ import annotations

from typing import Any

import pytest

from tests.importers.products import NIL, libre_message, librechat
from tests.importers.reading import below, failure, path, read_one, said


def test_a_nested_tree() -> None:
    found = read_one(
        librechat(
            libre_message(
                "1", NIL, "q", True,
                libre_message("2", "1", "a", False, model="gpt-4o"),
                libre_message("3", "wrong", "b", False, libre_message("4", "3", "go on", True), unfinished=True),
            )
        )
    )  # fmt: skip
    assert (found.source, found.id, found.title) == ("librechat", "libre-1", "Libre")
    assert below(found, "q") == ["a", "b"]
    assert path(found, said(found, "go on").id) == ["q", "b", "go on"]
    assert (said(found, "a").model, said(found, "b").model) == ("gpt-4o", "gpt-4")
    assert (said(found, "b").status, said(found, "q").role) == ("interrupted", "user")


def test_flat_messages() -> None:
    item = librechat(messages=[libre_message("1", NIL, "q", True), libre_message("2", "1", "a", False)])
    del item["messagesTree"]
    found = read_one(item)
    assert path(found, found.head) == ["q", "a"]


def test_an_empty_message_costs_nothing_below_it() -> None:
    child = libre_message("3", "2", "kept", True)
    found = read_one(librechat(libre_message("1", NIL, "q", True, libre_message("2", "1", "", False, child))))
    assert path(found, found.head) == ["q", "kept"]


def test_contents_of_every_kind() -> None:
    content = [
        {"type": "think", "think": "hm"},
        {"type": "text", "text": {"value": "one"}},
        None,
        {"type": "text", "text": "two"},
        {"type": "tool_call", "tool_call": {"name": "search", "args": "{}", "output": "x"}},
        {"type": "image_file", "image_file": {"file_id": "f"}},
        {"type": "error", "error": "e"},
    ]
    [message] = read_one(librechat(libre_message("1", NIL, "old", False, content=content))).messages
    assert (message.content, message.reasoning) == ("one\n\ntwo", "hm")
    assert [part["name"] for part in message.parts or []] == ["tool_call search", "image_file", "error"]


def test_an_error_is_one() -> None:
    [message] = read_one(librechat(libre_message("1", NIL, "quota", False, error=True))).messages
    assert (message.status, message.metadata["error"]["detail"]) == ("error", "quota")


def test_the_system_prompt_is_told_of() -> None:
    found = read_one(librechat(libre_message("1", NIL, "q", True), options={"promptPrefix": "Be a pirate."}))
    assert "system prompt" in found.notes[0]


def test_a_tree_as_deep_as_a_long_conversation() -> None:
    """5,000 turns are 10,000 brackets: deeper than any recursion."""
    import json

    from tests.importers.reading import read_bytes

    opening = [json.dumps(libre_message(f"{n}", NIL, f"t{n}", n % 2 == 0))[:-2] for n in range(5000)]
    head = json.dumps(librechat())[:-2]
    data = head + "".join(opening) + "]}" * 5000 + "]}"
    [found] = read_bytes(data.encode())
    assert len(path(found, found.head)) == 5000  # type: ignore[union-attr,arg-type]


def test_neither_tree_nor_list_is_named() -> None:
    assert "messagesTree" in failure(librechat(messagesTree=None)).detail


@pytest.mark.parametrize(
    "wrong",
    [
        {"isCreatedByUser": "true"},
        {"text": None, "content": {}},
        {"text": 7, "content": [7, {"type": 7}, {"type": "text", "text": 7}, {"type": "tool_call", "tool_call": 7}]},
        {"messageId": {}, "parentMessageId": 7},
        {"createdAt": 7, "model": [], "files": 7, "children": "x"},
    ],
)
def test_wrong_types_cost_no_other_message(wrong: dict[str, Any]) -> None:
    found = read_one(librechat(libre_message("1", NIL, "q", True), libre_message("2", "1", "w", False) | wrong))
    assert said(found, "q").role == "user"
