"""OpenAI's chat completion request → our terms, for providers that speak another protocol. Pure, no Flask.

Source of the shapes: OpenAI's API reference, "Create chat completion".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from api.domain.conversation import (
    CompletionRequest,
    ImagePart,
    NamedTool,
    Part,
    ResponseFormat,
    TextPart,
    Tool,
    ToolChoice,
    ToolResult,
    Turn,
)
from api.domain.errors import Invalid
from api.domain.events import ProviderPart, ToolCall
from api.domain.sealed import given_back

SYSTEM_ROLES: Final = ("system", "developer")
DATA_URL: Final = re.compile(r"data:(image/[a-z0-9.+-]{1,40});base64,([A-Za-z0-9+/=\s]*)", re.IGNORECASE)
ELSEWHERE: Final = re.compile(
    r"(base|api|proxy|endpoint)_?(url|base)|(api|auth)_?(key|version|type|token)|(extra_)?headers|extra_(query|body)"
    r"|organization|project|proxy|proxies|model_list|user_config|custom_llm_provider|litellm_\w+|(vertex|aws|azure)_\w+",
    re.IGNORECASE,
)
"""Parameters that would change where a call goes, or as whom, in one of the servers that it may reach."""

SAID: Final = frozenset(
    ("model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens")
) | frozenset(
    ("n", "stop", "seed", "tools", "tool_choice", "parallel_tool_calls", "response_format", "logprobs", "top_logprobs")
)
PENALTIES: Final = ("presence_penalty", "frequency_penalty")
"""With SAID: parameters that have a word in our terms."""

ASIDE: Final = frozenset(
    ("user", "safety_identifier", "store", "metadata", "service_tier", "prompt_cache_key", "prompt_cache_retention")
)
"""Parameters that are between OpenAI and its customer: no other provider's reply would differ by them."""

UNHEARD: Final = frozenset(
    ("logit_bias", "reasoning_effort", "verbosity", "modalities", "audio", "prediction", "web_search_options")
)
"""Parameters of OpenAI's that our terms have no word for."""

NOT_THEIRS: Final = SAID.union(PENALTIES, ASIDE, UNHEARD)
"""All others are the provider's own, and are passed on."""

STORED: Final = frozenset(
    ("model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens")
) | {"n", "user"}
"""Parameters that may come with a turn which is stored in a chat."""


def refuse_detours(body: Mapping[str, Any]) -> None:
    """Raises Invalid for a parameter that is to send the call elsewhere: a key goes only where it was saved for."""
    for name in body:
        if ELSEWHERE.fullmatch(name):
            raise _invalid(
                name, f"{name} is not taken here: where a call goes, and with which key, is set up in Parley."
            )


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """A request that is to be stored in a chat: what is asked, and what the model is to know besides."""

    content: str
    history: tuple[tuple[str, str], ...]
    system: str | None


def read_turn(body: Mapping[str, Any]) -> ChatTurn:
    """The request as a turn of a chat. Raises Invalid for what a chat does not hold."""
    for name in body:
        if name not in STORED:
            raise _invalid(
                name, f"{name} is not taken with X-Parley-Chat: a chat holds texts. Leave out one of the two."
            )
    request = read(body)
    *before, last = request.turns or (Turn("assistant", ""),)
    if last.role != "user" or any(turn.parts or turn.role == "tool" for turn in request.turns):
        raise _invalid("messages", "With X-Parley-Chat, messages are texts, and the last one is the user's.")
    return ChatTurn(last.content, tuple((turn.role, turn.content) for turn in before), request.system)


def read(body: Mapping[str, Any]) -> CompletionRequest:
    """The whole request. Raises Invalid for what has no equivalent; the model's name is the caller's business."""
    if (body.get("n") or 1) != 1:
        raise _invalid("n", "This model gives one answer a request; leave out n.")
    for name in ("functions", "function_call"):
        if name in body:
            raise _invalid(name, f"{name} is OpenAI's old way; give this model tools and tool_choice.")
    messages = body["messages"]
    stop = body.get("stop")
    parallel = body.get("parallel_tool_calls")
    return CompletionRequest(
        model="",
        turns=tuple(turn for place, message in enumerate(messages) for turn in _turns(message, f"messages.{place}")),
        system="\n\n".join(_texts(messages)) or None,
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stream=True,
        tools=tuple(_tool(tool, f"tools.{place}") for place, tool in enumerate(body.get("tools") or ())),
        tool_choice=_choice(body.get("tool_choice")),
        response_format=_format(body.get("response_format")),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        seed=body.get("seed"),
        parallel_tool_calls=parallel if isinstance(parallel, bool) else None,
        logprobs=_top(body) if body.get("logprobs") else None,
        presence_penalty=_penalty(body, "presence_penalty"),
        frequency_penalty=_penalty(body, "frequency_penalty"),
        unheard=tuple(name for name in body if name in UNHEARD),
        extra={name: value for name, value in body.items() if name not in NOT_THEIRS},
    )


