"""Embeddings through each wire that has them."""

from __future__ import annotations

from typing import Any

import pytest

from api.domain.embeddings import EmbeddingOrder
from api.domain.errors import AddressForbidden, Invalid, ProviderAuthFailed, ProviderBadResponse
from api.domain.events import Usage
from api.providers.base import Endpoint
from api.providers.catalogue import Catalogue
from api.providers.control import Control, Embeddings
from api.security.egress import Egress
from tests.answers import Answers, ollama
from tests.providers.helpers import KEY

CONTROL = Control(Catalogue(), Egress())
TEXTS = ("one", "three")
VECTORS = ((0.5, 3.0), (0.5, 5.0))


def compatible(body: Any) -> Any:
    data = [{"index": i, "embedding": [0.5, len(text)]} for i, text in enumerate(body["input"])]
    return {"data": data[::-1], "usage": {"prompt_tokens": 7, "total_tokens": 7}}


def gemini(body: Any) -> Any:
    found = [{"values": [0.5, len(one["content"]["parts"][0]["text"])]} for one in body["requests"]]
    return {"embeddings": found, "usageMetadata": {"promptTokenCount": 7}}


SERVER = ollama() | {"/v1/embeddings": compatible, "/v1beta/models/e:batchEmbedContents": gemini}


@pytest.mark.parametrize(
    ("provider", "base", "size"),
    [
        ("openai", "/v1", "dimensions"),
        ("custom", "/v1", "dimensions"),
        ("ollama", "", "dimensions"),
        ("gemini", "", ""),
    ],
)
def test_vectors_come_in_the_order_of_the_texts(provider: str, base: str, size: str) -> None:
    with Answers(SERVER) as server:
        found = CONTROL.embed(Endpoint(provider, server.url + base, KEY, True), "e", EmbeddingOrder(TEXTS, 2))
        assert found == Embeddings(VECTORS, Usage(prompt_tokens=7))
        _, body, headers = server.asked[-1]
        said = body["requests"][0]["outputDimensionality"] if provider == "gemini" else body[size]
        assert said == 2
        assert KEY in headers["x-goog-api-key" if provider == "gemini" else "authorization"]
        CONTROL.embed(Endpoint(provider, server.url + base, KEY, True), "e", EmbeddingOrder(TEXTS))
        assert "imension" not in str(server.asked[-1][1])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, {"error": {"message": f"bad key {KEY}"}}), ProviderAuthFailed),
        ({"data": []}, ProviderBadResponse),
        ({"data": [{"embedding": [1]}, {"embedding": "no"}]}, ProviderBadResponse),
        ({"data": [{"embedding": [1]}, {"embedding": [True]}]}, ProviderBadResponse),
        ({"data": [{"embedding": [1]}, {"embedding": []}]}, ProviderBadResponse),
        ({"data": 5}, ProviderBadResponse),
        ([], ProviderBadResponse),
    ],
)
def test_faults(answer: Any, error: type[Exception]) -> None:
    with Answers({"/v1/embeddings": answer}) as server, pytest.raises(error) as caught:
        CONTROL.embed(Endpoint("openai", f"{server.url}/v1", KEY, True), "e", EmbeddingOrder(TEXTS))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("provider", ["openai", "ollama", "gemini"])
def test_guarded_as_everything_else(provider: str) -> None:
    with Answers(SERVER) as server:
        with pytest.raises(AddressForbidden):
            CONTROL.embed(Endpoint(provider, server.url, KEY, False), "e", EmbeddingOrder(TEXTS))
        assert server.asked == []


@pytest.mark.parametrize("provider", ["anthropic", "demo", "imagerouter", "nobody"])
def test_a_vendor_without_embeddings_says_so(provider: str) -> None:
    with pytest.raises(Invalid, match="no embeddings"):
        CONTROL.embed(Endpoint(provider, "http://127.0.0.1:9", KEY, True), "e", EmbeddingOrder(TEXTS))


def test_tokens_and_what_is_said_besides_go_to_providers_of_openais_protocol() -> None:
    order = EmbeddingOrder(([7, 8], [9]), extra={"user": "u", "model": "another", "encoding_format": "base64"})
    with Answers(SERVER) as server:
        found = CONTROL.embed(Endpoint("openai", f"{server.url}/v1", KEY, True), "e", order)
        assert found.vectors == ((0.5, 2.0), (0.5, 1.0))
        assert server.asked[-1][1] == {"input": [[7, 8], [9]], "model": "e", "user": "u", "encoding_format": "float"}
        for provider in ("gemini", "ollama"):
            with pytest.raises(Invalid, match="Send the texts themselves"):
                CONTROL.embed(Endpoint(provider, server.url, KEY, True), "e", order)
        assert len(server.asked) == 1
