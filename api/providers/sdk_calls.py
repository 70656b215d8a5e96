"""One call through a vendor's SDK: guarded, bounded in seconds and bytes, its faults made ours.

The SDKs cost about a second to import, so each is imported when first used.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from api.domain.errors import ProviderBadResponse, ProviderError, ProviderTimeout, ProviderUnavailable
from api.providers.base import Endpoint
from api.providers.failures import from_http, from_object
from api.providers.sdk_network import Budget, Network, own_headers, refuse_compressed
from api.security.egress import Egress

_IMPORTING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Route:
    """How an endpoint is called: where, with which headers of ours, whether the guard is asked, by which proxy."""

    base_url: str
    headers: Mapping[str, str]
    egress: Egress | None
    proxy: str | None = None


def bearer(endpoint: Endpoint) -> dict[str, str]:
    """The header that carries the key, where there is one."""
    return {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}


def ask(route: Route, path: str, budget: Budget, body: Mapping[str, Any] | None = None) -> Any:
    """The JSON of one answer. A POST where there is a body. Raises ProviderError."""
    try:
        return msgspec.json.decode(asked(route, path, budget, body))
    except (ValueError, RecursionError) as error:
        raise unreadable(error) from None


def asked(route: Route, path: str, budget: Budget, body: Mapping[str, Any] | None = None) -> bytes:
    """One answer, through the `openai` SDK's client: it carries any vendor's calls as well as its own.

    A POST where there is a body. Raises ProviderError.
    """
    import_whole()
    import httpcore2
    import httpx2
    import openai

    transport = httpx2.HTTPTransport(trust_env=False, proxy=route.proxy)
    _put_under(transport._pool, Network(httpcore2.SyncBackend().connect_tcp, route.egress, budget))
    hooks: dict[str, list[Any]] = {"request": [own_headers(route.headers)], "response": [refuse_compressed]}
    with httpx2.Client(
        transport=transport, trust_env=False, follow_redirects=False, timeout=budget.seconds, event_hooks=hooks
    ) as http:
        try:
            client = openai.OpenAI(api_key="unused", base_url=route.base_url, http_client=http, max_retries=0)
            if body is None:
                answer = client.get(path, cast_to=httpx2.Response)
            else:
                answer = client.post(path, cast_to=httpx2.Response, body=body)
            return bytes(answer.content)
        except openai.APIStatusError as error:
            raise from_http(error.status_code, error.response.headers, error.response.content) from None
        except openai.APIConnectionError as error:
            raise _connection_fault(error, error.__cause__) from None
        except OSError as error:  # such as a name that nobody knows
            raise _connection_fault(error, error) from None
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError) as error:
            raise unreadable(error) from None


def fetch(url: str, egress: Egress, budget: Budget) -> bytes:
    """What is at an address that a provider named: guarded always, no key, no redirects. Raises ProviderError."""
    import_whole()
    import httpcore2
    import httpx2

    transport = httpx2.HTTPTransport(trust_env=False)
    _put_under(transport._pool, Network(httpcore2.SyncBackend().connect_tcp, egress, budget))
    hooks: dict[str, list[Any]] = {"request": [own_headers({})], "response": [refuse_compressed]}
    try:
        place = httpx2.URL(url)
        if place.scheme not in {"http", "https"} or not place.host or place.userinfo:
            raise unreadable("an address that is none")
        with httpx2.Client(
            transport=transport, trust_env=False, follow_redirects=False, timeout=budget.seconds, event_hooks=hooks
        ) as http:
            answer = http.get(place)
    except (httpx2.TimeoutException, httpx2.NetworkError, OSError) as error:
        raise _connection_fault(error, error) from None
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise unreadable(error) from None
    if not answer.is_success:
        raise ProviderBadResponse(
            f"The provider named an address for its answer where nothing is (status {answer.status_code}). Try again."
        )
    return bytes(answer.content)


@contextmanager
def ollama_client(route: Route, budget: Budget, between: float | None = None) -> Iterator[Any]:
    """The `ollama` SDK's client; what goes wrong inside the block is raised as ProviderError.

    `between` bounds the seconds between two pieces of an answer; None leaves that to the budget.
    """
    import_whole()
    import httpcore
    import httpx
    import ollama

    transport = httpx.HTTPTransport(trust_env=False)
    _put_under(transport._pool, Network(httpcore.SyncBackend().connect_tcp, route.egress, budget))
    hooks: dict[str, list[Any]] = {"request": [own_headers(route.headers)], "response": [refuse_compressed]}
    seconds = between or budget.seconds
    options: dict[str, Any] = {"transport": transport, "trust_env": False, "event_hooks": hooks, "timeout": seconds}
    try:
        with ollama.Client(route.base_url, follow_redirects=False, **options) as client:
            yield client
    except ollama.ResponseError as error:
        if error.status_code <= 0:  # in the middle of a stream
            raise from_object(error.error) from None
        raise from_http(error.status_code, {}, json.dumps({"error": error.error}).encode()) from None
    except (httpx.TimeoutException, httpx.NetworkError, ConnectionError, OSError) as error:
        raise _connection_fault(error, error) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, RecursionError) as error:
        raise unreadable(error) from None


def import_whole(*sdks: str) -> None:
    """Imports what calls need, which takes a second of CPU the first time: before a call's time begins to run."""
    # The openai SDK looks whether httpx is imported, and fails over one that another thread has half imported.
    with _IMPORTING:
        for name in ("httpx", *sdks):
            importlib.import_module(name)


def unreadable(error: Exception | str) -> ProviderError:
    """An answer that is not what such an endpoint sends."""
    what = error if isinstance(error, str) else type(error).__name__
    return ProviderBadResponse(
        f"The address answered with something that is not this provider's API. Check the base URL. ({what})"
    )


def _put_under(pool: Any, network: Network) -> None:
    # The clients have no parameter for this; a test makes sure that the network is asked.
    pool._network_backend = network


def _connection_fault(error: Exception, cause: BaseException | None) -> ProviderError:
    if isinstance(cause, ProviderError):
        return cause
    if "timeout" in type(error).__name__.lower() or "timeout" in type(cause).__name__.lower():
        return ProviderTimeout("The provider did not answer in time. Try again.")
    return ProviderUnavailable("The provider cannot be reached. Check the base URL and that it is running.")
