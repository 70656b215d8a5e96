"""Gemini's own API. Pure translation, no I/O.

Sent: `POST {base_url}/v1beta/models/{model}:streamGenerateContent?alt=sse` (or `:generateContent`), the key in a header
and never in the URL; a base URL that ends in a version is taken as it is. Read: server-sent events, or one JSON
object. A thought's signature stays with its tool call, or leaves as ProviderPart, and goes back in the next turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from api.domain.conversation import CompletionRequest
from api.providers.base import Endpoint, WireRequest
from api.providers.fitting import Fitted, FittingWire, left_out_note
from api.providers.wires.google import body as form
from api.providers.wires.google.decoder import GoogleDecoder

__all__ = ["GoogleDecoder", "GoogleWire"]

_VERSION = re.compile(r"/v\d+[a-z]*\d*$")


class GoogleWire(FittingWire):
    """A family's `adds`, and `extra`, are put into `generationConfig` where they name one, else beside it."""

    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "provider_parts": ("signature", "thought_signature", "thoughtsignature"),
        "thinkingConfig": ("thinking", "thinkingconfig", "thinking_config", "thinking_budget", "includethoughts"),
        "top_p": ("topp", "top_p"),
        "temperature": ("temperature",),
        "seed": ("seed",),
        "stop": ("stopsequences", "stop_sequences"),
        "logprobs": ("logprobs", "responselogprobs", "response_logprobs"),
        "presence_penalty": ("presencepenalty", "presence_penalty", "penalty"),
        "frequency_penalty": ("frequencypenalty", "frequency_penalty", "penalty"),
    }

    def decoder(self, request: CompletionRequest) -> GoogleDecoder:
        """A decoder for one answer, streamed or not."""
        return GoogleDecoder(request.model)

    def _encode(self, endpoint: Endpoint, fit: Fitted) -> WireRequest:
        request, notes = fit.request, list(fit.notes)
        if request.parallel_tool_calls is False and request.tools:
            notes.append(left_out_note("parallel_tool_calls", request.model))
        body: dict[str, Any] = {
            "contents": form.contents(request, with_thoughts="provider_parts" not in fit.refused),
        }
        if system := form.system(request):
            body["systemInstruction"] = {"parts": [{"text": system}]}
        extra = fit.extra()
        theirs = extra.pop("generationConfig", None)
        config = fit.adds | (theirs if isinstance(theirs, dict) else {}) | form.generation_config(request)
        if config:
            body["generationConfig"] = config
        body |= form.tools(request)
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream" if request.stream else "application/json",
            **self._own_headers,
        }
        if endpoint.api_key:
            headers["x-goog-api-key"] = endpoint.api_key
        return WireRequest(
            url=_url(versioned(endpoint.base_url), request),
            headers=headers,
            body=msgspec.json.encode(extra | body),
            trusted=endpoint.trusted,
            notes=tuple(notes),
            refused=fit.refused,
            endpoint=endpoint,
        )


def versioned(base_url: str) -> str:
    """The base of all paths: with the version that has everything we use, where it names none."""
    base = base_url.rstrip("/")
    return base if _VERSION.search(base) else base + "/v1beta"


def model_path(model: str) -> str:
    """A model's place under the base: its name is a part of the path, whatever it holds."""
    kind, slash, name = model.partition("/")
    if not slash or kind not in {"models", "tunedModels"}:
        kind, name = "models", model
    return f"{kind}/{quote(name.encode('utf-8', 'replace'), safe='')}"


def _url(base: str, request: CompletionRequest) -> str:
    method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
    return f"{base}/{model_path(request.model)}:{method}"
