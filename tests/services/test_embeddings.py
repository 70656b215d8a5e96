"""Embeddings as a use case: which model, whose key, and what is refused before anybody is asked."""

from __future__ import annotations

from typing import Any

import pytest

from api.domain.embeddings import EmbeddingOrder
from api.domain.errors import Invalid, ModelNotFound, ProviderNotConfigured
from tests.answers import Answers
from tests.providers.test_embeddings import SERVER, VECTORS
from tests.services.whole import KEY, Whole


def test_by_config_by_provider_and_by_bare_name(make_app: Any) -> None:
    with Answers(SERVER) as server:
        whole = Whole(make_app(openai_base_url=f"{server.url}/v1", ollama_base_url=server.url))

        def embed(who: Any, model: str, inputs: Any, dimensions: int | None = None) -> Any:
            return whole.services.embeddings.embed(who, model, EmbeddingOrder(tuple(inputs), dimensions))

        whole.config(whole.ann, "vectors", model="e")
        found = embed(whole.ann, "vectors", ["one", "three"])
        assert (found.provider, found.model, found.vectors) == ("openai", "e", VECTORS)
        assert found.usage.prompt_tokens == 7
        assert server.asked[-1][2]["authorization"] == f"Bearer {KEY}"
        assert embed(whole.ann, "text-embedding-3-small", ["one"], 2).model == "text-embedding-3-small"
        assert embed(whole.ben, "ollama/nomic-embed-text", ["one"]).provider == "ollama"
        assert "authorization" not in server.asked[-1][2]
        asked = len(server.asked)
        with pytest.raises(ProviderNotConfigured):
            embed(whole.ben, "openai/text-embedding-3-small", ["one"])
        with pytest.raises(ModelNotFound):
            embed(whole.ben, "text-embedding-3-small", ["one"])
        for inputs in ([], [" "], ["a"] * 2049, ["a" * 1_000_001], [[]], [[1] * 1_000_001]):
            with pytest.raises(Invalid):
                embed(whole.ann, "vectors", inputs)
        with pytest.raises(Invalid):
            embed(whole.ann, "vectors", ["a"], 0)
        assert len(server.asked) == asked, "nobody was asked"
