"""Lists of models through the real SDKs, and that these stay inside the guard."""

from __future__ import annotations

import socket

import pytest

from api.domain import errors
from api.providers.base import Endpoint
from api.providers.catalogue import Catalogue
from api.providers.control import Control, ModelEntry
from api.security.egress import Egress, parse_allowed
from tests.providers.helpers import KEY, http
from tests.upstream import Upstream
from tests.upstream_formats import dumps

CONTROL = Control(Catalogue(), Egress())


def endpoint(provider: str, url: str, trusted: bool = True) -> Endpoint:
    return Endpoint(provider, url, KEY, trusted)


@pytest.mark.parametrize(
    ("provider", "path"),
    [("openai", "/v1"), ("custom", "/v1"), ("ollama", ""), ("anthropic", ""), ("claude", "/v1"), ("gemini", "")],
)
def test_models_of_a_real_server(upstream: Upstream, provider: str, path: str) -> None:
    found = CONTROL.list_models(endpoint(provider, upstream.url + path))
    assert "count:500:20" in [model.id for model in found]
    assert found == sorted(found, key=lambda model: model.id)


def test_demo_needs_no_network() -> None:
    assert CONTROL.list_models(Endpoint("demo", "demo:///", None, True)) == [
        ModelEntry("demo", "parley"),
        ModelEntry("demo-thinking", "parley"),
    ]


@pytest.mark.parametrize("provider", ["openai", "ollama", "gemini", "anthropic"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_the_sdks_are_guarded(upstream: Upstream, provider: str, host: str) -> None:
    before = upstream.accepted
    with pytest.raises(errors.AddressForbidden):
        CONTROL.list_models(endpoint(provider, f"http://{host}:{upstream.port}/v1", trusted=False))
    assert upstream.accepted == before


@pytest.mark.parametrize(
    ("provider", "path"), [("openai", "/v1"), ("ollama", ""), ("anthropic", ""), ("gemini", "/v1beta")]
)
def test_an_allowed_host_passes(upstream: Upstream, provider: str, path: str) -> None:
    control = Control(Catalogue(), Egress(parse_allowed(f"localhost:{upstream.port}")))
    assert control.list_models(endpoint(provider, f"http://localhost:{upstream.port}{path}", trusted=False))


@pytest.mark.parametrize("provider", ["openai", "ollama", "gemini", "anthropic"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http("401 No", dumps({"error": {"message": f"bad key {KEY}"}})), errors.ProviderAuthFailed),
        (http("429 Slow", b"{}"), errors.ProviderRateLimited),
        (http("500 Oh", b"oops"), errors.ProviderUnavailable),
        (http("302 Go", b"", "Location: http://127.0.0.1:1/"), errors.ProviderBadResponse),
        (http("200 OK", b"<html>hello</html>", "Content-Type: text/html"), errors.ProviderBadResponse),
        (http("200 OK", b'{"data": 5, "models": 5}', "Content-Type: application/json"), errors.ProviderBadResponse),
        (http("200 OK", b"x", "Content-Encoding: gzip"), errors.ProviderBadResponse),
        (b"garbage\r\n\r\n", errors.ProviderError),
        (b"", errors.ProviderError),
    ],
)
def test_faults(
    canned: tuple[str, list[bytes], list[bytes]], provider: str, answer: bytes, error: type[errors.ProviderError]
) -> None:
    url, answers, asked = canned
    answers.append(answer)
    with pytest.raises(error) as caught:
        CONTROL.list_models(endpoint(provider, url))
    assert KEY[5:18] not in str(caught.value)
    assert len(asked) == 1


@pytest.mark.parametrize("provider", ["openai", "ollama", "gemini", "anthropic"])
def test_bytes_and_seconds_are_bounded(canned: tuple[str, list[bytes], list[bytes]], provider: str) -> None:
    url, answers, _ = canned
    answers.append(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    answers.extend([b" " * (1 << 20)] * 20)
    with pytest.raises(errors.ProviderBadResponse):
        CONTROL.list_models(endpoint(provider, url))


@pytest.mark.parametrize("provider", ["openai", "ollama", "gemini", "anthropic"])
def test_a_silent_server_is_not_waited_for(provider: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(errors.ProviderTimeout):
        CONTROL.list_models(endpoint(provider, f"http://127.0.0.1:{server.getsockname()[1]}"), timeout=0.4)


@pytest.mark.parametrize("provider", ["openai", "ollama", "gemini", "anthropic"])
@pytest.mark.parametrize("key", [None, KEY])
def test_nothing_of_the_environment_leaves(
    canned: tuple[str, list[bytes], list[bytes]], monkeypatch: pytest.MonkeyPatch, provider: str, key: str | None
) -> None:
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OLLAMA_API_KEY",
        "OPENAI_CUSTOM_HEADERS",
        "ANTHROPIC_API_KEY",
        "GEMINI_API_KEY",
    ):
        monkeypatch.setenv(name, "leak: canary")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    url, answers, asked = canned
    answers.append(
        http(
            "200 OK",
            b'{"data":[{"id":"b"}],"models":[{"model":"b","name":"models/b","supportedGenerationMethods":["generateContent"]}]}',
            "Content-Type: application/json",
        )
    )
    assert [m.id for m in CONTROL.list_models(Endpoint(provider, url, key, True))] == ["b"]
    assert b"canary" not in asked[0]
    header = {"gemini": b"x-goog-api-key", "anthropic": b"x-api-key"}.get(provider, b"authorization")
    assert (header in asked[0].lower()) is (key is not None)
    assert KEY.encode() not in asked[0].partition(b"\r\n")[0]
    assert b"unused" not in asked[0]
