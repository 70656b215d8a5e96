"""Open WebUI's export: rows with a `chat`, or the chat itself, whose `history` is a tree of messages.

`parentId` is what counts; the children's lists are for the order of siblings. What a reply thought and which tools it
called is in `output`, or in `<details>` blocks of its text, and is not told twice.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, Final

from api.domain.transcripts import Said, Transcript
from api.importers.trees import Node, grown, head_of
from api.importers.values import (
    Unreadable,
    identifier,
    imported,
    joined,
    line,
    mapping,
    moment,
    objects,
    storable,
    text,
)

SOURCE: Final = "open-webui"
OPEN: Final = "<details"
KIND: Final = re.compile(r'\stype="(reasoning|tool_calls|code_interpreter)"')
SUMMARY: Final = re.compile(r"\s*<summary>[^<]*</summary>\s*")
CLOSE: Final = "</details>"


def recognised(item: Mapping[str, Any]) -> bool:
    chat = mapping(item.get("chat")) or item
    return isinstance(chat.get("history"), dict) or (isinstance(item.get("chat"), dict) and "messages" in chat)


def read(item: Mapping[str, Any]) -> Transcript:
    """Raises Unreadable."""
    chat = mapping(item.get("chat")) or item
    history = mapping(chat.get("history"))
    nodes = _tree(history["messages"]) if isinstance(history.get("messages"), dict) else _chain(chat.get("messages"))
    begun = moment(item.get("created_at")) or moment(chat.get("timestamp"))
    models = chat.get("models")
    model = line(models[0], 200) if isinstance(models, list) and len(models) == 1 else None
    tree = grown([Node(name, parent, _said(name, one, model)) for name, parent, one in nodes], begun)
    if not tree.messages:
        raise Unreadable("Nothing was said in it.")
    tags = [tag for one in _tags(item) if (tag := line(one, 50))]
    return Transcript(
        source=SOURCE,
        id=identifier(item.get("id")) or identifier(chat.get("id")) or tree.messages[0].id,
        title=line(item.get("title"), 200) or line(chat.get("title"), 200),
        messages=tree.messages,
        head=head_of(tree, identifier(history.get("currentId"))),
        created_at=begun,
        updated_at=moment(item.get("updated_at")),
        fields={"pinned": item.get("pinned") is True, "archived": item.get("archived") is True, "tags": tags[:20]},
        notes=tree.notes,
    )


def _tags(item: Mapping[str, Any]) -> list[Any]:
    tags = mapping(item.get("meta")).get("tags")
    return list(dict.fromkeys(one for one in tags if isinstance(one, str))) if isinstance(tags, list) else []


def _tree(messages: Mapping[str, Any]) -> list[tuple[str, str | None, Mapping[str, Any]]]:
    by_id = {name: one for raw, one in messages.items() if (name := identifier(raw)) and isinstance(one, dict)}
    listed = [
        child for one in by_id.values() if isinstance(one.get("childrenIds"), list) for child in one["childrenIds"]
    ]
    order = dict.fromkeys(one for one in listed if isinstance(one, str) and one in by_id) | dict.fromkeys(by_id)
    return [(name, identifier(by_id[name].get("parentId")), by_id[name]) for name in order]


def _chain(messages: Any) -> list[tuple[str, str | None, Mapping[str, Any]]]:
    """The flat list, where there is no tree."""
    found: list[tuple[str, str | None, Mapping[str, Any]]] = []
    for number, one in enumerate(objects(messages)):
        name = identifier(one.get("id")) or f"message {number}"
        found.append((name, found[-1][0] if found else None, one))
    return found


def _said(name: str, message: Mapping[str, Any], model: str | None) -> Said | None:
    role = message.get("role")
    if role not in ("user", "assistant"):
        return None
    words, reasoning, parts = _content(message)
    parts += [imported(f"file {text(one.get('name'))}", one) for one in objects(message.get("files"))]
    error = message.get("error")
    if not (words.strip() or reasoning or parts or error):
        return None
    metadata: dict[str, Any] = {}
    if message.get("sources"):
        metadata["sources"] = imported("sources", message["sources"])["value"]
    if error:
        detail = text(mapping(error).get("content")) or text(error) or "The reply failed."
        metadata["error"] = {"code": "imported", "title": "Failed where it came from", "detail": detail[:2000]}
    return Said(
        id=name,
        parent_id=None,
        role=role,
        content=words,
        created_at=moment(message.get("timestamp")),
        reasoning=reasoning or None,
        parts=parts or None,
        model=(line(message.get("model"), 200) or model) if role == "assistant" else None,
        status="error" if error else "interrupted" if message.get("done") is False else "complete",
        metadata=storable(metadata),
    )


def _content(message: Mapping[str, Any]) -> tuple[str, str, list[Any]]:
    """Text, reasoning and parts."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [imported(text(one.get("type")), one) for one in objects(content) if one.get("type") != "text"]
        words = joined(text(one.get("text")) for one in objects(content) if one.get("type") == "text")
    else:
        words, parts = text(content), []
    output = list(objects(message.get("output")))
    plain, thoughts, calls = _undetailed(words)
    if not output:
        return plain, joined(thoughts), parts + calls
    told = [_texts(one) for one in output if one.get("type") == "reasoning"]
    parts += [
        imported(f"{one.get('type')} {text(one.get('name'))}".strip(), one)
        for one in output
        if one.get("type") not in ("reasoning", "message")
    ]
    said = joined(_texts(one) for one in output if one.get("type") == "message")
    return said or plain, joined(told), parts


def _texts(item: Mapping[str, Any]) -> str:
    return joined(text(one.get("text")) for one in objects(item.get("content")))


def _undetailed(words: str) -> tuple[str, list[str], list[Any]]:
    """The text without its blocks of reasoning and tools, and what stood in them."""
    kept: list[str] = []
    thoughts: list[str] = []
    calls: list[Any] = []
    at = 0
    while (begun := words.find(OPEN, at)) >= 0 and (tag_end := words.find(">", begun) + 1) > 0:
        tag = words[begun:tag_end]
        kind = KIND.search(tag)
        end = words.find(CLOSE, tag_end) if kind else -1
        if kind is None or end < 0:
            kept.append(words[at:tag_end])
            at = tag_end
            if kind:
                break  # nothing closes any more
            continue
        body = html.unescape(SUMMARY.sub("", words[tag_end:end], count=1)).strip()
        if kind[1] == "reasoning":
            thoughts.append(re.sub(r"^> ?", "", body, flags=re.M))
        else:
            calls.append({"type": "imported", "name": kind[1], "text": joined((html.unescape(tag), body), "\n")})
        kept.append(words[at:begun])
        at = end + len(CLOSE)
    kept.append(words[at:])
    return "".join(kept).strip() if calls or thoughts else words, thoughts, calls
