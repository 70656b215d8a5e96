"""What vendors' lists say of their models, under each vendor's own names; nonsense is unknown, never an error."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.model_facts import Facts
from api.providers import listings
from api.providers.base import Endpoint
from api.providers.catalogue import Catalogue, LocalModels
from api.providers.control import Control
from api.security.egress import Egress
from tests.answers import Answers, ollama
from tests.providers.helpers import KEY

CONTROL = Control(Catalogue(), Egress())
LITELLM = {
    "/v1/models": {"data": [{"id": "fast", "object": "model", "owned_by": "openai"}, {"id": "own"}, {"id": "new"}]},
    "/v1/model/info": {
        "data": [
            {
                "model_name": "fast",
                "litellm_params": {"model": "openai/gpt-4o-mini"},
                "model_info": {
                    "mode": "chat",
                    "max_input_tokens": 128_000,
                    "max_output_tokens": 16_384,
                    "input_cost_per_token": 1.5e-07,
                    "output_cost_per_token": 6e-07,
                    "cache_read_input_token_cost": 7.5e-08,
                    "supports_vision": True,
                    "supports_function_calling": True,
                    "supports_reasoning": None,
                },
            },
            {"model_name": "own", "model_info": {"mode": None, "input_cost_per_token": 0, "output_cost_per_token": 0}},
            {"model_name": "fast", "model_info": {"mode": "chat", "max_input_tokens": 1}},
            "nonsense",
        ]
    },
}


def endpoint(provider: str, url: str, key: str | None = KEY) -> Endpoint:
    return Endpoint(provider, url, key, True)


@pytest.mark.parametrize(
    ("said", "window", "output", "abilities"),
    [
        ({"context_window": 131_072, "max_completion_tokens": 65_536}, 131_072, 65_536, None),  # Groq
        ({"max_model_len": 32_768}, 32_768, None, None),  # vLLM
        ({"meta": {"n_ctx_train": 131_072}}, 131_072, None, None),  # llama.cpp
        (  # Mistral
            {
                "max_context_length": 128_000,
                "capabilities": {"completion_chat": True, "function_calling": True, "vision": False},
            },
            128_000,
            None,
            {"chat", "tools"},
        ),
        (  # OpenRouter, an image model
            {"context_length": 8192, "architecture": {"input_modalities": ["text"], "output_modalities": ["image"]}},
            8192,
            None,
            {"images"},
        ),
        (
            {"context_length": "many", "max_model_len": -1, "max_context_length": 0, "context_window": True},
            None,
            None,
            None,
        ),
        ({"context_length": 1e400, "architecture": [], "capabilities": "all", "pricing": "free"}, None, None, None),
    ],
)
def test_names_of_compatible_servers(
    said: dict[str, Any], window: int | None, output: int | None, abilities: set[str] | None
) -> None:
    entry = listings.compatible_entry({"id": "m"} | said)
    assert entry is not None
    assert entry.facts == Facts(window, output, None if abilities is None else frozenset(abilities))


def test_anthropic_and_gemini() -> None:
    claude = listings.anthropic_entry(
        {
            "id": "claude-x",
            "max_input_tokens": 200_000,
            "max_tokens": 64_000,
            "capabilities": {"image_input": {"supported": True}, "thinking": {"supported": False}, "batch": True},
        }
    )
    assert claude is not None
    assert claude.facts == Facts(200_000, 64_000, frozenset({"chat", "tools", "vision"}))
    said = {"name": "models/g", "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536}
    writes = listings.gemini_entry(said | {"supportedGenerationMethods": ["generateContent"]})
    embeds = listings.gemini_entry(said | {"supportedGenerationMethods": ["embedContent"]})
    assert writes
    assert embeds
    assert (writes.id, writes.facts) == ("g", Facts(1_048_576, 65_536, None))
    assert embeds.facts.abilities == {"embeddings"}
    assert listings.gemini_entry(said | {"supportedGenerationMethods": ["predict"]}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "id",
    "name",
    "context_length",
    "capabilities",
    "architecture",
    "pricing",
    "meta",
    "max_tokens",
    "data",
    "mode",
)


@given(said=st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), JSON, max_size=8))
def test_any_json_is_read_or_passed_over(said: dict[str, Any]) -> None:
    for read in (listings.compatible_entry, listings.anthropic_entry, listings.gemini_entry):
        entry = read(said)
        if entry is not None:
            listings.in_order([entry])
    listings.proxy_facts(said)
    listings.proxy_facts({"data": [{"model_name": "m", "model_info": said}]})


def test_a_litellm_proxy_tells_prices_and_windows() -> None:
    with Answers(LITELLM) as proxy:
        found = {m.id: m.facts for m in CONTROL.list_models(endpoint("litellm", f"{proxy.url}/v1"))}
    assert proxy.paths() == ["/v1/models", "/v1/model/info"]
    assert all(headers["authorization"] == f"Bearer {KEY}" for _, _, headers in proxy.asked)
    fast = found["fast"]
    assert (fast.context_window, fast.max_output, fast.abilities) == (128_000, 16_384, {"chat", "tools", "vision"})
    assert fast.rates
    assert fast.rates.output
    assert fast.rates.cached
    assert [r.base for r in (fast.rates.input, fast.rates.output, fast.rates.cached)] == [
        Decimal("0.15"),
        Decimal("0.6"),
        Decimal("0.075"),
    ]
    assert found["own"].rates is None, "its zero says that it does not know"
    assert found["new"] == Facts()


@pytest.mark.parametrize("details", [(403, {"error": "admins only"}), (200, "nonsense"), (200, {"data": 5}), (500, {})])
def test_a_proxy_without_details_is_listed_all_the_same(details: Any) -> None:
    with Answers(LITELLM | {"/v1/model/info": details}) as proxy:
        found = CONTROL.list_models(endpoint("litellm", f"{proxy.url}/v1"))
    assert [m.id for m in found] == ["fast", "new", "own"]
    assert all(m.facts == Facts() for m in found)


def test_ollama_tells_windows_and_abilities() -> None:
    with Answers(ollama({"small": 4096, "large": 131_072})) as server:
        found = {m.id: m for m in CONTROL.list_models(endpoint("ollama", server.url, None))}
        assert found["large"].facts == Facts(131_072, None, frozenset({"chat", "tools", "vision"}))
        assert (found["small"].facts.context_window, found["small"].size_bytes) == (4096, 1000)
        server.by_path["/api/show"] = (404, {"error": "old"})
        assert [m.facts for m in CONTROL.list_models(endpoint("ollama", server.url, None))] == [Facts(), Facts()]


def test_an_ollama_is_told_how_much_context_to_keep() -> None:
    import json

    from api.domain.conversation import CompletionRequest, Turn

    catalogue = Catalogue(local=LocalModels(16_384, "10m"))
    sent = catalogue.wire("ollama").encode(
        endpoint("ollama", "http://h", None), CompletionRequest("m", (Turn("user", "hi"),), temperature=0.5)
    )
    body = json.loads(sent.body)
    assert (body["options"], body["keep_alive"]) == ({"num_ctx": 16_384, "temperature": 0.5}, "10m")
    own = CompletionRequest("m", (Turn("user", "hi"),), extra={"num_ctx": 2048, "keep_alive": 0})
    body = json.loads(catalogue.wire("ollama").encode(endpoint("ollama", "http://h", None), own).body)
    assert (body["options"], body["keep_alive"]) == ({"num_ctx": 2048}, 0), "what the caller says wins"
    assert catalogue.context_kept("ollama") == 16_384
    assert catalogue.context_kept("openai") is None
