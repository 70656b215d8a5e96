"""Prices: each shape of usage against figures worked out by hand, and our arithmetic against the library's own."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.events import Usage
from api.domain.model_facts import TABLE, Rate, Rates, known, known_at_once
from api.domain.pricing import cost_of, price
from tests.architecture.files import ROOT

AT = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def rate(text: str, *above: tuple[int, str]) -> Rate:
    return Rate(Decimal(text), tuple((start, Decimal(more)) for start, more in above))


CLAUDE = Rates(rate("3"), rate("15"), "t", cached=rate("0.3"), cache_write=rate("3.75"))
PLAIN = Rates(rate("2.5"), rate("10"), "t", cached=rate("1.25"))
TIERED = Rates(
    rate("1.25", (200_000, "2.5")), rate("10", (200_000, "15")), "t", cached=rate("0.125", (200_000, "0.25"))
)
THINKS = Rates(rate("0.4"), rate("1.2"), "t", thinking=rate("4"))
REASONS = Rates(rate("2"), rate("8"), "t", reasoning=rate("3"))
EMBEDS = Rates(rate("0.02"), None, "t")


def test_what_no_call_can_cost_is_unknown() -> None:
    assert cost_of(PLAIN, Usage(2**31 - 1, 2**31 - 1)) is None
    assert cost_of(PLAIN, Usage(4_000_000_000, 0)) is not None, "ten thousand dollars"


@pytest.mark.parametrize(
    ("rates", "usage", "dollars"),
    [
        # 1000 × 2.5 + 200 × 10 = 4500 a million
        (PLAIN, Usage(1000, 200), "0.0045"),
        # (1000 - 400) × 2.5 + 400 × 1.25 + 200 × 10: cached ones are among the prompt's, not beside them
        (PLAIN, Usage(1000, 200, cached_tokens=400), "0.004"),
        # reasoning is among the completion's: not billed twice
        (PLAIN, Usage(1000, 200, reasoning_tokens=150), "0.0045"),
        # no rate for writing: as input
        (PLAIN, Usage(1000, 0, cache_write_tokens=400), "0.0025"),
        # 100 × 3 + 700 × 0.3 + 200 × 3.75 + 50 × 15 = 300 + 210 + 750 + 750
        (CLAUDE, Usage(1000, 50, cached_tokens=700, cache_write_tokens=200), "0.00201"),
        # at the threshold still the lower rates, one beyond it all tokens cost the higher ones
        (TIERED, Usage(200_000, 100), "0.251"),
        (TIERED, Usage(200_001, 100), "0.5015025"),
        (TIERED, Usage(300_000, 100, cached_tokens=100_000), "0.5265"),
        # 1000 × 0.4 + 200 × 1.2, and the whole output at 4 where the model thought
        (THINKS, Usage(1000, 200), "0.00064"),
        (THINKS, Usage(1000, 200, reasoning_tokens=1), "0.0012"),
        # 1000 × 2 + 150 × 3 + 50 × 8
        (REASONS, Usage(1000, 200, reasoning_tokens=150), "0.00285"),
        (EMBEDS, Usage(1000), "0.00002"),
        (EMBEDS, Usage(1000, 0), "0.00002"),
        (PLAIN, Usage(0, 0), "0"),
        (PLAIN, Usage(1, 1, estimated=True), "0.0000125"),
        # what cannot be told is unknown, never zero
        (PLAIN, Usage(), None),
        (PLAIN, Usage(1000), None),
        (PLAIN, Usage(None, 200), None),
        (PLAIN, Usage(1000, 200, cached_tokens=1001), None),
        (PLAIN, Usage(1000, 200, cached_tokens=600, cache_write_tokens=600), None),
        (PLAIN, Usage(1000, 200, reasoning_tokens=201), None),
        (EMBEDS, Usage(1000, 5), None),
    ],
)
def test_usage_shapes(rates: Rates, usage: Usage, dollars: str | None) -> None:
    cost = cost_of(rates, usage)
    assert (cost and cost.amount) == (dollars and Decimal(dollars))
    assert cost is None or isinstance(cost.amount, Decimal)


@pytest.mark.parametrize(
    ("provider", "model", "dollars", "source"),
    [
        ("openai", "gpt-4o", "0.0045", "genai-prices"),  # 2.5 and 10
        ("openai", "gpt-4o-2024-08-06", "0.0045", "genai-prices"),
        ("anthropic", "claude-sonnet-4-5-20250929", "0.006", "genai-prices"),  # 3 and 15
        ("gemini", "gemini-2.5-flash", "0.0008", "genai-prices"),  # 0.3 and 2.5
        ("gemini", "models/gemini-2.5-flash", "0.0008", "genai-prices"),
        ("groq", "openai/gpt-oss-120b", "0.00027", "genai-prices"),  # 0.15 and 0.6
        ("huggingface", "meta-llama/Llama-3.3-70B-Instruct:groq", "0.000748", "genai-prices"),  # 0.59 and 0.79
        ("qwen", "qwen-plus", "0.00064", "parley:qwen@2025-04-22"),
        ("qwen", "qwen3-max", "0.0024", "parley:qwen@2026-08-19"),
        ("demo", "demo", "0", "parley:demo"),
        ("huggingface", "meta-llama/Llama-3.3-70B-Instruct", None, ""),  # the router chooses who is paid
        ("openai", "gpt-image-1", None, ""),  # its tokens are not all text
        ("openai", "a-model-of-tomorrow", None, ""),
        ("openrouter", "openrouter/auto", None, ""),
        ("custom", "gpt-4o", None, ""),
        ("litellm", "gpt-4o", None, ""),
        ("ollama", "llama3.2", None, ""),
    ],
)
def test_models(provider: str, model: str, dollars: str | None, source: str) -> None:
    cost = price(provider, model, Usage(1000, 200), AT)
    assert (cost and cost.amount) == (dollars and Decimal(dollars))
    assert cost is None or cost.source.startswith(source)


def test_what_the_provider_said_itself_comes_first() -> None:
    said = Rates(rate("1"), rate("1"), "litellm")
    for provider in ("litellm", "openai"):
        cost = price(provider, "gpt-4o", Usage(1000, 200), AT, told=said)
        assert cost is not None
        assert (cost.amount, cost.source) == (Decimal("0.0012"), "litellm")


def test_prices_are_those_of_the_moment() -> None:
    """A model that became cheaper: what was billed before keeps its price."""
    from genai_prices.data import providers
    from genai_prices.types import StartDateConstraint

    dated = [
        (model.id, row.constraint.start_date)
        for vendor in providers
        if vendor.id == "openai"
        for model in vendor.models
        if isinstance(model.prices, list)
        for row in model.prices
        if isinstance(row.constraint, StartDateConstraint)
    ]
    model, day = dated[-1]
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
    assert known("openai", model, noon).rates != known("openai", model, noon - dt.timedelta(days=1)).rates


NUMBERS = st.integers(0, 400_000)


@given(fresh=NUMBERS, cached=NUMBERS, written=NUMBERS, output=NUMBERS, at=st.integers(0, 10**6))
def test_our_sums_are_the_librarys(fresh: int, cached: int, written: int, output: int, at: int) -> None:
    import genai_prices
    from genai_prices.data import providers

    names = {"openai": "openai", "anthropic": "anthropic", "google": "gemini", "mistral": "mistral", "groq": "groq"}
    models = [(vendor, model) for vendor in providers if vendor.id in names for model in vendor.models]
    vendor, model = models[at % len(models)]
    rates = known(names[vendor.id], model.id, AT).rates
    if rates is None or rates.output is None:
        return
    found = vendor.find_model(model.id)
    theirs = genai_prices.Usage(
        input_tokens=fresh + cached + written,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output,
    )
    expected = found.calc_price(theirs, vendor, genai_request_timestamp=AT).total_price
    if any("request" in name for name in vars(found.get_prices(AT))):
        return
    cost = cost_of(rates, Usage(fresh + cached + written, output, None, cached, cache_write_tokens=written))
    assert cost is not None
    assert cost.amount == expected


def test_rows_say_where_and_when() -> None:
    for row in TABLE:
        assert row.source
        assert dt.date(2025, 1, 1) < row.read <= dt.date.today()
        assert row.facts.rates is None or row.facts.rates.source


def test_the_price_list_is_loaded_when_needed_and_not_before() -> None:
    code = """
import sys
import api.domain.pricing, api.wiring
from api.domain.model_facts import known_at_once, load
assert known_at_once("openai", "gpt-4o").context_window == 128_000
assert known_at_once("groq", "openai/gpt-oss-120b").context_window is None
assert "genai_prices" not in sys.modules
load()
assert known_at_once("groq", "openai/gpt-oss-120b").context_window == 131_072
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)


def test_unknown_is_none() -> None:
    facts = known("custom", "anything")
    assert (facts.context_window, facts.max_output, facts.abilities, facts.rates) == (None, None, None, None)
    assert known_at_once("custom", "anything") == facts
