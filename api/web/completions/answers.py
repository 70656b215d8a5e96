"""Our events → OpenAI's chunks and completions, for every surface that answers so. Pure translation, no Flask.

A provider that speaks OpenAI's protocol itself is passed on as it is (`chunk` events): then only what is missing is
added. Source of the shapes: OpenAI's API reference, "Chat completion object" and "Chat completion chunk object".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from api.domain.events import TokenProb
from api.services.completions import Begun
from api.web.sender import BROKEN_OFF, Refusal
from api.web.surfaces import ErrorForm

DONE: Final = b"data: [DONE]\n\n"
PING: Final = b": ping\n\n"
FINISHES: Final = {"stop": "stop", "length": "length", "filtered": "content_filter", "tool_calls": "tool_calls"}

Events = Iterable[tuple[int, str, Any]]


def usage_value(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """Token counts; None where neither the provider nor we know them."""
    prompt, completion = told["prompt_tokens"], told["completion_tokens"]
    if prompt is None and completion is None:
        return None
    value: dict[str, Any] = {
        "prompt_tokens": prompt or 0,
        "completion_tokens": completion or 0,
        "total_tokens": (prompt or 0) + (completion or 0),
    }
    if told["cached_tokens"] is not None:
        value["prompt_tokens_details"] = {"cached_tokens": told["cached_tokens"]}
    if told["reasoning_tokens"] is not None:
        value["completion_tokens_details"] = {"reasoning_tokens": told["reasoning_tokens"]}
    return value | ({"estimated": True} if told["estimated"] else {})


def _finish(value: Mapping[str, Any]) -> str:
    """By the provider's word, or by how we ended it: "length" where the reply became too long."""
    return FINISHES.get(value["finish_reason"] or value["status"], "stop")


def _tool_call(value: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": value["name"], "arguments": value["arguments"]}
    call: dict[str, Any] = {"id": value["id"], "type": "function", "function": function}
    extra: dict[str, Any] = {}
    if signature := value.get("signature"):  # where Google's own endpoint of this form has it
        extra["google"] = {"thought_signature": signature}
    if sealed := value.get("sealed"):
        extra["parley"] = {"sealed": sealed}
    return call | ({"extra_content": extra} if extra else {})


def _logprobs(tokens: Iterable[TokenProb]) -> list[dict[str, Any]]:
    return [
        {**_likely(one.token, one.logprob), "top_logprobs": [_likely(*other) for other in one.top]} for one in tokens
    ]


def _likely(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}


class Chunks:
    """Encodes a reply's events as OpenAI's stream, errors in the surface's form. A failure before the first chunk is a
    Refusal, raised."""

    def __init__(self, begun: Begun, form: ErrorForm, *, include_usage: bool) -> None:
        self._form = form
        self._include_usage = include_usage
        self._head: dict[str, Any] = {
            "id": f"chatcmpl-{begun.generation_id.hex}",
            "object": "chat.completion.chunk",
            "created": begun.created,
            "model": begun.model,
        }
        self._told = False  # something has gone out
        self._own = False  # by our own words
        self._counted = False  # the provider's own usage chunk has gone out
        self._calls = 0
        self._usage: dict[str, Any] | None = None

    def __call__(self, events: Events) -> bytes:
        return b"".join(self._event(kind, value) for _, kind, value in events)

    def _event(self, kind: str, value: Any) -> bytes:
        if kind == "delta":
            return self._delta({"content": value})
        if kind == "chunk":
            return self._passed_on(value.data)
        if kind == "reasoning":
            return self._delta({"reasoning_content": value})
        if kind == "tool_call":
            self._calls += 1
            return self._delta({"tool_calls": [{"index": self._calls - 1, **_tool_call(value)}]})
        if kind == "usage":
            self._usage = usage_value(value)
        elif kind == "logprobs":
            return self._delta({"content": ""}, logprobs={"content": _logprobs(value), "refusal": None})
        elif kind == "finished":
            return self._failure(BROKEN_OFF) if value["status"] == "interrupted" else self._end(value)
        elif kind == "error":
            return self._failure(value)
        return b""

    def _delta(self, delta: dict[str, Any], finish: str | None = None, logprobs: dict[str, Any] | None = None) -> bytes:
        if not self._own:
            delta = {"role": "assistant", "content": "", **delta}
        self._told = self._own = True
        return self._chunk(choices=[{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}])

    def _passed_on(self, data: str) -> bytes:
        # The provider is always asked for its counts; a client that did not ask gets no chunk without choices.
        if ('"choices":[]' in data or '"choices": []' in data) and '"usage"' in data:
            if not self._include_usage:
                return b""
            self._counted = True
        self._told = True
        return b"data: %b\n\n" % data.replace("\r", " ").replace("\n", " ").encode("utf-8", "replace")

    def _end(self, value: Mapping[str, Any]) -> bytes:
        last = b""
        if self._own or not self._told:
            last = self._delta({}, _finish(value))
        elif value["finish_reason"] is None:  # the provider's last chunk has not come, or was too much
            last = self._chunk(choices=[{"index": 0, "delta": {}, "logprobs": None, "finish_reason": _finish(value)}])
        if self._include_usage and not self._counted:
            last += self._chunk(choices=[], usage=self._usage)
        return last + DONE

    def _failure(self, problem: Mapping[str, Any]) -> bytes:
        if not self._told:
            raise Refusal.of(problem, self._form)
        return b"data: %b\n\n" % msgspec.json.encode(self._form(problem)[1])

    def _chunk(self, **fields: Any) -> bytes:
        return b"data: %b\n\n" % msgspec.json.encode({**self._head, **fields})


class Completion:
    """Collects a reply's events; at its end one completion, or a Refusal, raised."""

    def __init__(self, begun: Begun, form: ErrorForm) -> None:
        self._begun = begun
        self._form = form
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._logprobs: list[dict[str, Any]] = []
        self._usage: dict[str, Any] | None = None
        self._whole: str | None = None

    def __call__(self, events: Events) -> bytes:
        for _, kind, value in events:
            if kind == "delta":
                self._text.append(value)
            elif kind == "reasoning":
                self._reasoning.append(value)
            elif kind == "tool_call":
                self._calls.append(_tool_call(value))
            elif kind == "logprobs":
                self._logprobs += _logprobs(value)
            elif kind == "chunk" and value.whole:
                self._whole = value.data
            elif kind == "usage":
                self._usage = usage_value(value)
            elif kind == "finished":
                return self._finished(value)
            elif kind == "error":
                raise Refusal.of(value, self._form)
        return b""

    def _finished(self, value: Mapping[str, Any]) -> bytes:
        if value["status"] == "interrupted":
            raise Refusal.of(BROKEN_OFF, self._form)
        if self._whole is not None:
            return self._whole.encode("utf-8", "replace")
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._text), "refusal": None}
        if self._calls:
            message |= {"content": message["content"] or None, "tool_calls": self._calls}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        finish = _finish(value)
        logprobs = {"content": self._logprobs, "refusal": None} if self._logprobs else None
        return msgspec.json.encode(
            {
                "id": f"chatcmpl-{self._begun.generation_id.hex}",
                "object": "chat.completion",
                "created": self._begun.created,
                "model": self._begun.model,
                "choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}],
                "usage": self._usage,
            }
        )
