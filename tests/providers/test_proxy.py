"""A proxy is used where the operator says so, for the vendors' own addresses; never one that the environment names."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator

import pytest

from api.domain.conversation import CompletionRequest, Turn
from api.domain.errors import ProviderUnavailable
from api.providers.base import Call
from api.providers.catalogue import Catalogue
from api.providers.control import Control
from api.security.egress import Egress
from tests.providers.helpers import KEY, PATIENT, in_transport
from tests.upstream import Upstream

ASKED = CompletionRequest("m", (Turn("user", "hello"),))


class RefusingProxy:
    """Takes down what it is asked for, and refuses it."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line, line.makefile("rb") as lines:
                self.heads.append(b"".join(iter(lines.readline, b"\r\n")).decode("latin-1"))
                line.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def proxy() -> Iterator[RefusingProxy]:
    made = RefusingProxy()
    yield made
    made.close()


def complete(catalogue: Catalogue, vendor: str, base_url: str | None = None) -> None:
    wire = catalogue.wire(vendor)
    call = Call(wire.encode(catalogue.endpoint(vendor, base_url, KEY), ASKED), wire, ASKED, PATIENT, (KEY,))
    in_transport(lambda transport: transport.run(call, lambda _: None))


@pytest.mark.parametrize(
    ("vendor", "host"),
    [
        ("openai", "api.openai.com"),
        ("anthropic", "api.anthropic.com"),
        ("gemini", "generativelanguage.googleapis.com"),
        ("groq", "api.groq.com"),
    ],
)
def test_the_vendors_own_addresses_are_called_through_it(proxy: RefusingProxy, vendor: str, host: str) -> None:
    catalogue = Catalogue(proxy=f"http://me:word@127.0.0.1:{proxy.port}")
    with pytest.raises(ProviderUnavailable, match="PROVIDER_PROXY"):
        complete(catalogue, vendor)
    with pytest.raises(ProviderUnavailable):
        Control(catalogue, Egress()).list_models(catalogue.endpoint(vendor, None, KEY))
    assert len(proxy.heads) >= 2
    basic = base64.b64encode(b"me:word").decode()
    for head in proxy.heads:
        assert head.startswith(f"CONNECT {host}:443 HTTP/1.1")
        assert f"proxy-authorization: basic {basic}".lower() in head.lower()
        assert KEY not in head, "the key is inside the tunnel"


def test_addresses_of_the_operators_and_of_users_are_not(proxy: RefusingProxy, upstream: Upstream) -> None:
    """The guard has to see what is dialled, and the operator's own servers are near."""
    at = f"{upstream.url}/v1"
    catalogue = Catalogue({"openai": at}, proxy=f"http://127.0.0.1:{proxy.port}")
    complete(catalogue, "openai")
    assert catalogue.endpoint("custom", "https://models.example.org/v1", None).proxy is None
    assert catalogue.endpoint("ollama", None, None).proxy is None
    guarded = catalogue.endpoint("openai", "https://api.openai.com/v1", KEY)
    assert (guarded.trusted, guarded.proxy) == (False, None), "a user's word, where the operator has another"
    assert proxy.heads == []


def test_without_a_word_of_the_operators_there_is_none(proxy: RefusingProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert Catalogue().endpoint("openai", None, KEY).proxy is None
    assert proxy.heads == []


def test_what_is_no_proxy_is_said_at_the_start() -> None:
    from api.config import Settings

    with pytest.raises(ValueError, match="http://host:port"):
        Settings(provider_proxy="socks5://x:1")  # type: ignore[arg-type]
