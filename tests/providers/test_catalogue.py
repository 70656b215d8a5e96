"""Which address a call goes to, whom it trusts, and what a key is bound to."""

from __future__ import annotations

import pytest

from api.domain.errors import Invalid
from api.providers.catalogue import VENDORS, Catalogue, normal_url, origin
from api.providers.wires.demo import DemoWire
from api.providers.wires.ollama import OllamaWire
from api.providers.wires.openai import OpenAIWire

PLAIN = Catalogue()


def test_names_are_unique_and_found_by_alias() -> None:
    names = [name for vendor in VENDORS for name in (vendor.id, *vendor.aliases)]
    assert len(names) == len(set(names))
    for name in names:
        found = PLAIN.vendor(name.upper())
        assert found is not None
        assert name in (found.id, *found.aliases)
    assert PLAIN.vendor("nobody") is None


def test_wires() -> None:
    assert isinstance(PLAIN.wire("openai"), OpenAIWire)
    assert isinstance(PLAIN.wire("vllm"), OpenAIWire)
    assert isinstance(PLAIN.wire("ollama"), OllamaWire)
    assert isinstance(PLAIN.wire("demo"), DemoWire)
    with pytest.raises(Invalid, match="Known: demo, openai"):
        PLAIN.wire("nobody")


@pytest.mark.parametrize(
    ("overrides", "provider", "base_url", "url", "trusted"),
    [
        ({}, "openai", None, "https://api.openai.com/v1", True),
        ({}, "openai", "https://api.openai.com/v1/", "https://api.openai.com/v1", True),
        ({}, "openai", "https://api.openai.com/v2", "https://api.openai.com/v2", False),
        ({}, "openai", "http://10.0.0.1/v1", "http://10.0.0.1/v1", False),
        ({"openai": "http://10.0.0.1/v1"}, "openai", "", "http://10.0.0.1/v1", True),
        ({"openai": "http://10.0.0.1/v1"}, "openai", "HTTP://10.0.0.1:80/v1/", "http://10.0.0.1/v1", True),
        ({"openai": "http://10.0.0.1/v1"}, "openai", "https://api.openai.com/v1", "https://api.openai.com/v1", False),
        ({"custom": "http://gpu:8000/v1"}, "custom", None, "http://gpu:8000/v1", True),
        ({}, "custom", "http://gpu:8000/v1", "http://gpu:8000/v1", False),
        ({}, "ollama", None, "http://127.0.0.1:11434", True),
        ({"ollama": "http://ollama:11434"}, "ollama", "http://127.0.0.1:11434", "http://127.0.0.1:11434", False),
        ({}, "demo", None, "demo:///", True),
    ],
)
def test_endpoints(overrides: dict[str, str], provider: str, base_url: str | None, url: str, trusted: bool) -> None:
    endpoint = Catalogue(overrides).endpoint(provider, base_url, "sk-key")
    assert (endpoint.base_url, endpoint.trusted) == (url, trusted)
    assert "sk-key" not in repr(endpoint)


def test_keys() -> None:
    assert PLAIN.endpoint("openai", None, " sk-1\n").api_key == "sk-1"
    assert PLAIN.endpoint("ollama", None, "").api_key is None
    assert PLAIN.endpoint("demo", None, "sk-1").api_key is None
    with pytest.raises(Invalid, match="needs an API key"):
        PLAIN.endpoint("openai", None, " ")
    with pytest.raises(Invalid, match="has no address"):
        PLAIN.endpoint("demo", "http://somewhere", None)
    with pytest.raises(Invalid, match="needs a base URL"):
        PLAIN.endpoint("custom", None, None)
    for key in ("a b", "a\nb", "kéy", "a\x7fb", "x" * 5000):
        with pytest.raises(Invalid, match="Copy it again"):
            PLAIN.endpoint("openai", None, key)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "nonsense",
        "//host",
        "ftp://host",
        "file:///etc/passwd",
        "unix:///x",
        "http://",
        "http:///v1",
        "http://:80",
    ]
    + [
        "http://u@host",
        "http://u:p@host",
        "http://@host",
        "http://:p@host",
        "http://host?x=1",
        "http://host?",
        "http://host#x",
    ]
    + ["http://ho st", "http://host\\@evil", "http://host\n", "http://host/\x00", "http://host:0", "http://host:99999"]
    + ["http://host:x", "http://[::1", "http://[fe80::1%eth0]x", "javascript:alert(1)", "http://" + "a" * 2001],
)
def test_bad_urls(url: str) -> None:
    if url == "http://host\n":
        assert normal_url(url) == "http://host"
        return
    with pytest.raises(Invalid):
        normal_url(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://API.OpenAI.com/v1/", "https://api.openai.com:443"),
        ("https://api.openai.com:443", "https://api.openai.com:443"),
        ("http://host:80/a/b", "http://host:80"),
        ("http://host./a", "http://host:80"),
        ("http://[FD00::5]:8000/v1", "http://[fd00::5]:8000"),
        ("http://münchen.example", "http://xn--mnchen-3ya.example:80"),
        ("demo:///", "demo://"),
    ],
)
def test_origin(url: str, expected: str) -> None:
    assert origin(url) == expected


def test_origins_differ_where_keys_must_not_go() -> None:
    urls = ["https://h", "http://h", "https://h:444", "https://h.evil", "https://x.h"]
    assert len({origin(url) for url in urls}) == len(urls)


def test_overrides_are_checked() -> None:
    for overrides in ({"nobody": "http://h"}, {"openai": "h"}, {"openai": "http://u:p@h"}):
        with pytest.raises(Invalid):
            Catalogue(overrides)
