"""The conversation and the tools as Anthropic's messages API takes them."""

from __future__ import annotations

from typing import Any

from api.domain.conversation import CompletionRequest, ImagePart, NamedTool, Part, TextPart, ToolResult, Turn
from api.domain.events import ProviderPart, ToolCall
from api.domain.text import clean_text
from api.providers.assembly import as_object, kept_part

Block = dict[str, Any]


def system(request: CompletionRequest) -> str:
    """The system prompt, and what turns of that role say: here the system speaks once."""
    said = [request.system or "", *(turn.content for turn in request.turns if turn.role == "system")]
    return clean_text("\n\n".join(text for text in said if text.strip()))


def messages(request: CompletionRequest, *, with_thoughts: bool) -> list[dict[str, Any]]:
    """The turns; neighbours of one role are one message, and a message of one text is just that text."""
    found: list[tuple[str, list[Block]]] = []
    for turn in request.turns:
        if turn.role == "system":
            continue
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = _blocks(turn, request.model if with_thoughts else None)
        if not blocks:
            continue
        if found and found[-1][0] == role:
            found[-1][1].extend(blocks)
        else:
            found.append((role, blocks))
    if found and found[-1][0] == "assistant":
        _trim(found[-1][1])
    return [{"role": role, "content": _short(blocks)} for role, blocks in found]


def tools(request: CompletionRequest) -> dict[str, Any]:
    """The tools and which of them the model may or must call."""
    if not request.tools:
        return {}
    body: dict[str, Any] = {"tools": []}
    for tool in request.tools:
        shown: Block = {"name": tool.name}
        if tool.description:
            shown["description"] = tool.description
        shown["input_schema"] = {"type": "object", **tool.parameters}
        if tool.strict is not None:
            shown["strict"] = tool.strict
        body["tools"].append(shown)
    choice = request.tool_choice
    if isinstance(choice, NamedTool):
        body["tool_choice"] = {"type": "tool", "name": choice.name}
    elif choice is not None:
        body["tool_choice"] = {"type": "any" if choice == "required" else choice}
    if request.parallel_tool_calls is False and choice != "none":
        body["tool_choice"] = {"type": "auto"} | body.get("tool_choice", {}) | {"disable_parallel_tool_use": True}
    return body


def _blocks(turn: Turn, model: str | None) -> list[Block]:
    """Thoughts first, as the API wants them; then the text and the other parts in order."""
    thoughts: list[Block] = []
    blocks = _text(turn.content)
    for part in turn.parts:
        if isinstance(part, ProviderPart):
            kept = kept_part(part, "anthropic", model) if model else None
            thoughts += [kept] if kept else []
        else:
            blocks += _block(part)
    return thoughts + blocks if blocks else []


def _block(part: Part) -> list[Block]:
    match part:
        case TextPart():
            return _text(part.text)
        case ImagePart():
            return [{"type": "image", "source": {"type": "base64", "media_type": part.mime, "data": part.base64()}}]
        case ToolCall():
            return [{"type": "tool_use", "id": part.id, "name": part.name, "input": as_object(part.arguments)}]
        case ToolResult():
            result: Block = {"type": "tool_result", "tool_use_id": part.call_id, "content": clean_text(part.content)}
            return [result | {"is_error": True} if part.is_error else result]
    return []


def _text(text: str) -> list[Block]:
    # The API refuses blocks without a visible character.
    return [{"type": "text", "text": clean_text(text)}] if text.strip() else []


def _trim(blocks: list[Block]) -> None:
    """A reply to be continued must not end in white space."""
    if blocks[-1]["type"] == "text":
        blocks[-1] = {"type": "text", "text": blocks[-1]["text"].rstrip()}


def _short(blocks: list[Block]) -> str | list[Block]:
    only_text = len(blocks) == 1 and blocks[0]["type"] == "text"
    return str(blocks[0]["text"]) if only_text else blocks
