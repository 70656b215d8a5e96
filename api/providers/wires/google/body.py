"""The conversation, the tools and the parameters as Gemini takes them."""

from __future__ import annotations

import re
from typing import Any, Final

from api.domain.conversation import (
    CompletionRequest,
    ImagePart,
    NamedTool,
    Part,
    TextPart,
    ToolResult,
    Turn,
    tool_names,
)
from api.domain.events import ProviderPart, ToolCall
from api.domain.text import clean_text
from api.providers.assembly import as_object, kept_part

Piece = dict[str, Any]
_OUR_ID: Final = re.compile(r"call_\d+$")
_SIGNS: Final = re.compile(r"(?:models/)?gemini-(?:[3-9]|\d\d|flash|pro)")
_UNSIGNED: Final = "skip_thought_signature_validator"
"""What Google documents for a tool call that another model made: models from Gemini 3 on refuse one without."""


def system(request: CompletionRequest) -> str:
    """The system prompt, and what turns of that role say: here the system speaks once."""
    said = [request.system or "", *(turn.content for turn in request.turns if turn.role == "system")]
    return clean_text("\n\n".join(text for text in said if text))


def contents(request: CompletionRequest, *, with_thoughts: bool) -> list[dict[str, Any]]:
    """The turns; neighbours of one role are one content."""
    names = tool_names(request.turns)
    found: list[dict[str, Any]] = []
    for turn in request.turns:
        if turn.role == "system":
            continue
        role = "model" if turn.role == "assistant" else "user"
        pieces = _pieces(turn, request.model, names, with_thoughts)
        if not pieces:
            continue
        if found and found[-1]["role"] == role:
            found[-1]["parts"].extend(pieces)
        else:
            found.append({"role": role, "parts": pieces})
    return found


def generation_config(request: CompletionRequest) -> dict[str, Any]:
    """The parameters, under Gemini's names."""
    config: dict[str, Any] = {
        "temperature": request.temperature,
        "topP": request.top_p,
        "maxOutputTokens": request.max_tokens,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed,
        "presencePenalty": request.presence_penalty,
        "frequencyPenalty": request.frequency_penalty,
        "responseLogprobs": True if request.logprobs is not None else None,
        "logprobs": request.logprobs or None,
    }
    if request.response_format is not None:
        config["responseMimeType"] = "application/json"
        if request.response_format.schema is not None:
            config["responseJsonSchema"] = dict(request.response_format.schema)
    return {name: value for name, value in config.items() if value is not None}


def tools(request: CompletionRequest) -> dict[str, Any]:
    """The tools and which of them the model may or must call."""
    if not request.tools:
        return {}
    declared: list[Piece] = []
    for tool in request.tools:
        shown: Piece = {"name": tool.name}
        if tool.description:
            shown["description"] = tool.description
        if tool.parameters:
            shown["parametersJsonSchema"] = dict(tool.parameters)
        declared.append(shown)
    body: dict[str, Any] = {"tools": [{"functionDeclarations": declared}]}
    choice = request.tool_choice
    if choice is not None:
        calling: Piece = {"mode": "ANY"}
        if isinstance(choice, NamedTool):
            calling["allowedFunctionNames"] = [choice.name]
        elif choice != "required":
            calling["mode"] = choice.upper()
        body["toolConfig"] = {"functionCallingConfig": calling}
    return body


def _pieces(turn: Turn, model: str, names: dict[str, str], with_thoughts: bool) -> list[Piece]:
    pieces: list[Piece] = [{"text": clean_text(turn.content)}] if turn.content else []
    for part in turn.parts:
        if isinstance(part, ProviderPart):
            kept = kept_part(part, "google", model) if with_thoughts else None
            pieces += [kept] if kept else []
        else:
            pieces += _piece(part, names, with_thoughts)
    calls = [piece for piece in pieces if "functionCall" in piece]
    if calls and _SIGNS.match(model) and not any("thoughtSignature" in piece for piece in calls):
        calls[0]["thoughtSignature"] = _UNSIGNED
    return pieces


def _piece(part: Part, names: dict[str, str], with_thoughts: bool) -> list[Piece]:
    match part:
        case TextPart():
            return [{"text": clean_text(part.text)}]
        case ImagePart():
            return [{"inlineData": {"mimeType": part.mime, "data": part.base64()}}]
        case ToolCall():
            call: Piece = {"functionCall": {"name": part.name, "args": as_object(part.arguments), **_id(part.id)}}
            return [call | {"thoughtSignature": part.signature} if part.signature and with_thoughts else call]
        case ToolResult():
            name = part.name or names.get(part.call_id, "")
            response = as_object(part.content)
            if part.is_error:
                response = {"error": response}
            return [{"functionResponse": {"name": name, "response": response, **_id(part.call_id)}}]
    return []


def _id(call_id: str) -> dict[str, str]:
    """Gemini gives some calls an id; those without one got theirs from us."""
    return {} if _OUR_ID.match(call_id) else {"id": call_id}
