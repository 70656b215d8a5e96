"""The control plane: what is asked of a provider besides completions, through the vendors' own SDKs.

Blocking; runs in a request's thread, or in one of the services' own.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from api.domain.embeddings import EmbeddingOrder
from api.domain.errors import Invalid, ProviderError
from api.domain.events import Usage
from api.domain.images import DrawnAnswer, ImageOrder
from api.domain.text import clean_text
from api.providers.assembly import count_of
from api.providers.base import Endpoint
from api.providers.catalogue import Catalogue, Vendor
from api.providers.images import draw
from api.providers.listings import (
    ModelEntry,
    anthropic_entry,
    compatible_entry,
    gemini_entry,
    in_order,
    ollama_facts,
    proxy_facts,
)
from api.providers.sdk_calls import Route, ask, bearer, import_whole, ollama_client, unreadable
from api.providers.sdk_network import Budget, Leash
from api.providers.wires import anthropic, demo, google
from api.security.egress import Egress
from api.security.redaction import redact

__all__ = ["Control", "Embeddings", "ModelEntry", "PullProgress"]

# Details are worth a part of the time that the list may take, and so many questions.
_DETAILS_SHARE: Final = 0.25
_DETAILS_MODELS: Final = 64
_PULL_SECONDS: Final = 6 * 3600.0
_PULL_BETWEEN_SECONDS: Final = 300.0
_PULL_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector an input, in their order, and what they cost in tokens."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class PullProgress:
    """A step of a model's download: of which layer so many bytes of so many are here."""

    status: str
    digest: str | None = None
    total: int | None = None
    completed: int | None = None


class Control:
    """Guarded as the data plane is: an endpoint that is not trusted is dialled only where `egress` permits. Whoever
    holds a call's leash can end it."""

    def __init__(self, catalogue: Catalogue, egress: Egress) -> None:
        self._catalogue = catalogue
        self._egress = egress

    def prepare(self, wires: Collection[str]) -> None:
        """Load what calls on these wires need, before the calls' own time begins to run."""
        sdks = {"ollama" if wire == "ollama" else "openai" for wire in wires if wire != "demo"}
        if sdks:
            import_whole(*sorted(sdks))

    def list_models(self, endpoint: Endpoint, timeout: float = 10.0) -> list[ModelEntry]:
        """The models at `endpoint`, by name, within `timeout` seconds. Raises ProviderError, without the key."""
        vendor = self._catalogue.vendor(endpoint.provider)
        route, budget = self._route(endpoint), Budget(timeout)
        with _redacted(endpoint):
            match vendor.wire if vendor else "":
                case "demo":
                    return [ModelEntry(name, "parley") for name in demo.MODELS]
                case "ollama":
                    return in_order(_ollama_models(route, budget))
                case "google":
                    return in_order(map(gemini_entry, _rows(ask(route, "/models?pageSize=1000", budget), "models")))
                case "anthropic":
                    return in_order(map(anthropic_entry, _rows(ask(route, "/models?limit=1000", budget), "data")))
                case _:
                    found = in_order(map(compatible_entry, _rows(ask(route, "/models", budget), "data")))
                    return _detailed(found, vendor, route, timeout)

    def embed(
        self,
        endpoint: Endpoint,
        model: str,
        order: EmbeddingOrder,
        *,
        timeout: float = 120.0,
        leash: Leash | None = None,
    ) -> Embeddings:
        """A vector for each input. Raises Invalid for a vendor without embeddings, or without lists of tokens, and
        ProviderError."""
        vendor = self._catalogue.vendor(endpoint.provider)
        if vendor is None or "embeddings" not in vendor.abilities:
            raise Invalid(
                f"{vendor.title if vendor else endpoint.provider} has no embeddings. Choose another provider."
            )
        route, budget = self._route(endpoint), Budget(timeout, leash=leash)
        inputs = tuple(clean_text(one) if isinstance(one, str) else one for one in order.inputs)
        cleaned = replace(order, inputs=inputs)
        with _redacted(endpoint):
            if vendor.wire not in ("ollama", "google"):
                vectors, tokens = _compatible_embeddings(route, budget, model, cleaned)
            elif (texts := cleaned.texts()) is None:
                raise Invalid(f"{vendor.title} takes texts, no lists of tokens. Send the texts themselves.")
            else:
                embed = _ollama_embeddings if vendor.wire == "ollama" else _gemini_embeddings
                vectors, tokens = embed(route, budget, model, texts, order.dimensions)
            if len(vectors) != len(inputs):
                raise unreadable(f"{len(vectors)} vectors for {len(inputs)} inputs")
            return Embeddings(tuple(map(_vector, vectors)), Usage(prompt_tokens=tokens))

    def draw(
        self, endpoint: Endpoint, order: ImageOrder, *, timeout: float, max_bytes: int, leash: Leash | None = None
    ) -> DrawnAnswer:
        """The images ordered, as bytes. Raises Invalid for a vendor without images, and ProviderError."""
        vendor = self._catalogue.vendor(endpoint.provider)
        if vendor is None or vendor.images is None:
            raise Invalid(f"{vendor.title if vendor else endpoint.provider} makes no images. Choose another provider.")
        with _redacted(endpoint):
            route, how = self._route(endpoint), vendor.images
            return draw(route, self._egress, how, order, timeout=timeout, max_bytes=max_bytes, leash=leash)

    def pull(self, endpoint: Endpoint, model: str) -> Generator[PullProgress, None, None]:
        """Let an Ollama fetch a model; the steps as it tells them, until it has it. Raises ProviderError."""
        budget = Budget(_PULL_SECONDS, _PULL_BYTES)
        with _redacted(endpoint), ollama_client(self._route(endpoint), budget, _PULL_BETWEEN_SECONDS) as client:
            for step in client.pull(model, stream=True):
                yield PullProgress(clean_text(step.status or "")[:200], step.digest, step.total, step.completed)

    def _route(self, endpoint: Endpoint) -> Route:
        egress = None if endpoint.trusted else self._egress
        vendor = self._catalogue.vendor(endpoint.provider)
        match vendor.wire if vendor else "":
            case "google":
                headers = {"x-goog-api-key": endpoint.api_key} if endpoint.api_key else {}
                return Route(google.versioned(endpoint.base_url), headers, egress, endpoint.proxy)
            case "anthropic":
                headers = {"anthropic-version": anthropic.VERSION}
                if endpoint.api_key:
                    headers["x-api-key"] = endpoint.api_key
                return Route(anthropic.versioned(endpoint.base_url), headers, egress, endpoint.proxy)
            case _:
                return Route(endpoint.base_url, bearer(endpoint), egress, endpoint.proxy)