def _top(body: Mapping[str, Any]) -> int:
    top = body.get("top_logprobs", 0)
    if isinstance(top, bool) or not isinstance(top, int) or not 0 <= top <= 20:
        raise _invalid("top_logprobs", "top_logprobs is a number from 0 to 20.")
    return top


def _penalty(body: Mapping[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and -2 <= value <= 2):
        return value
    raise _invalid(name, f"{name} is a number from -2 to 2.")


def _texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for place, message in enumerate(messages):
        if message.get("role") in SYSTEM_ROLES:
            yield _plain(message.get("content"), f"messages.{place}.content")


def _turns(message: Mapping[str, Any], at: str) -> Iterator[Turn]:
    role = message.get("role")
    content = message.get("content")
    if role in SYSTEM_ROLES:
        return
    if role == "user":
        yield _turn("user", content, (), f"{at}.content")
    elif role == "assistant":
        given = message.get("tool_calls") or ()
        if not isinstance(given, list | tuple):
            raise _invalid(f"{at}.tool_calls", "tool_calls is a list.")
        calls = tuple(_call(call, f"{at}.tool_calls.{n}") for n, call in enumerate(given))
        sealed = tuple(part for call in given for part in _sealed(call))
        yield _turn("assistant", content or message.get("refusal"), (*sealed, *calls), f"{at}.content")
    elif role == "tool":
        result = ToolResult(str(message.get("tool_call_id") or ""), "", _plain(content, f"{at}.content"))
        yield Turn("tool", "", (result,))
    else:
        raise _invalid(f"{at}.role", "A role is one of system, developer, user, assistant and tool.")


def _turn(role: Literal["user", "assistant"], content: Any, calls: tuple[Part, ...], at: str) -> Turn:
    if content is None or isinstance(content, str):
        return Turn(role, content or "", calls)
    if not isinstance(content, list):
        raise _invalid(at, "content is a text, or a list of parts.")
    parts = [_part(part, f"{at}.{place}") for place, part in enumerate(content)]
    if all(isinstance(part, TextPart) for part in parts):
        return Turn(role, "\n".join(part.text for part in parts if isinstance(part, TextPart)), calls)
    return Turn(role, "", (*parts, *calls))


def _part(part: Any, at: str) -> TextPart | ImagePart:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("text", "refusal") and isinstance(part.get(kind), str):
        return TextPart(part[kind])
    if kind == "image_url":
        given = part.get("image_url")
        url = given.get("url") if isinstance(given, dict) else given
        found = DATA_URL.fullmatch(url) if isinstance(url, str) else None
        if found is None:
            raise _invalid(at, "For this model an image is given as a data URL: data:image/png;base64,…")
        return ImagePart(found[1].lower(), "".join(found[2].split()))
    raise _invalid(at, f"This model takes text and images; a part of the type {str(kind)[:40]!r} cannot be sent to it.")


def _plain(content: Any, at: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        parts = [_part(part, f"{at}.{place}") for place, part in enumerate(content)]
        if all(isinstance(part, TextPart) for part in parts):
            return "\n".join(part.text for part in parts if isinstance(part, TextPart))
    raise _invalid(at, "content is a text here.")


def _call(call: Any, at: str) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _invalid(at, "A tool call has an id and a function with a name and arguments.")
    signature = _below(call, "extra_content", "google", "thought_signature")
    return ToolCall(
        str(call.get("id") or ""),
        function["name"],
        str(function.get("arguments") or ""),
        signature if isinstance(signature, str) else "",
    )


def _sealed(call: Any) -> tuple[ProviderPart, ...]:
    """What our own answer put beside the call; a wire takes its own, of the same model, and leaves the rest."""
    found = _below(call, "extra_content", "parley", "sealed")
    return given_back(found) if isinstance(found, list) else ()


def _below(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _tool(tool: Any, at: str) -> Tool:
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type", "function") == "function" else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _invalid(at, "This model takes tools of the type function, with a name and parameters.")
    parameters = function.get("parameters")
    return Tool(
        function["name"],
        str(function.get("description") or ""),
        parameters if isinstance(parameters, dict) else {},
        function.get("strict"),
    )


def _choice(given: Any) -> ToolChoice | None:
    if given is None or given in ("auto", "none", "required"):
        return given  # type: ignore[no-any-return]
    function = given.get("function") if isinstance(given, dict) else None
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return NamedTool(function["name"])
    raise _invalid("tool_choice", "tool_choice is auto, none, required, or one function by its name.")


def _format(given: Any) -> ResponseFormat | None:
    kind = given.get("type") if isinstance(given, dict) else None
    if given is None or kind == "text":
        return None
    if kind == "json_object":
        return ResponseFormat()
    schema = given.get("json_schema") if kind == "json_schema" else None
    if isinstance(schema, dict) and isinstance(schema.get("schema"), dict):
        return ResponseFormat(schema["schema"], str(schema.get("name") or "reply"), schema.get("strict"))
    raise _invalid("response_format", "response_format is text, json_object, or json_schema with a schema.")


def _invalid(parameter: str, detail: str) -> Invalid:
    return Invalid.at(parameter.replace(".", "/"), detail, code="invalid")
