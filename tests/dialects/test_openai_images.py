"""Images on /v1: passed on or translated for every wire, refused for models that see none, never fetched by us."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.server import Answer, Person, Server
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("openai-dialect")
DATA = "iVBORw0KGgo="
SHOWN = {
    "openai": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}},
    "anthropic": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
    "gemini": {"inlineData": {"mimeType": "image/png", "data": DATA}},
    "ollama": [DATA],
}


@pytest.fixture(scope="module")
def viewer(server: Server) -> Person:
    person = server.person("viewer")
    person.openai()
    for provider in ("anthropic", "gemini"):
        values = {"name": provider, "provider": provider, "api_key": "key-0123456789abcdef", "model": "text"}
        assert person.call("POST", "/model-configs", values).status == 201
    return person


def shown(who: Person, model: str, url: str = f"data:image/png;base64,{DATA}") -> Answer:
    image = {"type": "image_url", "image_url": {"url": url}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "hello you"}, image]}]
    return who.call("POST", "/v1/chat/completions", {"model": model, "messages": messages})


@pytest.mark.parametrize("provider", list(SHOWN))
def test_every_wire_carries_them(viewer: Person, upstream: Upstream, provider: str) -> None:
    answer = shown(viewer, f"{provider}/text#image-{provider}")
    assert answer.status == 200, answer.body
    served = upstream.sent(f"image-{provider}")
    assert served is not None
    assert json.dumps(SHOWN[provider], sort_keys=True) in json.dumps(served.body, sort_keys=True)


@pytest.mark.parametrize("model", ["openai/gpt-3.5-turbo", "demo/demo"])
def test_a_model_that_sees_none_is_refused(viewer: Person, model: str) -> None:
    answer = shown(viewer, model)
    assert (answer.status, answer.json["error"]["code"]) == (400, "model_cannot_see"), answer.body
    assert "cannot see images" in answer.json["error"]["message"]


def test_addresses_are_never_fetched(viewer: Person, upstream: Upstream) -> None:
    """A provider that takes them gets them as they are; for the others they are refused."""
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.listen()
        elsewhere.settimeout(0.5)
        url = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/a.png"
        assert shown(viewer, "openai/text#elsewhere", url).status == 200
        for provider in ("anthropic", "gemini", "ollama"):
            refused: Any = shown(viewer, f"{provider}/text", url)
            assert refused.status == 400, refused.body
            assert refused.json["error"]["param"] == "messages.0.content.1"
            assert "data URL" in refused.json["error"]["message"]
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    served = upstream.sent("elsewhere")
    assert served is not None
    assert url in json.dumps(served.body)
