"""What vendors' lists say of their models, read as facts of ours. No I/O.

Servers that speak OpenAI's protocol put windows, abilities and prices beside a model's id under names of their own; all
of those are tried. What is missing, malformed or absurd is unknown: a list is never refused for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeGuard

from api.domain.model_facts import NOTHING, Facts, Rate, Rates
from api.domain.text import clean_text

MAX_MODELS: Final = 5_000
_MAX_NAME_CHARS: Final = 200
_MAX_TOKENS: Final = 2**31
_WINDOWS: Final = (
    ("context_length",),  # OpenRouter, Hugging Face's hosts
    ("context_window",),  # Groq
    ("max_model_len",),  # vLLM
    ("max_context_length",),  # Mistral, LM Studio
    ("max_input_tokens",),  # Anthropic, LiteLLM
    ("inputTokenLimit",),  # Gemini
    ("meta", "n_ctx"),  # llama.cpp: as started
    ("meta", "n_ctx_train"),
    ("top_provider", "context_length"),
)
_OUTPUTS: Final = (
    ("max_completion_tokens",),
    ("max_output_tokens",),
    ("outputTokenLimit",),
    ("top_provider", "max_completion_tokens"),
)
# A vendor's word for an ability → ours, wherever it lists or flags them.
_WORDS: Final = {
    "completion_chat": "chat",
    "function_calling": "tools",
    "vision": "vision",
    "reasoning": "reasoning",
    "completion": "chat",
    "tools": "tools",
    "thinking": "reasoning",
    "embedding": "embeddings",
    "image_input": "vision",
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_reasoning": "reasoning",
}
_MODES: Final = {"chat": "chat", "responses": "chat", "embedding": "embeddings", "image_generation": "images"}
_ROUTER_PRICES: Final = ("prompt", "completion", "input_cache_read", "input_cache_write", "internal_reasoning")
_PROXY_PRICES: Final = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "output_cost_per_reasoning_token",
)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that an endpoint offers, and what that says of it. `size_bytes` is known for local models."""

    id: str
    owner: str | None = None
    size_bytes: int | None = None
    facts: Facts = NOTHING


def compatible_entry(said: Mapping[str, Any]) -> ModelEntry | None:
    """A model of OpenAI's list form, whoever wrote it; None for one without a name."""
    name, owner = said.get("id"), said.get("owned_by")
    if not isinstance(name, str) or not name:
        return None
    return ModelEntry(name, owner if isinstance(owner, str) else None, None, compatible_facts(said))


def compatible_facts(said: Mapping[str, Any]) -> Facts:
    """What the fields beside the id say."""
    return Facts(
        _first(said, _WINDOWS), _first(said, _OUTPUTS), _abilities(said), _rates(said.get("pricing"), _ROUTER_PRICES)
    )


def anthropic_entry(said: Mapping[str, Any]) -> ModelEntry | None:
    """A model of Anthropic's list; `max_tokens` is the output's limit there."""
    entry = compatible_entry(said)
    if entry is None:
        return None
    flags = said.get("capabilities")
    able = {_WORDS[word] for word, flag in flags.items() if word in _WORDS and _supported(flag)} if _is(flags) else None
    abilities = None if able is None else frozenset({"chat", "tools", *able})
    return ModelEntry(
        entry.id, "anthropic", None, Facts(entry.facts.context_window, _count(said.get("max_tokens")), abilities)
    )


def gemini_entry(said: Mapping[str, Any]) -> ModelEntry | None:
    """A model of Gemini's list, where it writes or embeds."""
    name, methods = said.get("name"), said.get("supportedGenerationMethods")
    if not isinstance(name, str) or not isinstance(methods, list):
        return None
    if "embedContent" in methods:
        abilities: frozenset[str] | None = frozenset({"embeddings"})
    elif "generateContent" in methods:
        abilities = None  # which of the others it has, the list does not say
    else:
        return None
    facts = Facts(_first(said, _WINDOWS), _first(said, _OUTPUTS), abilities)
    return ModelEntry(name.removeprefix("models/"), "google", None, facts)


