"""The contract between generation service, wires (pure translation) and transport (the only I/O)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from api.domain.conversation import CompletionRequest
from api.domain.errors import ProviderError
from api.domain.events import ProviderEvent


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a call goes, with which key. `trusted`: the operator set the address; the guard lets it pass. `proxy`: the
    operator's, for the vendors' own addresses."""

    provider: str
    base_url: str
    api_key: str | None = field(repr=False)
    trusted: bool
    proxy: str | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A provider's HTTP request, ready to send: made in the request's thread, sent by the loop.

    `notes` say to the user what was left out or changed. `refused` names the fields that this endpoint was seen to
    refuse and that are therefore left out; `endpoint` lets a wire make the request again without a further one.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    trusted: bool
    method: str = "POST"
    notes: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()
    endpoint: Endpoint | None = field(repr=False, default=None)


class Decoder(Protocol):
    """Bytes of one answer in, events out. Never raises anything but ProviderError; its memory is bounded."""

    @property
    def done(self) -> bool:
        """The answer ended or failed: nothing after it matters, and `end` will say which it was."""
        ...

    @property
    def finished(self) -> bool:
        """The reply is whole; counts, say, may still follow."""
        ...

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """Take what arrived (cut anywhere) and return the events it completes.

        A failure that comes behind events in the same bytes waits for `end`, so that the events are not lost.
        """
        ...

    def end(self) -> list[ProviderEvent]:
        """The bytes are over. Raises the failure, or ProviderUnavailable if the answer was cut before its end."""
        ...


class Wire(Protocol):
    """One protocol: both directions, no I/O."""

    def encode(self, endpoint: Endpoint, request: CompletionRequest) -> WireRequest: ...

    def decoder(self, request: CompletionRequest) -> Decoder: ...

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What a non-2xx answer means."""
        ...


@runtime_checkable
class ScriptedWire(Wire, Protocol):
    """A wire whose answers are made here, without a network: the transport plays the script."""

    def script(self, body: bytes) -> Iterator[tuple[float, bytes]]:
        """The answer to a request's body, as seconds to wait and the bytes that follow."""
        ...


@runtime_checkable
class LearningWire(Wire, Protocol):
    """A wire that leaves out what a server refuses, and remembers it."""

    def without_refused(
        self, sent: WireRequest, request: CompletionRequest, status: int, body: bytes
    ) -> WireRequest | None:
        """The request again, without the field that a refusal names; None where it names none that could go."""
        ...

    def remember(self, sent: WireRequest, request: CompletionRequest) -> None:
        """`sent` was taken: from now on the same fields are left out at once."""
        ...


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, to the first byte, between bytes, and for the whole call."""

    connect: float
    first: float
    between: float
    total: float

    def within(self, seconds: float) -> Timeouts:
        """The same, all of it in so many seconds."""
        return Timeouts(*(min(each, seconds) for each in (self.connect, self.first, self.between, self.total)))


@dataclass(frozen=True, slots=True)
class Call:
    """Everything the loop needs to carry one provider call."""

    request: WireRequest
    wire: Wire
    completion: CompletionRequest
    timeouts: Timeouts
    secrets: tuple[str, ...] = field(repr=False, default=())


Sink = Callable[[list[ProviderEvent]], None]
