"""LibreChat's export: one conversation a file, its messages nested (`messagesTree`) or flat (`messages`).

A message without text is passed over, and what was said below it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.domain.transcripts import Said, Transcript
from api.importers.trees import Node, grown, head_of
from api.importers.values import Unreadable, identifier, imported, joined, line, mapping, moment, objects, text

SOURCE: Final = "librechat"


def recognised(item: Mapping[str, Any]) -> bool:
    return "messagesTree" in item or ("conversationId" in item and "messages" in item)


def read(item: Mapping[str, Any]) -> Transcript:
    """Raises Unreadable."""
    nested = item.get("messagesTree")
    listed = nested if isinstance(nested, list) else item.get("messages")
    if not isinstance(listed, list):
        raise Unreadable("It has neither `messagesTree` nor `messages`.")
    options = mapping(item.get("options"))
    model = line(options.get("model"), 200)
    nodes = [Node(name, parent, _said(name, one, model)) for name, parent, one in _flat(listed)]
    tree = grown(nodes, None)
    found = identifier(item.get("conversationId")) or (nodes[0].id if nodes else None)
    if found is None or not tree.messages:
        raise Unreadable("Nothing was said in it.")
    told = (
        ("Its system prompt is not taken over: put it in the prompt library.",) if options.get("promptPrefix") else ()
    )
    return Transcript(
        source=SOURCE,
        id=found,
        title=line(item.get("title"), 200) or line(options.get("title"), 200),
        messages=tree.messages,
        head=head_of(tree, None),
        created_at=tree.messages[0].created_at,
        updated_at=max((one.created_at for one in tree.messages if one.created_at), default=None),
        fields={},
        notes=(*tree.notes, *told),
    )


def _flat(messages: list[Any]) -> list[tuple[str, str | None, Mapping[str, Any]]]:
    """Id, parent and message of each; in a tree the nesting says who is whose parent. Without recursion: a long
    conversation is a deep tree."""
    found: list[tuple[str, str | None, Mapping[str, Any]]] = []
    stack: list[tuple[dict[str, Any], str | None]] = [(one, None) for one in reversed(list(objects(messages)))]
    while stack:
        message, above = stack.pop()
        name = identifier(message.get("messageId")) or f"message {len(found)}"
        found.append((name, above or identifier(message.get("parentMessageId")), message))
        stack += [(child, name) for child in reversed(list(objects(message.get("children"))))]
    return found


def _said(name: str, message: Mapping[str, Any], model: str | None) -> Said | None:
    role = "user" if message.get("isCreatedByUser") is True else "assistant"
    words, reasoning, parts = _content(message)
    for key in ("files", "attachments"):
        parts += [
            imported(f"file {text(one.get('filename') or one.get('name'))}", one) for one in objects(message.get(key))
        ]
    failed = message.get("error") is True
    if not (words.strip() or reasoning or parts):
        return None
    error = {"code": "imported", "title": "Failed where it came from", "detail": words[:2000] or "The reply failed."}
    return Said(
        id=name,
        parent_id=None,
        role=role,
        content=words,
        created_at=moment(message.get("createdAt")),
        reasoning=reasoning or None,
        parts=parts or None,
        model=(line(message.get("model"), 200) or model) if role == "assistant" else None,
        status="error" if failed else "interrupted" if message.get("unfinished") is True else "complete",
        metadata={"error": error} if failed else {},
    )


def _content(message: Mapping[str, Any]) -> tuple[str, str, list[Any]]:
    """Text, reasoning and parts."""
    words: list[str] = []
    thoughts: list[str] = []
    parts: list[Any] = []
    for one in objects(message.get("content")):
        kind = one.get("type")
        if kind == "text":
            words.append(_text(one.get("text")))
        elif kind == "think":
            thoughts.append(_text(one.get("think")))
        else:
            called = text(mapping(one.get("tool_call")).get("name"))
            parts.append(imported(f"{text(kind)} {called}".strip() or "part", one))
    return joined(words) or text(message.get("text")), joined(thoughts), parts


def _text(value: Any) -> str:
    return text(value) or text(mapping(value).get("value"))
