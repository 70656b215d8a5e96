"""A provider's refusal → one of our errors, with words that say what to do. Shared by the wires; no I/O."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from api.domain.errors import (
    ContentFiltered,
    ContextTooLong,
    ModelNotFound,
    ProviderAuthFailed,
    ProviderBadResponse,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from api.domain.text import clean_text

MAX_EXCERPT: Final = 500
RATE_LIMITED: Final = "The provider's rate limit is reached. Wait a little and try again."
_MAX_RETRY_AFTER: Final = 24 * 3600.0
_TOO_LONG: Final = (
    "context_length_exceeded",
    "maximum context length",
    "context length",
    "context window",
    "prompt is too long",
    "string_above_max_length",
    "exceed context limit",
    "maximum number of tokens allowed",
    "request_too_large",
)
_FILTERED: Final = (
    "content_filter",
    "content filtering policy",
    "content management policy",
    "content_policy",
    "moderation",
)
_NO_MONEY: Final = ("insufficient_quota", "insufficient credits", "insufficient balance", "credit balance", "billing")
_BAD_KEY: Final = ("api key not valid", "api key expired", "api key not found", "api_key_invalid", "invalid api key")
_REFUSED: Final = {400, 413, 422}  # where the words name no other reason
_RETRY_DELAY: Final = re.compile(rb'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d{1,9})?)s"')


def excerpt(text: str | bytes) -> str:
    """A provider's own words as one line of at most 500 characters; a cut is marked by an ellipsis."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    line = " ".join(clean_text(text[: MAX_EXCERPT * 8]).split())
    return line if len(line) <= MAX_EXCERPT else line[: MAX_EXCERPT - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from a Retry-After header (seconds or an HTTP date); None if it says nothing usable."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER)


def from_http(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What a non-2xx answer means. `body` may be anything; JSON errors of the usual shapes are read."""
    said, code = read_error(body)
    wait = retry_after(headers)
    if wait is None and (delay := _RETRY_DELAY.search(body)):
        wait = float(delay[1])  # Gemini says it in the body
    return classify(status, said, code, wait)


def from_object(error: Any, status: int = 0) -> ProviderError:
    """What an error object inside a 200 answer means; a numeric code in it counts as its HTTP status."""
    return _told(*_words(error), status)


def from_event(data: bytes) -> ProviderError:
    """What an event named `error` says: JSON of any of the usual shapes, or mere words."""
    return _told(*read_error(data), 0)


def _told(said: str, code: str, status: int) -> ProviderError:
    number = int(code) if code.isascii() and code.isdigit() and len(code) == 3 else status
    return classify(number, said, code, None)


def reply_cut() -> ProviderUnavailable:
    """The bytes ended before the answer did."""
    return ProviderUnavailable("The provider's reply broke off before its end. Try again.")


def no_words() -> ProviderBadResponse:
    """An end without a reason, behind nothing at all."""
    return ProviderBadResponse(
        "The provider ended its reply without a word, and gave no reason. Try again or choose another model."
    )


def classify(status: int, said: str, code: str, wait: float | None) -> ProviderError:
    """The error for a status (0: none was given), the provider's words and its own code."""
    words = f"{code} {said}".lower()
    quote = f" The provider said: {excerpt(said)}" if said.strip() else ""
    return _by_words(status, words, quote, wait) or _by_status(status, quote, wait) or _by_code(code, quote, wait)


def _by_words(status: int, words: str, quote: str, wait: float | None) -> ProviderError | None:
    """Some refusals share a status with others and are told apart only by what they say."""
    if status in {0, 400, 413, 422, 500} and any(mark in words for mark in _TOO_LONG):
        return ContextTooLong(
            "The conversation does not fit the model's context window. "
            "Shorten it, start a new chat, or choose a model with a larger window." + quote
        )
    if status in {0, 400, 403, 422} and any(mark in words for mark in _FILTERED):
        return ContentFiltered("The provider's content filter refused. Rephrase the message." + quote)
    if status in {0, 400} and any(mark in words for mark in _BAD_KEY):
        return _by_status(401, quote, wait)
    out_of_money = any(mark in words for mark in _NO_MONEY) and (status != 429 or wait is None)
    if status in {0, 400, 402, 403, 429} and (status == 402 or out_of_money):
        return ProviderRateLimited(
            "The provider account has no credit or quota left. Check its plan and billing." + quote,
            retry_after=wait,
        )
    if status in {0, 400} and "model" in words and ("not found" in words or "does not exist" in words):
        return _no_model(quote)
    return None


def _by_status(status: int, quote: str, wait: float | None) -> ProviderError | None:
    if status in {401, 403}:
        return ProviderAuthFailed(
            "The provider refused the API key. Check the key and what it is allowed to use." + quote
        )
    if status == 404:
        return _no_model(quote)
    if status == 429:
        return ProviderRateLimited(RATE_LIMITED + quote, retry_after=wait)
    if status in {408, 504}:
        return ProviderTimeout("The provider took too long. Try again." + quote)
    if status >= 500:
        return ProviderUnavailable(
            f"The provider has a problem of its own (status {status}). Try again later." + quote,
            retry_after=wait,
        )
    if 300 <= status < 400:
        return ProviderBadResponse(
            f"The provider answered with a redirect (status {status}), and redirects are not followed. "
            "Set the final address as the base URL."
        )
    if status in _REFUSED:
        return _refused(f" (status {status})", quote)
    if status:
        return ProviderError(
            f"The provider refused the request (status {status}). Check the model and its settings." + quote
        )
    return None


def _by_code(code: str, quote: str, wait: float | None) -> ProviderError:
    """An error without a status, as it stands in a stream."""
    name = code.lower()
    if "rate_limit" in name:
        return ProviderRateLimited(RATE_LIMITED + quote, retry_after=wait)
    if "api_key" in name or "auth" in name or "permission" in name:
        return ProviderAuthFailed("The provider refused the API key. Check the key." + quote)
    if "not_found" in name:
        return _no_model(quote)
    if "invalid_request" in name or "invalid_argument" in name:
        return _refused("", quote)
    if "timeout" in name:
        return ProviderTimeout("The provider took too long. Try again." + quote)
    if any(mark in name for mark in ("server_error", "api_error", "overloaded", "unavailable", "internal")):
        return ProviderUnavailable("The provider has a problem of its own. Try again later." + quote)
    return ProviderError("The provider ended the reply with an error. Try again." + quote)


def _refused(status: str, quote: str) -> ProviderRefused:
    return ProviderRefused(
        f"The provider refused this request as it stands{status}. Check the model, its settings and what was sent."
        + quote
    )


def _no_model(quote: str) -> ModelNotFound:
    return ModelNotFound(
        "The provider does not know this model or address. Check the model's name and the base URL." + quote
    )


def read_error(body: bytes) -> tuple[str, str]:
    """The words and the code in an error's body."""
    text = body.decode("utf-8", "replace")
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        return ("" if text.lstrip().startswith("<") else text), ""
    if isinstance(whole, list) and whole:
        whole = whole[0]
    error = whole.get("error") if isinstance(whole, dict) else None
    if error and (isinstance(error, dict) or not whole.get("message")):
        whole = error  # else the words stand beside what is only a name, or a mark
    return _words(whole)


def _words(error: Any) -> tuple[str, str]:
    if isinstance(error, str):
        return error, ""
    if not isinstance(error, dict):
        return _plain(error), ""
    said = next((error[k] for k in ("message", "detail", "error", "msg") if error.get(k)), "")
    code = next((error[k] for k in ("code", "type", "status") if error.get(k)), "")
    return _plain(said), _plain(code)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return "" if value is None else json.dumps(value)
    except RecursionError:
        return ""
