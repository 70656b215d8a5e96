"""What is sent to a model: turns, and the request that carries them. Plain values, made once, never changed."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from api.domain.attachments import Attachment
from api.domain.events import ProviderPart, ToolCall

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text that has a place among other parts."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image for the model to see. `data`: its bytes, or the same in base64."""

    mime: str
    data: bytes | str = field(repr=False)

    def base64(self) -> str:
        """As every provider takes it."""
        return self.data if isinstance(self.data, str) else base64.b64encode(self.data).decode("ascii")


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call of that id. `content` is text, often JSON; an empty `name` is looked up."""

    call_id: str
    name: str
    content: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file that is not read yet; no wire ever gets one."""

    file: Attachment


Part = TextPart | ImagePart | ToolCall | ToolResult | ProviderPart | FilePart
"""ToolCall and ProviderPart are the decoder's own events: what a reply brought goes back as it came."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the context, in the order in which the model reads them.

    `content` is its text and stands before `parts`, which hold everything else: images of the user, the assistant's
    tool calls and provider parts, the results of tools (role "tool"). Text that must follow a part is a TextPart.
    """

    role: Role
    content: str
    parts: tuple[Part, ...] = ()


def tool_names(turns: tuple[Turn, ...]) -> dict[str, str]:
    """Tools by the id of their call: for results that do not say whose they are."""
    return {part.id: part.name for turn in turns for part in turn.parts if isinstance(part, ToolCall)}


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. `parameters` is a JSON schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class NamedTool:
    """The choice of one tool: the model must call this one."""

    name: str


ToolChoice = Literal["auto", "none", "required"] | NamedTool


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The reply shall be JSON: of that schema, or any object where there is none."""

    schema: Mapping[str, Any] | None = None
    name: str = "reply"
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One call of a model. `max_tokens` counts output tokens; None leaves a parameter to the provider.

    `extra` holds parameters of one vendor under its own names; they never replace what the other fields say. `raw` is
    a request in OpenAI's own form, for the wire that speaks it: it goes out as it is but for the model, the system
    prompt and whether it streams, and the answer's events come back as RawChunks too. The other fields then say
    nothing.

    `parallel_tool_calls`, `logprobs` (how many of the likeliest tokens besides the chosen ones) and the penalties come
    only from clients of OpenAI's form, whose requests go to the wire of that form as `raw`: it does not look at them.
    `unheard` names what such a client asked for besides and our terms have no word for.
    """

    model: str
    turns: tuple[Turn, ...]
    system: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stream: bool = True
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    response_format: ResponseFormat | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    parallel_tool_calls: bool | None = None
    logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    unheard: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] | None = None
