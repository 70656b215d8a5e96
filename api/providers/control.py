"""The control plane: what is asked of a provider besides completions, through the vendors' own SDKs.

Blocking; runs in a request's thread. The SDKs cost about a second to import, so each is imported when first used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from api.domain.errors import ProviderBadResponse, ProviderError, ProviderTimeout, ProviderUnavailable
from api.domain.text import clean_text
from api.providers.base import Endpoint
from api.providers.catalogue import Catalogue
from api.providers.failures import from_http
from api.providers.sdk_network import Budget, Network, own_headers, refuse_compressed
from api.providers.wires import anthropic, demo, google
from api.security.egress import Egress
from api.security.redaction import redact

_MAX_MODELS: Final = 5_000
_MAX_NAME_CHARS: Final = 200
Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that an endpoint offers. `size_bytes` is known for local models."""

    id: str
    owner: str | None = None
    size_bytes: int | None = None


class _Model(msgspec.Struct):
    id: str
    owned_by: Any = None


class _Models(msgspec.Struct):
    data: list[_Model]


class _GeminiModel(msgspec.Struct):
    name: str
    methods: list[str] = msgspec.field(name="supportedGenerationMethods", default_factory=list)


class _GeminiModels(msgspec.Struct):
    models: list[_GeminiModel] = []


class Control:
    """Guarded as the data plane is: an endpoint that is not trusted is dialled only where `egress` permits."""

    def __init__(self, catalogue: Catalogue, egress: Egress) -> None:
        self._catalogue = catalogue
        self._egress = egress

    def list_models(self, endpoint: Endpoint, timeout: float = 10.0) -> list[ModelEntry]:
        """The models at `endpoint`, by name, within `timeout` seconds. Raises ProviderError, without the key."""
        vendor = self._catalogue.vendor(endpoint.provider)
        try:
            match vendor.wire if vendor else "":
                case "demo":
                    return [ModelEntry(name, "parley") for name in demo.MODELS]
                case "ollama":
                    return _in_order(_ollama_models(endpoint, self._guard(endpoint), timeout))
                case "google":
                    return _in_order(_gemini_models(endpoint, self._guard(endpoint), timeout))
                case "anthropic":
                    return _in_order(_anthropic_models(endpoint, self._guard(endpoint), timeout))
                case _:
                    return _in_order(_openai_models(endpoint, self._guard(endpoint), timeout))
        except ProviderError as error:
            error.detail = redact(error.detail, (endpoint.api_key or "",))
            error.args = (error.detail,)
            raise error from None

    def _guard(self, endpoint: Endpoint) -> Egress | None:
        return None if endpoint.trusted else self._egress


def _openai_models(endpoint: Endpoint, egress: Egress | None, timeout: float) -> list[ModelEntry]:
    found = _get("/models", endpoint.base_url, _bearer(endpoint), egress, timeout=timeout, shape=_Models)
    return [ModelEntry(m.id, m.owned_by if isinstance(m.owned_by, str) else None) for m in found.data]


def _anthropic_models(endpoint: Endpoint, egress: Egress | None, timeout: float) -> list[ModelEntry]:
    headers = {"anthropic-version": anthropic.VERSION}
    if endpoint.api_key:
        headers["x-api-key"] = endpoint.api_key
    base_url = anthropic.versioned(endpoint.base_url)
    found = _get("/models?limit=1000", base_url, headers, egress, timeout=timeout, shape=_Models)
    return [ModelEntry(m.id, "anthropic") for m in found.data]


def _gemini_models(endpoint: Endpoint, egress: Egress | None, timeout: float) -> list[ModelEntry]:
    headers = {"x-goog-api-key": endpoint.api_key} if endpoint.api_key else {}
    base_url = google.versioned(endpoint.base_url)
    found = _get("/models?pageSize=1000", base_url, headers, egress, timeout=timeout, shape=_GeminiModels)
    able = (m for m in found.models if "generateContent" in m.methods)
    return [ModelEntry(m.name.removeprefix("models/"), "google") for m in able]


def _bearer(endpoint: Endpoint) -> dict[str, str]:
    return {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}


def _get(
    path: str, base_url: str, headers: Mapping[str, str], egress: Egress | None, *, timeout: float, shape: type[Shape]
) -> Shape:
    """One answer, through the `openai` SDK's client: it carries any vendor's lists as well as its own."""
    import httpcore2
    import httpx2
    import openai

    network = Network(httpcore2.SyncBackend().connect_tcp, egress, Budget(timeout))
    transport = httpx2.HTTPTransport(trust_env=False)
    _put_under(transport._pool, network)
    hooks: dict[str, list[Any]] = {"request": [own_headers(headers)], "response": [refuse_compressed]}
    with httpx2.Client(
        transport=transport, trust_env=False, follow_redirects=False, timeout=timeout, event_hooks=hooks
    ) as http:
        client = openai.OpenAI(api_key="unused", base_url=base_url, http_client=http, max_retries=0)
        try:
            answer = client.get(path, cast_to=httpx2.Response)
            return msgspec.json.decode(answer.content, type=shape)
        except openai.APIStatusError as error:
            raise from_http(error.status_code, error.response.headers, error.response.content) from None
        except openai.APIConnectionError as error:
            raise _connection_fault(error, error.__cause__) from None
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError) as error:
            raise _unreadable(error) from None


def _ollama_models(endpoint: Endpoint, egress: Egress | None, timeout: float) -> list[ModelEntry]:
    import httpcore
    import httpx
    import ollama

    network = Network(httpcore.SyncBackend().connect_tcp, egress, Budget(timeout))
    transport = httpx.HTTPTransport(trust_env=False)
    _put_under(transport._pool, network)
    client = ollama.Client(
        endpoint.base_url,
        follow_redirects=False,
        timeout=timeout,
        transport=transport,
        trust_env=False,
        event_hooks={"request": [own_headers(_bearer(endpoint))], "response": [refuse_compressed]},
    )
    try:
        with client:
            found = client.list().models
    except ollama.ResponseError as error:
        raise from_http(error.status_code, {}, json.dumps({"error": error.error}).encode()) from None
    except (httpx.TimeoutException, httpx.NetworkError, ConnectionError, OSError) as error:
        raise _connection_fault(error, error) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, RecursionError) as error:
        raise _unreadable(error) from None
    return [ModelEntry(m.model, None, int(m.size) if m.size is not None else None) for m in found if m.model]


def _put_under(pool: Any, network: Network) -> None:
    # The clients have no parameter for this; a test makes sure that the network is asked.
    pool._network_backend = network


def _connection_fault(error: Exception, cause: BaseException | None) -> ProviderError:
    if isinstance(cause, ProviderError):
        return cause
    if "timeout" in type(error).__name__.lower() or "timeout" in type(cause).__name__.lower():
        return ProviderTimeout("The provider did not answer in time.")
    return ProviderUnavailable("The provider cannot be reached. Check the base URL and that it is running.")


def _unreadable(error: Exception) -> ProviderError:
    return ProviderBadResponse(
        "The address answered with something that is not a list of models. Check the base URL. "
        f"({type(error).__name__})"
    )


def _in_order(models: list[ModelEntry]) -> list[ModelEntry]:
    """Sorted by name, as many and as long as a page can show."""
    named = (
        ModelEntry(clean_text(m.id)[:_MAX_NAME_CHARS], m.owner and clean_text(m.owner)[:_MAX_NAME_CHARS], m.size_bytes)
        for m in models
        if m.id
    )
    return sorted(named, key=lambda m: m.id)[:_MAX_MODELS]
