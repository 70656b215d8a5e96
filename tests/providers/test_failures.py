"""What a provider's refusal becomes, and that it says what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain import errors
from api.providers.failures import excerpt, from_http, from_object, retry_after
from tests import hypothesis_profiles  # noqa: F401


def openai_error(message: str, code: str | None = None) -> bytes:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code}}).encode()


def anthropic_error(kind: str, message: str) -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "r"}).encode()


def gemini_error(code: int, message: str, delay: str = "") -> bytes:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}] if delay else []
    return json.dumps({"error": {"code": code, "message": message, "status": "X", "details": details}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, openai_error("too long", "context_length_exceeded"), errors.ContextTooLong, "Shorten it"),
        (400, openai_error("This model's maximum context length is 4096 tokens"), errors.ContextTooLong, "window"),
        (400, b'{"error":"the input length exceeds the context length"}', errors.ContextTooLong, "window"),
        (413, openai_error("prompt is too long: 9 tokens"), errors.ContextTooLong, "window"),
        (400, openai_error("filtered", "content_filter"), errors.ContentFiltered, "Rephrase"),
        (400, openai_error("The model `x` does not exist"), errors.ModelNotFound, "model's name"),
        (400, openai_error("bad temperature"), errors.ProviderRefused, "bad temperature"),
        (401, openai_error("Incorrect API key provided"), errors.ProviderAuthFailed, "Check the key"),
        (403, b"", errors.ProviderAuthFailed, "Check the key"),
        (404, b'{"error":"model \\"x\\" not found, try pulling it first"}', errors.ModelNotFound, "pulling it first"),
        (404, b"<html>404</html>", errors.ModelNotFound, "base URL"),
        (408, b"", errors.ProviderTimeout, "again"),
        (413, b"", errors.ProviderRefused, "413"),
        (409, openai_error("busy"), errors.ProviderError, "busy"),
        (422, b'{"detail":[{"loc":["body"],"msg":"field required"}]}', errors.ProviderRefused, "field required"),
        (429, openai_error("Slow down", "rate_limit_exceeded"), errors.ProviderRateLimited, "Wait"),
        (
            429,
            openai_error("You exceeded your current quota", "insufficient_quota"),
            errors.ProviderRateLimited,
            "billing",
        ),
        (402, b'{"error":{"message":"Insufficient credits","code":402}}', errors.ProviderRateLimited, "billing"),
        (500, b"oops", errors.ProviderUnavailable, "500"),
        (503, b"\xff\xfe\x00", errors.ProviderUnavailable, "503"),
        (504, b"", errors.ProviderTimeout, "again"),
        (529, b'{"type":"error","error":{"type":"overloaded_error"}}', errors.ProviderUnavailable, "529"),
        (302, b"", errors.ProviderBadResponse, "redirects are not followed"),
        (400, anthropic_error("invalid_request_error", "prompt is too long: 9 > 8"), errors.ContextTooLong, "Shorten"),
        (
            400,
            anthropic_error("invalid_request_error", "input length and `max_tokens` exceed context limit: 9 + 8 > 10"),
            errors.ContextTooLong,
            "Shorten",
        ),
        (413, anthropic_error("request_too_large", "Request exceeds the size"), errors.ContextTooLong, "Shorten"),
        (
            400,
            anthropic_error("invalid_request_error", "Your credit balance is too low"),
            errors.ProviderRateLimited,
            "billing",
        ),
        (401, anthropic_error("authentication_error", "invalid x-api-key"), errors.ProviderAuthFailed, "Check the key"),
        (403, anthropic_error("permission_error", "not yours"), errors.ProviderAuthFailed, "Check the key"),
        (404, anthropic_error("not_found_error", "model: claude-9"), errors.ModelNotFound, "claude-9"),
        (429, anthropic_error("rate_limit_error", "slow"), errors.ProviderRateLimited, "Wait"),
        (500, anthropic_error("api_error", "Internal"), errors.ProviderUnavailable, "later"),
        (529, anthropic_error("overloaded_error", "Overloaded"), errors.ProviderUnavailable, "Overloaded"),
        (400, gemini_error(400, "API key not valid. Please pass a valid API key."), errors.ProviderAuthFailed, "key"),
        (400, gemini_error(400, "API key expired. Please renew the API key."), errors.ProviderAuthFailed, "key"),
        (
            400,
            gemini_error(400, "The input token count (9) exceeds the maximum number of tokens allowed (8)."),
            errors.ContextTooLong,
            "window",
        ),
        (400, gemini_error(400, "User location is not supported."), errors.ProviderRefused, "location"),
        (404, gemini_error(404, "models/x is not found for API version v1beta"), errors.ModelNotFound, "models/x"),
        (429, gemini_error(429, "Check your plan and billing details"), errors.ProviderRateLimited, "billing"),
        (503, gemini_error(503, "The model is overloaded."), errors.ProviderUnavailable, "later"),
    ],
)
def test_mapping(status: int, body: bytes, error: type[errors.ProviderError], words: str) -> None:
    failure = from_http(status, {}, body)
    assert type(failure) is error
    assert words in failure.detail


@given(
    st.integers(300, 599),
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.text(max_size=9) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "message", "code", "x"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_any_body_is_an_error_of_bounded_words(status: int, body: bytes) -> None:
    failure = from_http(status, {}, body)
    assert len(failure.detail) < 700
    failure.detail.encode()


def test_long_words_are_cut_to_500() -> None:
    assert len(excerpt("x " * 5000)) == 500
    assert excerpt("x " * 5000).endswith("…")
    assert excerpt(" a\n\0b\ud800 ") == "a \ufffdb\ufffd"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0", 0.0), ("1.5", 1.5), ("-3", 0.0), ("1e9", 86400.0), ("", None), ("soon", None), ("nan", None)],
)
def test_retry_after_seconds(value: str, seconds: float | None) -> None:
    assert retry_after({"RETRY-after": value}) == seconds
    assert from_http(429, {"Retry-After": value}, b"").retry_after == seconds


def test_retry_after_as_a_date() -> None:
    later = retry_after({"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)})
    assert later is not None
    assert 30 < later <= 60
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({}) is None


def test_geminis_retry_delay_is_in_the_body() -> None:
    failure = from_http(429, {}, gemini_error(429, "You exceeded your quota; see billing", "34.5s"))
    assert failure.retry_after == 34.5
    assert "rate limit" in failure.detail
    assert from_http(429, {"Retry-After": "3"}, gemini_error(429, "slow", "34s")).retry_after == 3
    assert from_http(429, {}, b'{"retryDelay": "99999999999999999999s"}').retry_after is None


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, errors.ProviderUnavailable),
        ({"type": "api_error", "message": "Internal server error"}, errors.ProviderUnavailable),
        ({"type": "rate_limit_error", "message": "slow"}, errors.ProviderRateLimited),
        ({"type": "authentication_error", "message": "no"}, errors.ProviderAuthFailed),
        ({"type": "permission_error", "message": "no"}, errors.ProviderAuthFailed),
        ({"type": "not_found_error", "message": "x"}, errors.ModelNotFound),
        ({"type": "timeout_error", "message": "x"}, errors.ProviderTimeout),
        ({"type": "invalid_request_error", "message": "prompt is too long: 3 tokens"}, errors.ContextTooLong),
        ({"type": "invalid_request_error", "message": "odd"}, errors.ProviderRefused),
        ({"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}, errors.ProviderRateLimited),
        ({"code": 500, "message": "x", "status": "INTERNAL"}, errors.ProviderUnavailable),
        ({"status": "UNAVAILABLE", "message": "x"}, errors.ProviderUnavailable),
        ({"code": 400, "message": "bad schema"}, errors.ProviderRefused),
        ({"status": "INVALID_ARGUMENT", "message": "bad schema"}, errors.ProviderRefused),
        ({}, errors.ProviderError),
        ([], errors.ProviderError),
        ("server exploded", errors.ProviderError),
    ],
)
def test_errors_inside_a_stream(error: object, becomes: type[errors.ProviderError]) -> None:
    assert type(from_object(error)) is becomes
