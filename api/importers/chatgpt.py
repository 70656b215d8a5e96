"""ChatGPT's data export: a conversation is a `mapping` of nodes, each with its parent, its children and a message.

Only what a person saw is a message here. Thoughts are the reasoning of the reply below them; calls of tools, what
those answered and contents of unknown kinds are parts of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.domain.transcripts import Said, Transcript
from api.importers.trees import Node, grown, head_of
from api.importers.values import Unreadable, identifier, imported, joined, line, mapping, moment, objects, text

SOURCE: Final = "chatgpt"
UNSEEN: Final = frozenset(("user_editable_context", "reasoning_recap", "model_editable_context"))
ENDS: Final = {"max_tokens": "length", "interrupted": "stopped", "content_filter": "filtered"}


def recognised(item: Mapping[str, Any]) -> bool:
    return "mapping" in item or ("create_time" in item and ("conversation_id" in item or "current_node" in item))


def read(item: Mapping[str, Any]) -> Transcript:
    """Raises Unreadable."""
    found = identifier(item.get("conversation_id")) or identifier(item.get("id"))
    if not isinstance(item.get("mapping"), dict):
        raise Unreadable("It has no `mapping`, so none of its messages are in the file.")
    begun = moment(item.get("create_time"))
    nodes = _nodes(item["mapping"], line(item.get("default_model_slug"), 200))
    tree = grown(nodes, begun)
    if not tree.messages:
        raise Unreadable("It holds no message that was shown.")
    fields = {"archived": item.get("is_archived") is True, "pinned": item.get("is_starred") is True}
    return Transcript(
        source=SOURCE,
        id=found or tree.messages[0].id,
        title=line(item.get("title"), 200),
        messages=tree.messages,
        head=head_of(tree, identifier(item.get("current_node"))),
        created_at=begun,
        updated_at=moment(item.get("update_time")),
        fields=fields,
        notes=tree.notes,
    )


def _nodes(nodes: Mapping[str, Any], model: str | None) -> list[Node]:
    """In an order in which siblings come as their parent names them."""
    by_id = {name: one for raw, one in nodes.items() if (name := identifier(raw)) and isinstance(one, dict)}
    named = {child: name for name, one in by_id.items() for child in _children(one)}
    order = dict.fromkeys(child for one in by_id.values() for child in _children(one) if child in by_id)
    order |= dict.fromkeys(by_id)
    found = []
    for name in order:
        parent = identifier(by_id[name].get("parent"))
        parent = parent if parent in by_id else named.get(name)
        found.append(_node(name, parent, mapping(by_id[name].get("message")), model))
    return found


def _children(node: Mapping[str, Any]) -> list[str]:
    children = node.get("children")
    return [one for one in children if isinstance(one, str)] if isinstance(children, list) else []


def _node(name: str, parent: str | None, message: Mapping[str, Any], model: str | None) -> Node:
    author, content, metadata = (mapping(message.get(key)) for key in ("author", "content", "metadata"))
    role, kind = author.get("role"), text(content.get("content_type"))
    hidden = metadata.get("is_visually_hidden_from_conversation") is True or message.get("weight") == 0
    if not message or hidden or role == "system" or kind in UNSEEN or metadata.get("is_user_system_message") is True:
        return Node(name, parent)
    if kind == "thoughts":
        thoughts = (
            joined((text(one.get("summary")), text(one.get("content")))) for one in objects(content.get("thoughts"))
        )
        return Node(name, parent, reasoning=[one for one in thoughts if one])
    if role not in ("user", "assistant") or message.get("recipient", "all") not in ("all", None):
        called = text(message.get("recipient")) if role == "assistant" else text(author.get("name"))
        return Node(name, parent, parts=[imported(f"{role} {called}".strip(), content)])
    words, parts = _said(content)
    if not words.strip() and not parts:
        return Node(name, parent)
    said = Said(
        id=name,
        parent_id=parent,
        role=role,
        content=words,
        created_at=moment(message.get("create_time")),
        parts=[*parts, *_attachments(metadata)] or None,
        model=(line(metadata.get("model_slug"), 200) or model) if role == "assistant" else None,
        status=_status(message, metadata) if role == "assistant" else "complete",
        metadata=_sources(metadata),
    )
    return Node(name, parent, said)


def _said(content: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The text of a message, and what in it is none."""
    kind = text(content.get("content_type"))
    if kind in ("text", "multimodal_text"):
        return _of_parts(content.get("parts"))
    if kind == "code":
        language = (line(content.get("language"), 30) or "").replace("unknown", "")
        return _fenced(text(content.get("text")), language), []
    if kind == "execution_output":
        return _fenced(text(content.get("text")), ""), []
    return text(content.get("text")), [imported(kind or "content", dict(content))]


def _of_parts(parts: Any) -> tuple[str, list[Any]]:
    words: list[str] = []
    others: list[Any] = []
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, str):
            words.append(text(part))
        elif isinstance(part, dict):
            kind = line(part.get("content_type"), 60) or "part"
            spoken = text(part.get("text"))
            words.append(spoken or f"[{kind.removesuffix('_asset_pointer').replace('_', ' ')}]")
            others.append(imported(kind, part))
        elif part is not None:
            others.append(imported("part", part))
    return joined(words, "\n"), others


def _fenced(code: str, language: str) -> str:
    return f"```{language}\n{code}\n```" if code.strip() else ""


def _attachments(metadata: Mapping[str, Any]) -> list[Any]:
    return [imported(f"attachment {text(one.get('name'))}", one) for one in objects(metadata.get("attachments"))]


def _status(message: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    ended = mapping(metadata.get("finish_details")).get("type")
    if isinstance(ended, str) and ended in ENDS:
        return ENDS[ended]
    return "interrupted" if message.get("status") == "in_progress" else "complete"


def _sources(metadata: Mapping[str, Any]) -> dict[str, Any]:
    cited = [mapping(one.get("metadata")) for one in objects(metadata.get("citations"))]
    found = [
        {"title": line(one.get("title"), 300), "url": line(one.get("url"), 2000)} for one in cited if one.get("url")
    ]
    return {"sources": found} if found else {}
