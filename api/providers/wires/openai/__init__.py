"""OpenAI's chat completions, as OpenAI and everybody compatible with it speak them. Pure translation, no I/O.

Sent: `POST {base_url}/chat/completions`. Read: server-sent events, or one JSON object where the answer is not
streamed (also where a server ignores `stream`). What compatible servers do differently is read as well:
reasoning under two names, content in parts, usage in any chunk, an error inside a 200 stream, no final chunk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from api.domain.conversation import CompletionRequest
from api.providers.base import Endpoint, WireRequest
from api.providers.fitting import Family, Fitted, FittingWire
from api.providers.wires.openai import body as form
from api.providers.wires.openai.decoder import OpenAIDecoder

__all__ = ["OpenAIDecoder", "OpenAIWire"]


class OpenAIWire(FittingWire):
    """`tokens_field` names the limit on output: OpenAI's own newer models refuse `max_tokens`.

    `stream_usage` asks for the token counts of a stream; off for servers that count unasked or refuse the option.
    `names` renames fields of the body.
    """

    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "stream_options": ("stream_options", "include_usage"),
        "top_p": ("top_p",),
        "temperature": ("temperature",),
        "stop": ("stop",),
        "seed": ("seed", "random_seed"),
        "max_tokens": ("max_tokens",),
    }

    def __init__(
        self,
        *,
        tokens_field: str = "max_tokens",
        stream_usage: bool = True,
        names: Mapping[str, str] | None = None,
        families: tuple[Family, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(families, headers)
        self._tokens_field = tokens_field
        self._stream_usage = stream_usage
        self._names = names or {}

    def decoder(self, request: CompletionRequest) -> OpenAIDecoder:
        """A decoder for one answer; it finds out by itself whether the answer is streamed."""
        return OpenAIDecoder(request.model, raw=request.raw is not None, streamed=request.stream)

    def _encode(self, endpoint: Endpoint, fit: Fitted) -> WireRequest:
        request = fit.request
        named = self._body(fit) if request.raw is None else form.passed_on(request.raw, request, fit.refused)
        if request.stream and self._stream_usage and "stream_options" not in fit.refused:
            named["stream_options"] = {**(named.get("stream_options") or {}), "include_usage": True}
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream" if request.stream else "application/json",
            **self._own_headers,
        }
        if endpoint.api_key:
            headers["Authorization"] = f"Bearer {endpoint.api_key}"
        return WireRequest(
            url=endpoint.base_url.rstrip("/") + "/chat/completions",
            headers=headers,
            body=msgspec.json.encode(fit.completed(named)),
            trusted=endpoint.trusted,
            notes=tuple(fit.notes),
            refused=fit.refused,
            endpoint=endpoint,
        )

    def _body(self, fit: Fitted) -> dict[str, Any]:
        request = fit.request
        body: dict[str, Any] = {
            "model": request.model,
            "messages": form.messages(request),
            "stream": request.stream,
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.top_p is not None:
            body["top_p"] = request.top_p
        if request.max_tokens is not None:
            # Servers that refuse the old name ask for the new one.
            body["max_completion_tokens" if "max_tokens" in fit.refused else self._tokens_field] = request.max_tokens
        body |= form.parameters(request)
        return {self._names.get(name, name): value for name, value in body.items()}
