"""Claude's data export: `chat_messages` in a list, in newer exports each with its parent.

Thinking is reasoning; tools and their results are parts; a long paste, which leaves the text empty, is the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.domain.transcripts import Said, Transcript
from api.importers.trees import Node, grown, head_of
from api.importers.values import Unreadable, identifier, imported, joined, line, mapping, moment, objects, text

SOURCE: Final = "claude"
ROLES: Final = {"human": "user", "user": "user", "assistant": "assistant"}


def recognised(item: Mapping[str, Any]) -> bool:
    return "chat_messages" in item


def read(item: Mapping[str, Any]) -> Transcript:
    """Raises Unreadable."""
    messages = item.get("chat_messages")
    if not isinstance(messages, list):
        raise Unreadable("Its `chat_messages` are no list.")
    model = line(item.get("model"), 200)
    has_tree = any(one.get("parent_message_uuid") for one in objects(messages))
    nodes: list[Node] = []
    for number, one in enumerate(objects(messages)):
        name = identifier(one.get("uuid")) or f"message {number}"
        parent = identifier(one.get("parent_message_uuid")) if has_tree else (nodes[-1].id if nodes else None)
        nodes.append(Node(name, parent, _said(name, one, model)))
    begun = moment(item.get("created_at"))
    tree = grown(nodes, begun)
    found = identifier(item.get("uuid")) or (nodes[0].id if nodes else None)
    if found is None or not tree.messages:
        raise Unreadable("Nothing was said in it.")
    return Transcript(
        source=SOURCE,
        id=found,
        title=line(item.get("name"), 200),
        messages=tree.messages,
        head=head_of(tree, identifier(item.get("current_leaf_message_uuid"))),
        created_at=begun,
        updated_at=moment(item.get("updated_at")),
        fields={"pinned": item.get("is_starred") is True},
        notes=tree.notes,
    )


def _said(name: str, message: Mapping[str, Any], model: str | None) -> Said | None:
    role = ROLES.get(str(message.get("sender")))
    blocks = list(objects(message.get("content")))
    pasted = [
        (line(one.get("file_name"), 200), text(one.get("extracted_content"))) for one in _files(message, "attachments")
    ]
    words = joined(text(one.get("text")) for one in blocks if one.get("type") == "text") or text(message.get("text"))
    parts = [imported(_named(one), one) for one in blocks if one.get("type") not in ("text", "thinking")]
    parts += [imported(f"file {text(one.get('file_name'))}", one) for one in _files(message, "files")]
    if words.strip():
        parts += [
            {"type": "imported", "name": f"attachment {file or ''}".strip(), "text": told} for file, told in pasted
        ]
    else:
        words = joined(told for _, told in pasted)
    reasoning = joined(text(one.get("thinking")) for one in blocks if one.get("type") == "thinking")
    if role is None or not (words.strip() or parts or reasoning):
        return None
    return Said(
        id=name,
        parent_id=None,
        role=role,
        content=words,
        created_at=moment(message.get("created_at")),
        reasoning=reasoning or None,
        parts=parts or None,
        model=(line(message.get("model"), 200) or model) if role == "assistant" else None,
        metadata=_sources(blocks),
    )


def _files(message: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return list(objects(message.get(name)))


def _named(block: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (text(block.get("type")), text(block.get("name")))))


def _sources(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    cited = [one for block in blocks if block.get("type") == "text" for one in objects(block.get("citations"))]
    urls = [(one, line(one.get("url") or mapping(one.get("details")).get("url"), 2000)) for one in cited]
    found = [{"title": line(one.get("title"), 300), "url": url} for one, url in urls if url]
    return {"sources": found} if found else {}
