"""Claude's export: old chains, new trees, pastes, thinking and tools."""

from __future__ import annotations

from typing import Any

import pytest

from tests.importers.products import SENTINEL, claude, claude_message
from tests.importers.reading import below, failure, path, read_bytes, read_one, said, zipped


def test_an_old_chain_of_texts() -> None:
    old = [claude_message("1", "human", "hello"), claude_message("2", "assistant", "hi")]
    for one in old:
        del one["content"]
    found = read_one(claude(*old))
    assert (found.source, found.id, found.title) == ("claude", "claude-1", "Stars")
    assert path(found, found.head) == ["hello", "hi"]
    assert [one.role for one in found.messages] == ["user", "assistant"]
    assert said(found, "hello").created_at is not None
    assert said(found, "hi").model is None, "unknown, and never made up"


def test_a_tree_by_parents() -> None:
    messages = [
        claude_message("1", "human", "q", parent_message_uuid=SENTINEL),
        claude_message("2", "assistant", "a", parent_message_uuid="1"),
        claude_message("3", "assistant", "b", parent_message_uuid="1", created_at="2025-03-04T05:07:00Z"),
        claude_message("4", "human", "stray", parent_message_uuid="gone"),
    ]
    found = read_one(claude(*messages))
    assert below(found, "q") == ["a", "b"]
    assert path(found, found.head) == ["q", "b"]
    assert path(found, said(found, "stray").id) == ["stray"]
    chosen = read_one(claude(*messages, current_leaf_message_uuid="2"))
    assert path(chosen, chosen.head) == ["q", "a"]


def test_a_paste_is_the_text_of_an_empty_message_and_a_part_of_another() -> None:
    paste = [{"file_name": "paste.txt", "file_size": 5, "file_type": "txt", "extracted_content": "long paste"}]
    found = read_one(
        claude(
            claude_message("1", "human", "", content=[], attachments=paste),
            claude_message("2", "assistant", "read"),
            claude_message("3", "human", "and this", attachments=paste, files=[{"file_name": "x.png"}]),
        )
    )
    assert path(found, found.head) == ["long paste", "read", "and this"]
    parts = said(found, "and this").parts or []
    assert [part["name"] for part in parts] == ["file x.png", "attachment paste.txt"]
    assert parts[1]["text"] == "long paste"


def test_thinking_and_tools_keep_their_types() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "flags": None},
        {"type": "text", "text": "one", "citations": [{"title": "T", "url": "https://x.example"}]},
        {"type": "tool_use", "id": "t", "name": "artifacts", "input": {"command": "create", "content": "<b>"}},
        {"type": "tool_result", "tool_use_id": "t", "name": "artifacts", "content": [{"type": "text", "text": "OK"}]},
        {"type": "text", "text": "two"},
        {"type": "tomorrow", "x": 1},
        None,
    ]
    found = read_one(
        claude(claude_message("1", "human", "q"), claude_message("2", "assistant", "flat", content=content))
    )
    reply = found.messages[1]
    assert (reply.content, reply.reasoning) == ("one\n\ntwo", "hm")
    assert [part["name"] for part in reply.parts or []] == ["tool_use artifacts", "tool_result artifacts", "tomorrow"]
    assert reply.metadata == {"sources": [{"title": "T", "url": "https://x.example"}]}


def test_an_empty_name_is_none() -> None:
    assert read_one(claude(claude_message("1", "human", "q"), name="")).title is None


def test_two_messages_of_one_id_are_two() -> None:
    found = read_one(claude(claude_message("1", "human", "q"), claude_message("1", "assistant", "a")))
    assert [one.content for one in found.messages] == ["q", "a"]


def test_a_zip_with_its_siblings() -> None:
    item = claude(claude_message("1", "human", "q"))
    data = zipped({"conversations.json": [item], "users.json": [{}], "projects.json": [{}], "memories.json": [{}]})
    assert len(read_bytes(data)) == 1


def test_nothing_said_is_named() -> None:
    assert "Nothing was said" in failure(claude()).detail
    assert "list" in failure(claude(chat_messages=None)).detail


@pytest.mark.parametrize(
    "wrong",
    [
        {"sender": None},
        {"sender": ["human"]},
        {"text": 7, "content": 7},
        {"content": [7, {"type": []}, {"type": "text", "text": {}}, {"type": "text", "citations": 7}]},
        {"attachments": {}, "files": [7, {"file_name": {}}]},
        {"created_at": "never", "uuid": {}},
        {"created_at": "9999-99-99T00:00:00Z"},
        {"parent_message_uuid": 7},
    ],
)
def test_wrong_types_cost_no_other_message(wrong: dict[str, Any]) -> None:
    found = read_one(claude(claude_message("1", "human", "q"), claude_message("2", "human", "w") | wrong))
    assert found.messages[0].content == "q"
