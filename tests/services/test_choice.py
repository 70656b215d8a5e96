"""Which model takes a message, where nothing names it in full."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from api.domain.errors import ModelNotFound, ProviderNotConfigured
from api.domain.events import Usage
from api.domain.pricing import price
from api.domain.principal import Principal
from api.services.model_configs import Wish
from tests.answers import Answers
from tests.providers.test_listings import LITELLM
from tests.services.whole import Whole, statements, with_default
from tests.upstream import Upstream


def chosen(whole: Whole, who: Principal, **wish: Any) -> tuple[str, str]:
    configs = whole.services.model_configs
    target = whole.services.chats._store.read(lambda work: configs.target(work, who, None, Wish(**wish)))
    return target.vendor.id, target.model


def test_of_two_configs_without_a_default_none_is_meant(whole: Whole) -> None:
    assert chosen(whole, whole.ann) == ("demo", "demo")
    first = whole.config(whole.ann, "first", model="text")
    assert chosen(whole, whole.ann) == ("openai", "text")
    whole.config(whole.ann, "second", provider="groq", model="llama")
    with pytest.raises(ProviderNotConfigured, match=r"several model configs.*'first', 'second'") as caught:
        chosen(whole, whole.ann)
    assert caught.value.status == 422
    chat = whole.chat(whole.ann)
    with pytest.raises(ProviderNotConfigured):
        whole.send(whole.ann, chat, "hello")
    assert whole.services.chats.open(whole.ann, chat)[1] == [], "what is refused is not stored"
    whole.services.model_configs.change(whole.ann, first, {"is_default": True})
    assert chosen(whole, whole.ann) == ("openai", "text")
    assert chosen(whole, with_default(whole.ann, "groq/other")) == ("groq", "other")


def test_a_shared_config_stands_behind_ones_own(whole: Whole) -> None:
    whole.config(whole.ann, "for all", provider="groq", model="shared", shared=True)
    assert chosen(whole, whole.ben) == ("groq", "shared")
    whole.config(whole.ben, "own", model="text")
    assert chosen(whole, whole.ben) == ("openai", "text")


def test_a_config_without_chat_models_is_no_choice(whole: Whole) -> None:
    whole.config(whole.ann, "pictures", provider="imagerouter", model="flux")
    assert chosen(whole, whole.ann) == ("demo", "demo")
    whole.config(whole.ann, "words", model="text")
    assert chosen(whole, whole.ann) == ("openai", "text")


def test_bare_names(whole: Whole, upstream: Upstream) -> None:
    whole.config(whole.ann, "main", model="first")
    whole.config(whole.ann, "claude", provider="anthropic", model=None)
    assert chosen(whole, whole.ann, model="main") == ("openai", "first")  # a config's name
    assert chosen(whole, whole.ann, model="gpt-4o") == ("openai", "gpt-4o")  # known beforehand
    assert chosen(whole, whole.ann, model="claude-sonnet-5-5") == ("anthropic", "claude-sonnet-5-5")
    with pytest.raises(ModelNotFound, match="No model named 'thinking'"):
        chosen(whole, whole.ann, model="thinking")
    whole.services.catalogue.provider_models(whole.ann, "openai")
    before = upstream.accepted
    assert chosen(whole, whole.ann, model="thinking") == ("openai", "thinking")  # seen in the list
    with pytest.raises(ModelNotFound):
        chosen(whole, whole.ben, model="thinking")  # in another's
    assert upstream.accepted == before, "nobody is asked for it"


def test_a_bare_name_that_two_have_is_asked_for_in_full(make_app: Any, upstream: Upstream) -> None:
    address = f"{upstream.url}/v1"
    whole = Whole(make_app(openai_base_url=address, custom_base_url=address, ollama_base_url="http://127.0.0.1:9"))
    whole.config(whole.ann, "one", model=None)
    whole.services.catalogue.models(whole.ann)
    with pytest.raises(ModelNotFound, match="custom/thinking"):
        chosen(whole, whole.ann, model="thinking")
    assert chosen(whole, whole.ann, model="custom/thinking") == ("custom", "thinking")
    whole.config(whole.ann, "a", model="same")
    whole.config(whole.ann, "b", provider="custom", base_url=None, model="same")
    with pytest.raises(ModelNotFound, match="custom/same or openai/same"):
        chosen(whole, whole.ann, model="same")


def test_the_choice_takes_one_statement(whole: Whole) -> None:
    whole.config(whole.ann, "main", model="first")
    for wish in ({}, {"model": "gpt-4o"}, {"model": "openai/text"}):
        assert len(statements(whole, lambda wish=wish: chosen(whole, whole.ann, **wish))) == 1


def test_the_window_is_the_models(whole: Whole, upstream: Upstream) -> None:
    """A long conversation goes whole to a model with room for it, and shortened to one without."""
    whole.config(whole.ann, "main", model="text")
    chat = whole.chat(whole.ann)
    for _ in range(3):
        whole.said(whole.ann, chat, "x" * 30_000, model="openai/text")
    assert len(upstream.served[-1].body["messages"]) == 5, "OpenAI's models are taken to hold 128,000 tokens"
    sent = whole.said(whole.ann, chat, "y" * 20_000, model="openai/gpt-4")
    assert sent.notes["left_out_turns"] == 6


def test_what_a_router_said_of_its_prices_goes_with_the_choice(make_app: Any) -> None:
    """For whoever bills the reply: no list knows what a proxy's own names cost."""
    with Answers(LITELLM) as proxy:
        whole = Whole(make_app(litellm_base_url=f"{proxy.url}/v1", ollama_base_url="http://127.0.0.1:9"))
        configs, read = whole.services.model_configs, whole.services.chats._store.read
        whole.services.catalogue.models(whole.ann)
        target = read(lambda work: configs.target(work, whole.ann, None, Wish(model="fast")))
        cost = price("litellm", target.model, Usage(1_000_000, 0), told=target.facts.rates)
        assert (target.vendor.id, target.facts.context_window) == ("litellm", 128_000)
        assert cost is not None
        assert (cost.amount, cost.source) == (Decimal("0.15"), "litellm")