def proxy_facts(said: Any) -> dict[str, Facts]:
    """A LiteLLM proxy's `/model/info`: model → facts. Of several deployments of one name the first counts."""
    found: dict[str, Facts] = {}
    rows = said.get("data") if _is(said) else None
    for row in rows if isinstance(rows, list) else ():
        name, info = (row.get("model_name"), row.get("model_info")) if _is(row) else (None, None)
        if not isinstance(name, str) or not _is(info) or name in found:
            continue
        mode = _MODES.get(str(info.get("mode")))
        flags = {_WORDS[word] for word in _WORDS if info.get(word) is True}
        rates = _rates(info, _PROXY_PRICES, "litellm")
        if rates and rates.output and not rates.input.base and not rates.output.base:
            rates = None  # its way of saying that it does not know
        found[name] = Facts(
            _first(info, _WINDOWS), _first(info, _OUTPUTS), frozenset({mode, *flags}) if mode else None, rates
        )
    return found


def ollama_facts(details: Mapping[str, Any] | None, capabilities: Iterable[str] | None) -> Facts:
    """What Ollama's `/api/show` says: `model_info` holds `<architecture>.context_length`."""
    windows = [value for name, value in (details or {}).items() if name.endswith(".context_length")]
    able = frozenset(_WORDS[word] for word in capabilities or () if word in _WORDS)
    return Facts(_count(windows[0]) if windows else None, None, able or None)


def in_order(models: Iterable[ModelEntry | None]) -> list[ModelEntry]:
    """Sorted by name, as many and as long as a page can show."""
    named = (
        ModelEntry(
            clean_text(m.id)[:_MAX_NAME_CHARS], m.owner and clean_text(m.owner)[:_MAX_NAME_CHARS], m.size_bytes, m.facts
        )
        for m in models
        if m is not None and m.id
    )
    return sorted(named, key=lambda m: m.id)[:MAX_MODELS]


def _abilities(said: Mapping[str, Any]) -> frozenset[str] | None:
    """Mistral flags `capabilities`; OpenRouter says `architecture` and `supported_parameters`."""
    flags, shape = said.get("capabilities"), said.get("architecture")
    if _is(flags):
        return frozenset(_WORDS[word] for word, flag in flags.items() if word in _WORDS and flag is True)
    if not _is(shape) or not isinstance(shape.get("output_modalities"), list):
        return None
    able = set()
    takes, gives, parameters = (
        found if isinstance(found, list) else []
        for found in (shape.get("input_modalities"), shape["output_modalities"], said.get("supported_parameters"))
    )
    able |= {"chat"} if "text" in gives else set()
    able |= {"images"} if "image" in gives else set()
    able |= {"vision"} if "image" in takes else set()
    able |= {"tools", "reasoning"} & set(filter(lambda one: isinstance(one, str), parameters))
    return frozenset(able)


def _rates(said: Any, names: tuple[str, ...], source: str = "openrouter") -> Rates | None:
    """Prices a token, as text or numbers; None without both main ones, or where each call costs something besides."""
    if not _is(said):
        return None
    fresh, output, cached, written, reasoning = (_a_token(said.get(name)) for name in names)
    if fresh is None or _a_token(said.get("request")):
        return None
    if output is None and said.get("mode") != "embedding":
        return None

    def rate(price: Decimal | None) -> Rate | None:
        return None if price is None else Rate(price)

    # A zero for a part is how they say that it has no price of its own.
    return Rates(
        Rate(fresh), rate(output), source, rate(cached or None), rate(written or None), rate(reasoning or None)
    )


def _a_token(price: Any) -> Decimal | None:
    """A price of one token as dollars a million."""
    if isinstance(price, bool) or not isinstance(price, str | int | float):
        return None
    try:
        found = Decimal(str(price))
    except InvalidOperation:
        return None
    return found * 1_000_000 if found.is_finite() and 0 <= found < 1 else None


def _first(said: Mapping[str, Any], paths: Iterable[tuple[str, ...]]) -> int | None:
    for path in paths:
        value: Any = said
        for name in path:
            value = value.get(name) if _is(value) else None
        if count := _count(value):
            return count
    return None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _MAX_TOKENS:
        return None
    return int(value)


def _supported(flag: Any) -> bool:
    return flag is True or (_is(flag) and flag.get("supported") is True)


def _is(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
