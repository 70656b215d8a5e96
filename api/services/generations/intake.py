"""What a provider says of one reply, as it arrives: numbered events for the readers, and what is kept beside them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from api.domain import clock, event_index, sealed
from api.domain.chats import Message
from api.domain.events import (
    Finish,
    Logprobs,
    Note,
    ProviderEvent,
    ProviderPart,
    RawChunk,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    Usage,
)
from api.domain.seam import Seam
from api.services.generations.counting import merged
from api.services.generations.plan import Plan, call_value
from api.streams.live_log import Event, LiveLog

MAX_EVENTS: Final = 100_000
MAX_RAW_BYTES: Final = 64 * 1024 * 1024


class Intake:
    """Lives in the loop. `full` is called when the reply has grown to what it may; once `shut`, nothing is added."""

    def __init__(
        self,
        plan: Plan,
        log: LiveLog,
        *,
        raw: bool,
        notes: tuple[str, ...],
        max_chars: int,
        full: Callable[[], None],
    ) -> None:
        self.kept = plan.message is not None  # a reply that nobody stores is nobody's to resume
        self.before = _before(plan.message)
        self.usage = Usage()
        self.finish_reason: str | None = None
        self.sealed: list[ProviderPart] = []
        self.noted = list(notes)
        self.first_token_at: dt.datetime | None = None
        self.passed_bytes = 0
        self.shut = False
        self._log = log
        self._seam = plan.seam
        self._raw = raw
        self._raw_room = MAX_RAW_BYTES
        self._room = max_chars - sum(map(len, self.before))
        self._full = full

    def take(self, events: list[ProviderEvent]) -> None:
        if self._seam is not None:
            events = _joined(self._seam, events)
        if len(events) == 1 and type(events[0]) is TextDelta and self._takes(len(events[0].text)):
            self._log.extend([("delta", events[0].text)])  # what nearly every read brings
            return
        arrived: list[Event] = []
        for event in self._passed_on(events) if self._raw else events:
            kind = type(event)
            if kind is TextDelta:
                arrived.append(("delta", event.text))  # type: ignore[union-attr]
            elif kind is ReasoningDelta:
                arrived.append(("reasoning", event.text))  # type: ignore[union-attr]
            elif isinstance(event, ToolCall):
                arrived.append(("tool_call", self._call(event)))
            elif isinstance(event, Logprobs):
                arrived += self._likely(event)
            elif isinstance(event, RawChunk):
                arrived.append(("chunk", event))
            else:
                self._note(event)
        if arrived and not self.shut:
            if self.first_token_at is None:
                self.first_token_at = clock.now()
            self._append(arrived)
        self._look_whether_full()

    def _look_whether_full(self) -> None:
        cut = self._room < 0 or self._raw_room < 0
        if cut and not self.shut:
            self.finish_reason = None  # the provider's is of more than what is told
        if cut or len(self._log.events) >= MAX_EVENTS:
            self._full()

    def end(self) -> None:
        """Nothing more comes: what the seam held back is told."""
        if self._seam is not None and (rest := self._seam.rest()):
            self._log.extend([("delta", rest)])
        self._full = _nothing  # whoever was to be told is let go

    def _call(self, call: ToolCall) -> dict[str, Any]:
        """As events show it. Whoever brings it back with its result brings along what was sealed before it."""
        value = call_value(call, signed=not self.kept)
        if self.sealed and not self.kept:
            value["sealed"] = sealed.stored(self.sealed)
            self.sealed = []
        return value

    def _likely(self, event: Logprobs) -> list[Event]:
        """For a client that asked for them; nobody stores them."""
        if self.kept:
            return []
        self._raw_room -= sum(len(one.token) + 32 * (1 + len(one.top)) for one in event.tokens)
        return [("logprobs", event.tokens)]

    def _note(self, event: ProviderEvent) -> None:
        """What is no event of the reply."""
        if isinstance(event, Usage):
            self.usage = merged(self.usage, event)
        elif isinstance(event, Finish):
            if not self.shut:  # else it was cancelled before the provider ended it
                self.finish_reason = event.reason
        elif isinstance(event, Note):
            self.noted.append(event.text)
        elif isinstance(event, ProviderPart):
            self.sealed.append(event)

    def _takes(self, chars: int) -> bool:
        """Count `chars` more, if the reply goes on and stays well within its limits with them."""
        room = self._room - chars
        if room < 0 or self.shut or self.first_token_at is None or len(self._log.events) >= MAX_EVENTS - 1:
            return False
        self._room = room
        return True

    def _passed_on(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        """Where the provider's own events are told as they are, what they were read as is only counted. None of them
        is told in part: the first one that is too much is left out."""
        if not any(isinstance(event, RawChunk) and not event.whole for event in events):
            return events
        told: list[ProviderEvent] = []
        for event in events:
            if isinstance(event, TextDelta | ReasoningDelta):
                self._room -= len(event.text)
                if self._room < 0:
                    break
                self.passed_bytes += len(event.text.encode("utf-8", "replace"))
            elif isinstance(event, RawChunk):
                self._raw_room -= len(event.data)
                if self._raw_room < 0:
                    break
            if not isinstance(event, TextDelta | ReasoningDelta | ToolCall):
                told.append(event)
        return told

    def _append(self, arrived: list[Event]) -> None:
        texts = sum(len(value) for kind, value in arrived if kind in ("delta", "reasoning"))
        self._room -= texts
        if texts and self._room < 0:
            arrived = event_index.cut(arrived, min(texts, -self._room))
        self._log.extend(arrived)


def _nothing() -> None:
    """What nobody waits for any more."""


def _joined(seam: Seam, events: list[ProviderEvent]) -> list[ProviderEvent]:
    joined = [TextDelta(seam.joined(event.text)) if isinstance(event, TextDelta) else event for event in events]
    return [event for event in joined if not (isinstance(event, TextDelta) and not event.text)]


def _before(message: Message | None) -> tuple[str, str]:
    """Text and reasoning of the part that goes on."""
    return (message.content, message.reasoning or "") if message else ("", "")
