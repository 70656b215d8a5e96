"""One answer of Gemini's own API → events."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from api.domain.errors import ContentFiltered, ProviderBadResponse, ProviderUnavailable
from api.domain.events import Finish, FinishReason, Logprobs, ProviderPart, TokenProb, Usage
from api.domain.text import clean_text
from api.providers.assembly import ToolCallBuffer, count_of, decode_json
from api.providers.failures import excerpt, from_object
from api.providers.reply import ReplyDecoder

_FILTERED: Final = {
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
}
_BAD_CALL: Final = {
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
}


class _Call(msgspec.Struct, gc=False):
    id: str | None = None
    name: str | None = None
    args: Any = None


class _Part(msgspec.Struct, gc=False, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _Call | None = None


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Likely(msgspec.Struct, gc=False, rename="camel"):
    token: str | None = None
    log_probability: float | None = None


class _LikelyHere(msgspec.Struct, gc=False):
    candidates: list[_Likely] | None = None


class _LogprobsResult(msgspec.Struct, gc=False, rename="camel"):
    chosen_candidates: list[_Likely] | None = None
    top_candidates: list[_LikelyHere] | None = None


class _Candidate(msgspec.Struct, gc=False, rename="camel"):
    content: _Content | None = None
    logprobs_result: _LogprobsResult | None = None
    finish_reason: str | None = None
    finish_message: Any = None
    index: int | None = None


class _Feedback(msgspec.Struct, gc=False, rename="camel"):
    block_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False, rename="camel"):
    candidates: list[_Candidate] | None = None
    usage_metadata: Any = None
    prompt_feedback: _Feedback | None = None
    error: Any = None


_CHUNK: Final = msgspec.json.Decoder(_Chunk)


class GoogleDecoder(ReplyDecoder):
    """Bytes cut anywhere → events. Holds one line or one JSON answer, and tool calls: capped."""

    kind = "Gemini's API"

    def __init__(self, model: str = "") -> None:
        super().__init__()
        self._model = model
        self._tools = ToolCallBuffer()
        self._calls = 0
        self._usage: Any = None
        self._reason = ""

    def _payload(self, payload: bytes) -> None:
        if payload:
            self._chunk(decode_json(_CHUNK, payload))

    def _whole(self, body: bytes) -> None:
        chunk = self._decode_whole(_CHUNK, body)
        self._chunk(chunk)
        if not chunk.candidates:
            raise self._no_reply(body)
        if not self._reason:
            self._require_words(self._tools)
            self._finish_as("STOP", None)

    def _chunk(self, chunk: _Chunk) -> None:
        self._seen += 1
        if chunk.error is not None:
            raise from_object(chunk.error)
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason and not chunk.candidates:
            reason = excerpt(feedback.block_reason)
            raise ContentFiltered(f"The provider's filter refused the message ({reason}). Rephrase it.")
        if chunk.usage_metadata is not None:
            self._usage = chunk.usage_metadata
        for candidate in chunk.candidates or ():
            if candidate.index:
                continue
            for part in (candidate.content.parts if candidate.content else None) or ():
                self._part(part)
            if candidate.logprobs_result is not None:
                self._out.add(_logprobs(candidate.logprobs_result))
            if candidate.finish_reason:
                self._finish_as(candidate.finish_reason, candidate.finish_message)
        if self.finished and chunk.usage_metadata is not None:
            self._close()

    def _part(self, part: _Part) -> None:
        if part.text:
            if part.thought:
                self._out.reasoning(part.text)
            else:
                self._out.text(part.text)
        if part.function_call is not None:
            call = part.function_call
            arguments = {} if call.args is None else call.args
            self._tools.take(self._calls, call.id or "", call.name or "", arguments, part.thought_signature or "")
            self._calls += 1
        elif part.thought_signature:
            kept = {"text": "", "thoughtSignature": clean_text(part.thought_signature)}
            self._out.add(ProviderPart("google", self._model, msgspec.json.encode(kept).decode()))

    def _finish_as(self, reason: str, message: Any) -> None:
        said = f" It said: {excerpt(message)}" if isinstance(message, str) and message else ""
        if reason in _BAD_CALL:
            raise ProviderBadResponse("The model wrote a tool call that cannot be carried out. Try again." + said)
        if reason == "OTHER":
            raise ProviderUnavailable("The provider broke the reply off without a reason. Try again." + said)
        self._reason = reason
        self.finished = True

    def _close(self) -> None:
        """The finish reason may come in several chunks; the reply has ended with the last of them."""
        if self.done:
            return
        self.done = True
        self._out.finish_text()
        calls = self._tools.calls()
        for call in calls:
            self._out.add(call)
        usage = _usage(self._usage)
        if usage is not None:
            self._out.add(usage)
        self._out.add(Finish(self._finish_reason(bool(calls))))

    def _finish_reason(self, calls: bool) -> FinishReason:
        if self._reason == "MAX_TOKENS":
            return "length"
        if self._reason in _FILTERED:
            return "filtered"
        return "tool_calls" if calls else "stop"


def _logprobs(given: _LogprobsResult) -> Logprobs:
    tops = [_known(here.candidates) for here in given.top_candidates or ()]
    chosen = _known(given.chosen_candidates)
    return Logprobs(
        tuple(
            TokenProb(token, logprob, tuple(tops[place]) if place < len(tops) else ())
            for place, (token, logprob) in enumerate(chosen)
        )
    )


def _known(given: list[_Likely] | None) -> list[tuple[str, float]]:
    return [(clean_text(one.token or ""), one.log_probability or 0.0) for one in given or ()]


def _usage(given: Any) -> Usage | None:
    """Gemini counts thoughts beside the reply, and what tools read beside the prompt; here they are part of both."""
    if not isinstance(given, dict):
        return None
    prompt, tools = count_of(given, "promptTokenCount"), count_of(given, "toolUsePromptTokenCount")
    reply, thoughts = count_of(given, "candidatesTokenCount"), count_of(given, "thoughtsTokenCount")
    return Usage(
        prompt_tokens=prompt if tools is None else (prompt or 0) + tools,
        completion_tokens=reply if thoughts is None else (reply or 0) + thoughts,
        reasoning_tokens=thoughts,
        cached_tokens=count_of(given, "cachedContentTokenCount"),
    )
