"""What is known of models beforehand: windows, limits, abilities and prices. Nothing here asks anybody.

Our own table wins over the library `genai_prices`, which is offline data with a large import (0.15 s and 20 MiB): it
is loaded when first needed, and never by the path of a message (see `known_at_once`). What nobody knows is None.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import threading
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any, Final

from api.domain import clock

# Rates of the library that a token count of ours cannot tell apart from text: such a model has no price here.
_COUNTED: Final = {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok"}
_NEVER_USED: Final = re.compile(
    r"input_(?:audio|video|document).*|cache_audio.*|cache_write_1h_mtok|.*_searches_kcount"
)
_LIBRARY_IDS: Final = {"gemini": "google"}
UNLISTED: Final = frozenset(("custom", "demo", "litellm", "ollama", "qwen"))
"""Providers that the library does not have: it is not loaded for them."""
_loaded = threading.Event()


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars a million tokens. `above`: beyond so many prompt tokens, all tokens of the call cost that instead."""

    base: Decimal
    above: tuple[tuple[int, Decimal], ...] = ()

    def at(self, prompt_tokens: int) -> Decimal:
        """The rate of a call with that many prompt tokens."""
        return next((rate for start, rate in reversed(self.above) if prompt_tokens > start), self.base)


@dataclass(frozen=True, slots=True)
class Rates:
    """What a model's tokens cost, and who says so.

    Without a rate of their own, tokens read from a cache or written to it cost what `input` costs, and `reasoning` what
    `output` costs. `thinking` is the rate of the whole output where the model thought first. `output` is None for
    models that put nothing out, such as embeddings.
    """

    input: Rate
    output: Rate | None
    source: str
    cached: Rate | None = None
    cache_write: Rate | None = None
    reasoning: Rate | None = None
    thinking: Rate | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one model: tokens of context and output, what it can do, what it costs."""

    context_window: int | None = None
    max_output: int | None = None
    abilities: frozenset[str] | None = None
    rates: Rates | None = None

    def over(self, other: Facts) -> Facts:
        """These facts, and the other's where these say nothing."""
        if other is NOTHING:
            return self
        return Facts(
            self.context_window or other.context_window,
            self.max_output or other.max_output,
            other.abilities if self.abilities is None else self.abilities,
            self.rates or other.rates,
        )


NOTHING: Final = Facts()


@dataclass(frozen=True, slots=True)
class Row:
    """Facts of a vendor's models whose names the pattern `models` matches, with where and when they were read."""

    provider: str
    models: str
    facts: Facts
    source: str
    read: dt.date


def _tokens(price: str, *above: tuple[int, str]) -> Rate:
    return Rate(Decimal(price), tuple((start, Decimal(rate)) for start, rate in above))


_CHAT: Final = frozenset({"chat", "tools"})
_SEES: Final = _CHAT | {"vision"}
_THINKS: Final = _SEES | {"reasoning"}
_OPENAI: Final = ("https://platform.openai.com/docs/models", dt.date(2026, 11, 21))
_ANTHROPIC: Final = ("https://docs.anthropic.com/en/docs/about-claude/models", dt.date(2026, 11, 21))
_GEMINI: Final = ("https://ai.google.dev/gemini-api/docs/models", dt.date(2026, 11, 21))
_DEEPSEEK: Final = ("https://api-docs.deepseek.com/quick_start/pricing", dt.date(2026, 11, 21))
_QWEN: Final = ("https://www.alibabacloud.com/help/en/model-studio/billing-for-model-studio", dt.date(2025, 4, 22))
_QWEN_LITELLM: Final = ("LiteLLM's price table for dashscope (international)", dt.date(2026, 8, 19))
_OURS: Final = ("api/providers/wires/demo.py", dt.date(2026, 11, 21))
_FREE: Final = _tokens("0")


def _of_qwen(source: tuple[str, dt.date], **rates: Rate | None) -> Rates:
    return Rates(**rates, source=f"parley:qwen@{source[1]}")  # type: ignore[arg-type]


