"""/v1/images/generations as OpenAI's SDK uses it."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import openai
import pytest

from tests.answers import Answers
from tests.image_router import KEY
from tests.server import Person, Server, call

pytestmark = pytest.mark.xdist_group("openai-dialect")
CONFIG = {"name": "pictures", "provider": "imagerouter", "api_key": KEY}


@pytest.fixture(scope="module")
def painter(server: Server) -> Person:
    person = server.person("painter")
    assert person.call("POST", "/model-configs", CONFIG).status == 201
    return person


@pytest.fixture(scope="module")
def client(server: Server, painter: Person) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=painter.token, max_retries=0) as made:
        yield made


def test_as_bytes(client: openai.OpenAI, painter: Person, drawings: Answers) -> None:
    made = client.images.generate(
        prompt="a fox",
        model="imagerouter/test/test",
        n=2,
        size="1024x1024",
        quality="high",
        output_format="webp",
        user="painter",
        extra_body={"style": "ink", "background": None},
    )
    assert made.created > 1_700_000_000
    assert made.data is not None
    assert [one.revised_prompt for one in made.data] == ["a fox, revised"] * 2
    bodies = [body for _, body, _ in drawings.asked[-2:]]
    asked = {"model": "test/test", "prompt": "a fox", "size": "1024x1024", "quality": "high", "output_format": "webp"}
    asked |= {"user": "painter", "style": "ink", "response_format": "b64_ephemeral"}
    assert bodies == [asked] * 2
    kept = painter.call("GET", "/images").json["items"]
    assert len(kept) == 2
    first = painter.call("GET", kept[-1]["url"])
    assert base64.b64decode(made.data[0].b64_json or "") == first.body
    assert first.headers["content-type"] == "image/png"
    row = painter.generation(kept[0]["generation_id"])
    assert (row["surface"], row["cost"]) == ("openai", "0.008")


def test_as_addresses(client: openai.OpenAI, server: Server, painter: Person) -> None:
    made = client.images.generate(prompt="a fox", response_format="url")
    assert made.data is not None
    url = made.data[0].url or ""
    root = f"http://127.0.0.1:{server.port}"
    assert url.startswith(f"{root}/images/")
    path = url.removeprefix(root)
    assert painter.call("GET", path).body.startswith(b"\x89PNG")
    assert call(server.port, "GET", path).status == 401
    assert server.person("stranger").call("GET", path).status == 404


def test_tokens_are_told(client: openai.OpenAI) -> None:
    made = client.images.generate(prompt="a fox", model="imagerouter/tokens")
    assert made.usage is not None
    assert (made.usage.input_tokens, made.usage.output_tokens, made.usage.total_tokens) == (10, 100, 110)


def test_what_cannot_be(client: openai.OpenAI, server: Server, painter: Person) -> None:
    for body, raised, code in (
        ({"model": "imagerouter/status:400"}, openai.BadRequestError, "provider_refused"),
        ({"model": "imagerouter/status:401"}, openai.InternalServerError, "provider_auth_failed"),
        ({"model": "imagerouter/status:429"}, openai.RateLimitError, "provider_rate_limited"),
        ({"model": "imagerouter/error:moderation_blocked"}, openai.BadRequestError, "content_filtered"),
        ({"model": "imagerouter/svg"}, openai.InternalServerError, "provider_bad_response"),
        ({"model": "demo/demo"}, openai.BadRequestError, "invalid"),
        ({"model": "nothing-like-it"}, openai.NotFoundError, "model_not_found"),
        ({"n": 11}, openai.BadRequestError, "invalid"),
        ({"prompt": " "}, openai.BadRequestError, "invalid"),
        ({"stream": True}, openai.BadRequestError, "invalid"),
        ({"extra_body": {"api_base": "http://127.0.0.1:9"}}, openai.BadRequestError, "invalid"),
        ({"extra_body": {"num_images": 4}}, openai.BadRequestError, "invalid"),
        ({"extra_body": {"N": 4}}, openai.BadRequestError, "invalid"),
    ):
        given = {"prompt": "a fox"} | body
        with pytest.raises(raised) as caught:
            client.images.generate(**given)  # type: ignore[call-overload]
        assert caught.value.code == code, body
        assert KEY not in str(caught.value)
    for path in ("/v1/images/generations", "/v1/embeddings"):
        endless = painter.call("POST", path, {"prompt": "a fox", "model": "m", "input": "a", "style": [{"x": 1e999}]})
        assert (endless.status, endless.json["error"]["param"]) == (400, "style"), endless.body
    keyless = server.person("keyless")
    refused = keyless.call("POST", "/v1/images/generations", {"prompt": "a fox"})
    assert (refused.status, refused.json["error"]["code"]) == (400, "provider_not_configured")
    assert "Add an API key" in refused.json["error"]["message"]
