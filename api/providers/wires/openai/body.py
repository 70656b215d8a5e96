"""A request as OpenAI's chat completions take it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from api.domain.conversation import CompletionRequest, ImagePart, NamedTool, ResponseFormat, TextPart, Tool, Turn
from api.domain.conversation import ToolResult as Result
from api.domain.events import ProviderPart, ToolCall
from api.domain.text import clean_text
from api.providers.assembly import kept_part


def messages(request: CompletionRequest) -> list[dict[str, Any]]:
    """The system prompt and the turns."""
    found = [{"role": "system", "content": clean_text(request.system)}] if request.system else []
    for turn in request.turns:
        found.extend(_message(turn, request.model) if turn.parts else (_plain(turn),))
    return found


def passed_on(raw: Mapping[str, Any], request: CompletionRequest, refused: frozenset[str]) -> dict[str, Any]:
    """A client's own request for this model, without what the endpoint was seen to refuse."""
    body = {name: value for name, value in raw.items() if name not in refused}
    body["messages"] = [_without_ours(message) if "tool_calls" in message else message for message in raw["messages"]]
    if "max_tokens" in refused and "max_tokens" in raw:  # servers that refuse the old name ask for the new one
        body.setdefault("max_completion_tokens", raw["max_tokens"])
    if request.system:
        body["messages"] = [{"role": "system", "content": clean_text(request.system)}, *body["messages"]]
    return body | {"model": request.model, "stream": request.stream}


def _without_ours(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Tool calls of another wire's model, without what that one sealed."""
    calls = message["tool_calls"]
    if not isinstance(calls, list) or not any("parley" in _extra(call) for call in calls):
        return message
    bare = []
    for call in calls:
        extra = {name: value for name, value in _extra(call).items() if name != "parley"}
        kept = {name: value for name, value in call.items() if name != "extra_content"}
        bare.append(kept | ({"extra_content": extra} if extra else {}))
    return {**message, "tool_calls": bare}


def _extra(call: Any) -> Mapping[str, Any]:
    found = call.get("extra_content") if isinstance(call, dict) else None
    return found if isinstance(found, dict) else {}


def parameters(request: CompletionRequest) -> dict[str, Any]:
    """Everything but the conversation and what vendors name differently."""
    body: dict[str, Any] = {}
    if request.stop:
        body["stop"] = list(request.stop)
    if request.seed is not None:
        body["seed"] = request.seed
    if request.response_format is not None:
        body["response_format"] = _format(request.response_format)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        choice = request.tool_choice
        if isinstance(choice, NamedTool):
            body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
        elif choice is not None:
            body["tool_choice"] = choice
    return body


def _plain(turn: Turn) -> dict[str, Any]:
    return {"role": turn.role, "content": clean_text(turn.content)}


def _message(turn: Turn, model: str) -> Iterator[dict[str, Any]]:
    """A turn with parts; results of tools are messages of their own."""
    content: list[dict[str, Any]] = [{"type": "text", "text": clean_text(turn.content)}] if turn.content else []
    calls: list[dict[str, Any]] = []
    kept: dict[str, Any] = {}
    for part in turn.parts:
        match part:
            case Result():
                yield {"role": "tool", "tool_call_id": part.call_id, "content": clean_text(part.content)}
            case ToolCall():
                function = {"name": part.name, "arguments": part.arguments or "{}"}
                calls.append({"id": part.id, "type": "function", "function": function})
            case TextPart():
                content.append({"type": "text", "text": clean_text(part.text)})
            case ImagePart():
                url = f"data:{part.mime};base64,{part.base64()}"
                content.append({"type": "image_url", "image_url": {"url": url}})
            case ProviderPart():
                kept = kept_part(part, "openai", model) or kept
    if not content and not calls:
        return
    only_text = all(piece["type"] == "text" for piece in content)
    message: dict[str, Any] = {"role": turn.role}
    message["content"] = "".join(piece["text"] for piece in content) if only_text else content
    if calls:
        message |= {"content": message["content"] or None, "tool_calls": calls, **kept}
    yield message


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = dict(tool.parameters)
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _format(wanted: ResponseFormat) -> dict[str, Any]:
    if wanted.schema is None:
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": wanted.name, "schema": dict(wanted.schema)}
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}