TABLE: Final = (
    Row("demo", r"demo", Facts(8_192, None, frozenset({"chat"}), Rates(_FREE, _FREE, "parley:demo")), *_OURS),
    Row(
        "demo",
        r"demo-thinking",
        Facts(8_192, None, frozenset({"chat", "reasoning"}), Rates(_FREE, _FREE, "parley:demo")),
        *_OURS,
    ),
    Row("openai", r"text-embedding-.*", Facts(abilities=frozenset({"embeddings"})), *_OPENAI),
    Row("openai", r"(?:gpt|chatgpt)-image.*|dall-e.*", Facts(abilities=frozenset({"images"})), *_OPENAI),
    Row(
        "openai",
        r"(?:whisper|tts|sora|omni-moderation|text-moderation|babbage|davinci).*"
        r"|.*-(?:audio|realtime|transcribe|tts|live|translate|whisper)\b.*|gpt-3\.5-turbo-instruct.*",
        Facts(abilities=frozenset()),
        *_OPENAI,
    ),
    Row("openai", r"gpt-3\.5-turbo.*", Facts(16_385, 4_096, _CHAT), *_OPENAI),
    Row("openai", r"gpt-4", Facts(8_192, 8_192, _CHAT), *_OPENAI),
    Row("openai", r"(?:chatgpt|gpt)-4o.*", Facts(128_000, 16_384, _SEES), *_OPENAI),
    Row("openai", r"gpt-4\.1.*", Facts(1_047_576, 32_768, _SEES), *_OPENAI),
    Row("openai", r"o[134](?:-.*)?", Facts(200_000, 100_000, _THINKS), *_OPENAI),
    Row("openai", r"gpt-5[\d.]*-chat.*|gpt-chat-latest", Facts(128_000, 16_384, _SEES), *_OPENAI),
    Row("openai", r"gpt-5(?:\.[12])?(?:-(?:mini|nano|codex).*|-\d{4}.*)?", Facts(400_000, 128_000, _THINKS), *_OPENAI),
    Row("openai", r"gpt-(?:[5-9]|\d\d).*", Facts(abilities=_THINKS), *_OPENAI),
    Row("anthropic", r"claude-(?:[12]|v1|instant|3-[ohs]|3-5).*", Facts(abilities=_SEES), *_ANTHROPIC),
    Row("anthropic", r"claude-.*", Facts(abilities=_THINKS), *_ANTHROPIC),
    Row("gemini", r".*embedding.*", Facts(abilities=frozenset({"embeddings"})), *_GEMINI),
    Row("gemini", r"gemini-.*(?:image|banana).*", Facts(abilities=frozenset({"chat", "vision", "images"})), *_GEMINI),
    Row("gemini", r"(?:imagen|veo|.*(?:tts|live|audio|aqa|robotics)).*", Facts(abilities=frozenset()), *_GEMINI),
    Row("gemini", r"gemini-(?:1\.5|2\.0).*", Facts(1_048_576, 8_192, _SEES), *_GEMINI),
    Row("gemini", r"gemini-(?:2\.5|[3-9]|\d\d|flash|pro).*", Facts(1_048_576, 65_536, _THINKS), *_GEMINI),
    Row("deepseek", r"deepseek-.*", Facts(abilities=_CHAT | {"reasoning"}), *_DEEPSEEK),
    Row(
        "mistral",
        r".*embed.*",
        Facts(abilities=frozenset({"embeddings"})),
        "https://docs.mistral.ai/models",
        _GEMINI[1],
    ),
    Row("qwen", r"text-embedding-.*", Facts(abilities=frozenset({"embeddings"})), *_QWEN),
    Row(
        "qwen",
        r"qwen-max(?:-latest|-2025-01-25)?",
        Facts(
            32_768, 8_192, _CHAT, _of_qwen(_QWEN, input=_tokens("1.6"), output=_tokens("6.4"), cached=_tokens("0.64"))
        ),
        *_QWEN,
    ),
    Row(
        "qwen",
        r"qwen-plus(?:-latest|-2025-\d\d-\d\d)?",
        Facts(
            131_072,
            8_192,
            _CHAT | {"reasoning"},
            _of_qwen(_QWEN, input=_tokens("0.4"), output=_tokens("1.2"), cached=_tokens("0.16"), thinking=_tokens("4")),
        ),
        *_QWEN,
    ),
    Row(
        "qwen",
        r"qwen-turbo(?:-latest|-2025-\d\d-\d\d)?",
        Facts(
            1_008_192,
            8_192,
            _CHAT | {"reasoning"},
            _of_qwen(
                _QWEN, input=_tokens("0.05"), output=_tokens("0.2"), cached=_tokens("0.02"), thinking=_tokens("0.5")
            ),
        ),
        *_QWEN,
    ),
    Row(
        "qwen",
        r"qwen3-max(?:-2025-09-23|-preview)?",
        Facts(
            258_048,
            65_536,
            _CHAT | {"reasoning"},
            _of_qwen(
                _QWEN_LITELLM,
                input=_tokens("1.2", (32_000, "2.4"), (128_000, "3")),
                output=_tokens("6", (32_000, "12"), (128_000, "15")),
            ),
        ),
        *_QWEN_LITELLM,
    ),
)
"""Later rows of a vendor are tried only where no earlier one matches the whole name."""

