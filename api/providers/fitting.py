"""A request made to fit its model: what the model's family refuses is left out, and what it wants is added. No I/O.

Families are known beforehand, as data of a vendor. What a server refuses besides is learned from its 400 and kept
for the life of the process, by base URL and model. Either way the user is told by a note.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from api.domain.conversation import CompletionRequest
from api.domain.errors import ProviderError
from api.providers.base import Endpoint, WireRequest
from api.providers.failures import from_http, read_error

MAX_REMEMBERED: Final = 2_000
_LEFT_EMPTY: Final[dict[str, Any]] = {
    "temperature": None,
    "top_p": None,
    "seed": None,
    "stop": (),
    "response_format": None,
    "tool_choice": None,
    "logprobs": None,
    "presence_penalty": None,
    "frequency_penalty": None,
}
_OURS: Final = frozenset({"model", "messages", "contents", "stream", "stream_options", "n", "candidateCount"})
_SERVER_WIDE: Final = frozenset({"stream_options"})
_NEVER_KEPT: Final = frozenset({"provider_parts"})
_REFUSAL: Final = re.compile(
    r"unsupported|unknown|unrecogni[sz]ed|unexpected|deprecated|no longer|extra (?:input|field)"
    r"|not (?:yet )?(?:be )?(?:support|permit|allow|accept|available|implement|enabl)"
    r"|cannot (?:both )?be (?:set|used|spec|comb)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Family:
    """Models whose names begin like the pattern `models`. `refuses`: our fields; `adds`: the wire's own."""

    models: str
    refuses: tuple[str, ...] = ()
    adds: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fitted:
    """The request as its model takes it."""

    request: CompletionRequest
    adds: dict[str, Any]
    notes: list[str]
    refused: frozenset[str]

    def extra(self) -> dict[str, Any]:
        """The caller's own parameters, without those that would change what is asked and how it is answered."""
        return {name: value for name, value in self.request.extra.items() if name not in _OURS}

    def completed(self, body: dict[str, Any]) -> dict[str, Any]:
        """`body`, and after it what the family adds and the caller's own parameters, where it leaves room for them."""
        more = self.adds | self.extra()
        return body | {name: value for name, value in more.items() if name not in body}


def fitted(request: CompletionRequest, families: tuple[Family, ...], refused: frozenset[str]) -> Fitted:
    """`request` without what its family or `refused` names; a note for each field that held something."""
    left_out = set(refused)
    adds: dict[str, Any] = {}
    for family in families:
        if re.match(family.models, request.model):
            left_out.update(family.refuses)
            adds.update(family.adds)
    changes: dict[str, Any] = {}
    notes: list[str] = []
    for name, empty in _LEFT_EMPTY.items():
        value = getattr(request, name)
        if name not in left_out or value == empty or (name == "tool_choice" and value in {"auto", "none"}):
            continue
        changes[name] = empty
        notes.append(left_out_note(name, request.model))
    notes += [left_out_note(name, request.model) for name in request.unheard]
    adds = {name: value for name, value in adds.items() if name not in refused}
    return Fitted(dataclasses.replace(request, **changes) if changes else request, adds, notes, refused)


def left_out_note(name: str, model: str) -> str:
    """The words for a parameter that was not sent."""
    return f"{name} was left out: {model[:100]} does not take it."


class Refusals:
    """Which fields a server, or one of its models, was seen to refuse. Thread-safe; the oldest are forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], frozenset[str]] = OrderedDict()

    def of(self, base_url: str, model: str) -> frozenset[str]:
        """What to leave out of a request to that model."""
        with self._lock:
            nothing: frozenset[str] = frozenset()
            return self._known.get((base_url, ""), nothing) | self._known.get((base_url, model), nothing)

    def remember(self, base_url: str, model: str, fields: frozenset[str]) -> None:
        """From now on. A field that has to do with the server and not with the model counts for all its models."""
        fields -= _NEVER_KEPT
        with self._lock:
            for key, found in (((base_url, ""), fields & _SERVER_WIDE), ((base_url, model), fields - _SERVER_WIDE)):
                if found:
                    self._known[key] = self._known.get(key, frozenset()) | found
                    self._known.move_to_end(key)
            while len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)


class FittingWire(ABC):
    """What the wires share: fit the request, encode it, and learn from a refusal.

    `optional`: our name of a field that can be left out → the words by which a refusal names it.
    """

    optional: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(self, families: tuple[Family, ...] = (), headers: tuple[tuple[str, str], ...] = ()) -> None:
        self._families = families
        self._own_headers = dict(headers)
        self._refusals = Refusals()

    def encode(self, endpoint: Endpoint, request: CompletionRequest) -> WireRequest:
        """The HTTP request that asks for `request`."""
        return self._fit(endpoint, request, self._refusals.of(endpoint.base_url, request.model))

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What a non-2xx answer means."""
        return from_http(status, headers, body)

    def without_refused(
        self, sent: WireRequest, request: CompletionRequest, status: int, body: bytes
    ) -> WireRequest | None:
        """The request again, without the field that a refusal names; None where it names none that could go."""
        if status not in {400, 422} or sent.endpoint is None:
            return None
        said, _ = read_error(body)
        words = set(re.findall(r"[a-z_]+", said.lower()))
        for name, spellings in self.optional.items():
            if name in sent.refused or words.isdisjoint(spellings):
                continue
            if name in _NEVER_KEPT or _REFUSAL.search(said):
                again = self._fit(sent.endpoint, request, sent.refused | {name})
                if again.body != sent.body:
                    return again
        return None

    def remember(self, sent: WireRequest, request: CompletionRequest) -> None:
        """`sent` was taken: from now on the same fields are left out at once."""
        if sent.endpoint is not None:
            self._refusals.remember(sent.endpoint.base_url, request.model, sent.refused)

    def _fit(self, endpoint: Endpoint, request: CompletionRequest, refused: frozenset[str]) -> WireRequest:
        return self._encode(endpoint, fitted(request, self._families, refused))

    @abstractmethod
    def _encode(self, endpoint: Endpoint, fit: Fitted) -> WireRequest: ...
