"""Conversations in the forms of other products, written from the formats' description: ordinary parts to build with."""

from __future__ import annotations

from typing import Any

NIL = "00000000-0000-0000-0000-000000000000"
SENTINEL = "00000000-0000-4000-8000-000000000000"


# ChatGPT


def gpt_message(name: str, role: str, *parts: Any, at: float | None = 1_700_000_000.5, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": at,
        "update_time": None,
        "content": {"content_type": "text", "parts": list(parts)},
        "status": "finished_successfully",
        "end_turn": True,
        "weight": 1.0,
        "metadata": {"model_slug": "gpt-4o"} if role == "assistant" else {},
        "recipient": "all",
        "channel": None,
    } | more


def gpt_node(name: str, parent: str | None, children: list[str], message: dict[str, Any] | None) -> dict[str, Any]:
    return {"id": name, "parent": parent, "children": children, "message": message}


def chatgpt(name: str = "conv-1", **more: Any) -> dict[str, Any]:
    """root → hidden context → u1 → {a1, a1b}; a1b → thoughts → a2, as research/peers.md sketches it."""
    no_metadata = gpt_message("a2", "assistant", "a2", at=None)
    del no_metadata["metadata"]
    thoughts = {"content_type": "thoughts", "thoughts": [{"summary": "Sum", "content": "I think", "finished": True}]}
    context = {"content_type": "user_editable_context", "user_profile": "secret", "user_instructions": "x"}
    mapping = {
        "client-created-root": gpt_node("client-created-root", None, ["ctx"], None),
        "ctx": gpt_node("ctx", "client-created-root", ["u1"], gpt_message("ctx", "user", content=context, weight=0)),
        "a1b": gpt_node("a1b", "u1", ["u2"], gpt_message("a1b", "assistant", "a1b", at=1_700_000_020)),
        "u1": gpt_node("u1", "ctx", ["a1", "a1b"], gpt_message("u1", "user", "u1", at=1_700_000_010)),
        "a1": gpt_node("a1", "u1", [], gpt_message("a1", "assistant", "a1", at=1_700_000_015)),
        "u2": gpt_node("u2", "a1b", ["t"], gpt_message("u2", "user", "u2", at=None)),
        "t": gpt_node("t", "u2", ["a2"], gpt_message("t", "assistant", content=thoughts)),
        "a2": gpt_node("a2", "t", [], no_metadata),
    }
    return {
        "id": name,
        "conversation_id": name,
        "title": "About trees",
        "create_time": 1_700_000_000.123456,
        "update_time": 1_700_000_100.5,
        "mapping": mapping,
        "current_node": "a2",
        "default_model_slug": "gpt-5",
        "is_archived": False,
        "is_starred": None,
        "moderation_results": [],
        "safe_urls": [],
    } | more


# Claude


def claude_message(name: str, sender: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "uuid": name,
        "sender": sender,
        "text": text,
        "content": [{"type": "text", "text": text, "citations": [], "start_timestamp": None, "flags": None}],
        "created_at": "2025-03-04T05:06:07.123456Z",
        "updated_at": "2025-03-04T05:06:07.123456Z",
        "attachments": [],
        "files": [],
    } | more


def claude(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "uuid": "claude-1",
        "name": "Stars",
        "summary": "",
        "created_at": "2025-03-04T05:06:00.000001Z",
        "updated_at": "2025-03-04T06:00:00Z",
        "account": {"uuid": "acc"},
        "chat_messages": list(messages),
    } | more


# Open WebUI


def webui_message(
    name: str, parent: str | None, role: str, content: Any, *children: str, **more: Any
) -> dict[str, Any]:
    return {
        "id": name,
        "parentId": parent,
        "childrenIds": list(children),
        "role": role,
        "content": content,
        "timestamp": 1_710_000_000,
    } | more


def open_webui(*messages: dict[str, Any], current: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "owui-1",
        "user_id": "u",
        "title": "Open",
        "chat": {
            "title": "Open",
            "models": ["llama3:8b"],
            "history": {"currentId": current, "messages": {one["id"]: one for one in messages}},
            "messages": [],
            "timestamp": 1_710_000_000_000,
        },
        "created_at": 1_710_000_000,
        "updated_at": 1_710_000_500,
        "share_id": None,
        "archived": False,
        "pinned": True,
        "meta": {"tags": ["work", "work", 7, "home"]},
        "folder_id": None,
    } | more


# LibreChat


def libre_message(name: str, parent: str, text: str, by_user: bool, *children: Any, **more: Any) -> dict[str, Any]:
    return {
        "messageId": name,
        "parentMessageId": parent,
        "conversationId": "libre-1",
        "text": text,
        "sender": "User" if by_user else "GPT",
        "isCreatedByUser": by_user,
        "model": None,
        "endpoint": "openAI",
        "createdAt": "2025-01-02T03:04:05.678Z",
        "updatedAt": "2025-01-02T03:04:05.678Z",
        "error": False,
        "unfinished": False,
        "_id": "mongo",
        "__v": 0,
        "children": list(children),
    } | more


def librechat(*roots: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "conversationId": "libre-1",
        "endpoint": "openAI",
        "title": "Libre",
        "exportAt": "10:11:12 GMT+0100",
        "branches": True,
        "recursive": True,
        "options": {"model": "gpt-4", "promptPrefix": None},
        "messagesTree": list(roots),
    } | more