@contextmanager
def _redacted(endpoint: Endpoint) -> Iterator[None]:
    try:
        yield
    except ProviderError as error:
        error.detail = redact(error.detail, (endpoint.api_key or "",))
        error.args = (error.detail,)
        raise error from None


def _rows(said: Any, name: str) -> list[dict[str, Any]]:
    found = said.get(name) if isinstance(said, dict) else None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise unreadable("no list of models")
    return found


def _detailed(found: list[ModelEntry], vendor: Vendor | None, route: Route, timeout: float) -> list[ModelEntry]:
    """With what a proxy says of its models elsewhere; a key that may not see that has the list all the same."""
    if vendor is None or vendor.details_path is None:
        return found
    try:
        facts = proxy_facts(ask(route, vendor.details_path, Budget(timeout * _DETAILS_SHARE)))
    except ProviderError:
        return found
    return [
        ModelEntry(m.id, m.owner, m.size_bytes, facts[m.id].over(m.facts) if m.id in facts else m.facts) for m in found
    ]


def _ollama_models(route: Route, budget: Budget) -> list[ModelEntry]:
    with ollama_client(route, budget) as client:
        found = [one for one in client.list().models if one.model]
    entries = [ModelEntry(one.model, None, int(one.size) if one.size is not None else None) for one in found]
    details = Budget(budget.seconds * _DETAILS_SHARE)
    told: dict[str, Any] = {}
    try:
        with ollama_client(route, details) as client:
            for entry in entries[:_DETAILS_MODELS]:
                said = client.show(entry.id)
                told[entry.id] = ollama_facts(said.modelinfo, said.capabilities)
    except ProviderError:
        pass  # an old server, or a slow one: what it has told is told
    return [ModelEntry(m.id, m.owner, m.size_bytes, told.get(m.id, m.facts)) for m in entries]


def _compatible_embeddings(
    route: Route, budget: Budget, model: str, order: EmbeddingOrder
) -> tuple[list[Any], int | None]:
    body = {**order.extra, "model": model, "input": order.inputs, "encoding_format": "float"}
    if order.dimensions is not None:
        body["dimensions"] = order.dimensions
    said = ask(route, "/embeddings", budget, body)
    rows = _rows(said, "data")
    placed = sorted(enumerate(rows), key=lambda row: i if isinstance(i := row[1].get("index"), int) else row[0])
    return [row.get("embedding") for _, row in placed], count_of(said, "usage", "prompt_tokens")


def _gemini_embeddings(
    route: Route, budget: Budget, model: str, texts: list[str], dimensions: int | None
) -> tuple[list[Any], int | None]:
    path = google.model_path(model)
    size = {} if dimensions is None else {"outputDimensionality": dimensions}
    one = [
        {"model": f"models/{model.removeprefix('models/')}", "content": {"parts": [{"text": t}]}} | size for t in texts
    ]
    said = ask(route, f"/{path}:batchEmbedContents", budget, {"requests": one})
    tokens = count_of(said, "usageMetadata", "promptTokenCount")
    return [row.get("values") for row in _rows(said, "embeddings")], tokens


def _ollama_embeddings(
    route: Route, budget: Budget, model: str, texts: list[str], dimensions: int | None
) -> tuple[list[Any], int | None]:
    with ollama_client(route, budget) as client:
        said = client.embed(model, texts, dimensions=dimensions)
    return list(said.embeddings), count_of({"tokens": said.prompt_eval_count}, "tokens")


def _vector(found: Any) -> tuple[float, ...]:
    numbers = isinstance(found, list | tuple) and all(
        isinstance(n, int | float) and not isinstance(n, bool) for n in found
    )
    if not numbers or not found:
        raise unreadable("a vector is not a list of numbers")
    return tuple(float(number) for number in found)
