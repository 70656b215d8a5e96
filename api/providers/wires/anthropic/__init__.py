"""Anthropic's messages API. Pure translation, no I/O.

Sent: `POST {base_url}/v1/messages` (a base URL that ends in /v1 is taken as it is). Read: server-sent events, or one
JSON object where the answer is not streamed. Signed thoughts leave as ProviderPart; put into the assistant's next
turn they go back, before its text and tool calls, to the model that made them and to no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import msgspec

from api.domain.conversation import CompletionRequest
from api.providers.base import Endpoint, WireRequest
from api.providers.fitting import Fitted, FittingWire, left_out_note
from api.providers.wires.anthropic import body as form
from api.providers.wires.anthropic.decoder import AnthropicDecoder

__all__ = ["AnthropicDecoder", "AnthropicWire"]

VERSION: Final = "2023-06-01"
DEFAULT_MAX_TOKENS: Final = 16_000
"""The API insists on a limit; thoughts count towards it."""


class AnthropicWire(FittingWire):
    """What the API has no field for (a seed, JSON without a schema, both temperature and top_p) becomes a note."""

    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "provider_parts": ("signature", "redacted_thinking"),
        "top_p": ("top_p",),
        "temperature": ("temperature",),
        "tool_choice": ("tool_choice",),
        "thinking": ("thinking",),
        "response_format": ("output_config", "output_format"),
        "stop": ("stop_sequences",),
    }

    def decoder(self, request: CompletionRequest) -> AnthropicDecoder:
        """A decoder for one answer, streamed or not."""
        return AnthropicDecoder(request.model)

    def _encode(self, endpoint: Endpoint, fit: Fitted) -> WireRequest:
        request = fit.request
        notes = list(fit.notes)
        body: dict[str, Any] = {
            "model": request.model,
            "max_tokens": request.max_tokens or DEFAULT_MAX_TOKENS,
            "messages": form.messages(request, with_thoughts="provider_parts" not in fit.refused),
            "stream": request.stream,
        }
        if system := form.system(request):
            body["system"] = system
        body |= _sampling(request, notes)
        body |= form.tools(request)
        if "thinking" in fit.adds and body.get("tool_choice", {}).get("type") in {"any", "tool"}:
            fit.adds["thinking"] = {"type": "disabled"}  # the API takes one or the other
        if request.response_format is not None:
            if request.response_format.schema is None:
                notes.append(left_out_note("response_format (JSON without a schema)", request.model))
            else:
                schema = dict(request.response_format.schema)
                body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream" if request.stream else "application/json",
            "anthropic-version": VERSION,
            **self._own_headers,
        }
        if endpoint.api_key:
            headers["x-api-key"] = endpoint.api_key
        return WireRequest(
            url=versioned(endpoint.base_url) + "/messages",
            headers=headers,
            body=msgspec.json.encode(fit.completed(body)),
            trusted=endpoint.trusted,
            notes=tuple(notes),
            refused=fit.refused,
            endpoint=endpoint,
        )


def versioned(base_url: str) -> str:
    """The base of all paths: Anthropic's own base URL has no version, that of many proxies has one."""
    base = base_url.rstrip("/")
    return base if base.endswith("/v1") else base + "/v1"


def _sampling(request: CompletionRequest, notes: list[str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if request.temperature is not None:
        body["temperature"] = min(request.temperature, 1.0)
        if request.temperature > 1:
            notes.append("temperature was set to 1: Anthropic's scale ends there.")
    if request.top_p is not None:
        if request.temperature is None:
            body["top_p"] = request.top_p
        else:
            notes.append("top_p was left out: Anthropic takes it or temperature, not both.")
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    for name in ("seed", "logprobs", "presence_penalty", "frequency_penalty"):
        if getattr(request, name) is not None:
            notes.append(left_out_note(name, request.model))
    return body