_ROWS: Final = [(row, re.compile(row.models)) for row in TABLE]


def known(provider: str, model: str, at: dt.datetime | None = None) -> Facts:
    """All that is known of a vendor's model; rates are those of the moment `at` (None: now). Loads the library."""
    return _own(provider, model).over(_in_library(provider, model, at or clock.now()))


def rates_of(provider: str, model: str, at: dt.datetime | None = None) -> Rates | None:
    """What a vendor's model costs at the moment `at`. Loads the library only where it can have an answer."""
    own = _own(provider, model).rates
    if own or provider in UNLISTED:
        return own
    return _in_library(provider, model, at or clock.now()).rates


def image_rates_of(provider: str, model: str, at: dt.datetime | None = None) -> Rates | None:
    """What a vendor's model costs that makes images of words: what it puts out is images. Loads the library."""
    found = None if provider in UNLISTED else _find(provider, model)
    prices = vars(found.get_prices(at or clock.now())) if found is not None and found.prices else {}
    output = prices.get("output_image_mtok") or prices.get("output_mtok")
    if prices.get("input_mtok") is None or output is None or "image" not in model:
        return None
    return _rates(SimpleNamespace(input_mtok=prices["input_mtok"], output_mtok=output))


def known_at_once(provider: str, model: str) -> Facts:
    """What is known without waiting: the library counts only once something has loaded it."""
    return known(provider, model) if _loaded.is_set() else _own(provider, model)


def load() -> None:
    """Load the library, so that `known` answers at once from then on."""
    _library()


@functools.lru_cache(8_192)
def _own(provider: str, model: str) -> Facts:
    return next((row.facts for row, name in _ROWS if row.provider == provider and name.fullmatch(model)), NOTHING)


def _in_library(provider: str, model: str, at: dt.datetime) -> Facts:
    found = _find(provider, model)
    if found is None:
        return NOTHING
    return Facts(context_window=found.context_window, rates=_rates(found.get_prices(at) if found.prices else None))


@functools.lru_cache(8_192)
def _find(provider: str, model: str) -> Any:
    library = _library()
    if provider == "huggingface":  # `model:host` names who carries it; without that the router chooses
        model, _, host = model.partition(":")
        provider = f"huggingface_{host}"
    vendor = library.get(_LIBRARY_IDS.get(provider, provider))
    return vendor.find_model(model.removeprefix("models/")) if vendor else None


@functools.cache
def _library() -> dict[str, Any]:
    from genai_prices.data import providers

    found = {provider.id: provider for provider in providers}
    _loaded.set()
    return found


def _rates(prices: Any) -> Rates | None:
    """A library's row as ours; None where it prices what we do not count."""
    found = {name: rate for name, rate in vars(prices).items() if rate is not None} if prices else {}
    if "input_mtok" not in found or any(n not in _COUNTED and not _NEVER_USED.fullmatch(n) for n in found):
        return None
    rate = {name: _rate(found.get(name)) for name in _COUNTED}
    assert rate["input_mtok"] is not None
    return Rates(
        rate["input_mtok"],
        rate["output_mtok"],
        f"genai-prices {_library_version()}",
        rate["cache_read_mtok"],
        rate["cache_write_mtok"],
        rate["output_reasoning_mtok"],
    )


def _rate(price: Any) -> Rate | None:
    if price is None or isinstance(price, Decimal):
        return None if price is None else Rate(price)
    return Rate(price.base, tuple((tier.start, tier.price) for tier in price.tiers))


@functools.cache
def _library_version() -> str:
    return version("genai-prices")
