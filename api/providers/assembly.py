"""What every decoder does with what it has read: objects out of JSON, adjacent deltas joined. No I/O."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, Final, TypeVar

import msgspec

from api.domain.errors import ProviderBadResponse, ProviderError
from api.domain.events import ProviderEvent, ProviderPart, ReasoningDelta, TextDelta, ToolCall
from api.domain.text import TextCleaner, clean_text
from api.providers.failures import no_words

Shape = TypeVar("Shape")
MAX_TOOL_CHARS: Final = 4 * 1024 * 1024
MAX_PART_CHARS: Final = 8 * 1024 * 1024
MAX_TOOL_CALLS: Final = 256
MOST_TOKENS: Final = 2**31 - 1  # what the ledger's columns take
_SHOWN_BYTES: Final = 200


def decode_json(decoder: msgspec.json.Decoder[Shape], payload: bytes) -> Shape:
    """`payload` as the decoder's type. Raises ProviderBadResponse where it is not JSON of that shape."""
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise _unreadable(payload, str(error)) from None
    except (ValueError, RecursionError):
        return _decode_slowly(decoder, payload)


def _decode_slowly(decoder: msgspec.json.Decoder[Shape], payload: bytes) -> Shape:
    # The standard library takes what msgspec refuses and models do write: lone surrogates, broken UTF-8.
    try:
        loose = json.loads(payload.decode("utf-8", "replace"), strict=False)
        return msgspec.convert(loose, decoder.type)
    except (ValueError, RecursionError) as error:
        raise _unreadable(payload, str(error)) from None


def is_cut_json(payload: bytes) -> bool:
    """Does `payload` begin like JSON and break off? Told by where the parser stops; of use for errors only."""
    text = payload.decode("utf-8", "replace").rstrip()
    try:
        json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        # Half a literal or half an escape stops it a few characters before the end.
        return error.msg.startswith("Unterminated string") or error.pos >= len(text) - 6
    except (ValueError, RecursionError):
        return False
    return False


def _unreadable(payload: bytes, why: str) -> ProviderBadResponse:
    start = payload[:_SHOWN_BYTES].decode("utf-8", "replace")
    return ProviderBadResponse(
        f"The provider's answer could not be read ({why[:120]}). Try again, or check the base URL. "
        f"It began: {' '.join(start.split())}…"
    )


class EventBuffer:
    """The events of one feed; text that arrives together leaves as one delta, in its place among others."""

    __slots__ = ("_cleaner", "_cleaners", "_events", "_kind", "_parts", "spoke")

    def __init__(self) -> None:
        self.spoke = False  # there was text, or a thought
        self._events: list[ProviderEvent] = []
        self._parts: list[str] = []
        self._kind: type[TextDelta] | type[ReasoningDelta] = TextDelta
        self._cleaners: dict[type[TextDelta] | type[ReasoningDelta], TextCleaner] = {
            TextDelta: TextCleaner(),
            ReasoningDelta: TextCleaner(),
        }
        self._cleaner = self._cleaners[TextDelta]

    def text(self, text: str) -> None:
        """More of the reply."""
        if self._kind is not TextDelta and text:
            self._begin_delta(TextDelta)
        self._parts.append(text)

    def reasoning(self, text: str) -> None:
        """More of the thoughts before it."""
        if self._kind is not ReasoningDelta and text:
            self._begin_delta(ReasoningDelta)
        self._parts.append(text)

    def add(self, event: ProviderEvent) -> None:
        """An event of another kind, after the text before it."""
        self._close_delta()
        self._events.append(event)

    def finish_text(self) -> None:
        """No text will follow: half a character that still waits is given up."""
        self._close_delta(last=True)
        for kind in self._cleaners:
            self._begin_delta(kind)
            self._close_delta(last=True)

    def take(self) -> list[ProviderEvent]:
        """Everything since the last take."""
        self._close_delta()
        events, self._events = self._events, []
        return events

    def _begin_delta(self, kind: type[TextDelta] | type[ReasoningDelta]) -> None:
        self._close_delta()
        self._kind, self._cleaner = kind, self._cleaners[kind]

    def _close_delta(self, last: bool = False) -> None:
        """Cleaned as one: how a text was cut is no matter."""
        if self._parts or last:
            text = self._cleaner.clean("".join(self._parts))
            self._parts.clear()
            if last:
                text += self._cleaner.flush()
            if text:
                self.spoke = True
                self._events.append(self._kind(text))


class BaseDecoder(ABC):
    """What the wires' decoders share: events go out before the failure that came behind them in the same bytes."""

    def __init__(self) -> None:
        self._out = EventBuffer()
        self._failure: ProviderError | None = None
        self.done = self.finished = False

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """The events that `data` completes. Raises ProviderError for a failure or what cannot be read."""
        if self.done:
            return []
        try:
            self._feed(data)
        except ProviderError as failure:
            self._failure = failure
            self.done = True
            events = self._out.take()
            if not events:
                raise
            return events
        return self._out.take()

    def end(self) -> list[ProviderEvent]:
        """The last events. Raises the failure met before, ProviderUnavailable for an answer cut short."""
        if self._failure is not None:
            raise self._failure
        self._end()
        return self._out.take()

    def _require_words(self, tools: ToolCallBuffer) -> None:
        """Of a reply that ended without a reason. One that gives its reason (`stop`, say) may be empty: some models
        have nothing to add. Raises ProviderBadResponse."""
        self._out.finish_text()
        if not (self._out.spoke or tools):
            raise no_words()

    @abstractmethod
    def _feed(self, data: bytes) -> None: ...

    @abstractmethod
    def _end(self) -> None: ...


class PieceBuffer:
    """Text that is kept until its end, capped."""

    __slots__ = ("_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def take(self, text: str) -> None:
        """More of it. Raises ProviderBadResponse beyond the cap."""
        self._pieces.append(text)
        self._size += len(text) + 8
        if self._size > MAX_PART_CHARS:
            raise ProviderBadResponse("The provider sent more thoughts than this server will hold. Try again.")

    def text(self) -> str:
        """All of it."""
        return "".join(self._pieces)


class ToolCallBuffer:
    """Tool calls in fragments, by index; a new id at a used index starts another call (Gemini does that)."""

    __slots__ = ("_calls", "_size", "_slots")

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}
        self._calls: list[tuple[str, list[str], list[str], str]] = []
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._calls)

    def take(self, index: int | None, call_id: str, name: str, arguments: Any, signature: str = "") -> None:
        """One fragment; `arguments` is text or an object. Raises ProviderBadResponse beyond the caps."""
        if index is None:
            index = len(self._calls) - (not call_id and bool(self._calls))
        at = self._slots.get(index)
        if at is None or (call_id and self._calls[at][0] not in {"", call_id}):
            at = self._slots[index] = len(self._calls)
            self._calls.append((call_id, [], [], signature))
        text = arguments if isinstance(arguments, str) else "" if arguments is None else _as_json(arguments)
        _, names, pieces, _ = self._calls[at]
        names.append(name)
        pieces.append(text)
        self._size += len(text) + len(name) + len(call_id) + len(signature)
        if self._size > MAX_TOOL_CHARS or len(self._calls) > MAX_TOOL_CALLS:
            raise ProviderBadResponse("The provider sent more tool calls than this server will hold. Try again.")

    def calls(self) -> list[ToolCall]:
        """The whole calls, in the order in which they began."""
        return [
            ToolCall(
                clean_text(call_id) or f"call_{number}",
                clean_text("".join(names)),
                clean_text("".join(pieces)),
                clean_text(signature),
            )
            for number, (call_id, names, pieces, signature) in enumerate(self._calls)
        ]


def kept_part(part: ProviderPart, wire: str, model: str) -> dict[str, Any] | None:
    """What a provider part holds, for the wire and the model that it came from; None for any other."""
    if (part.wire, part.model) != (wire, model):
        return None
    try:
        found = json.loads(part.data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def as_object(text: str) -> dict[str, Any]:
    """JSON text as an object, for the wires that take nothing else; other values are put into one."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = text
    return found if isinstance(found, dict) else {"value": found}


def count_of(given: Any, *path: str) -> int | None:
    """A token count at `path` in a provider's object; None where there is no sensible number."""
    for key in path:
        given = given.get(key) if isinstance(given, dict) else None
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given <= MOST_TOKENS:
        return int(given)
    return None


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise ProviderBadResponse("The provider sent a tool call nested too deeply to be read. Try again.") from None
