"""What these tests share: a look into the database behind a server, readers that join and leave, people that insist."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from api.db import Database
from api.domain.generations import ACTIVE
from api.models.chats import MESSAGES
from api.models.generations import GENERATION_EVENTS, GENERATIONS, PROCESSES
from api.repositories.unit_of_work import Store
from tests.server import Event, EventStream, Person, Server, until
from tests.upstream import Upstream

LONG = bool(os.environ.get("PARLEY_LONG"))  # noqa: TID251
ENDS = ("finished", "error")
GENERATION = GENERATIONS.c
EVENTS = GENERATION_EVENTS.c
MESSAGE = MESSAGES.c
PROCESS = PROCESSES.c
_tags = iter(range(10**9))


def new_tag() -> str:
    return f"t{next(_tags)}"


def counting(tokens: int, pause_ms: int, tag: str) -> str:
    """The model that counts, called by its explicit name; what it sent is `upstream.sent(tag)`."""
    return f"openai/count:{tokens}:{pause_ms}#{tag}"


def text_of(events: list[Event]) -> str:
    return "".join(value["text"] for _, kind, value in events if kind == "delta")


def assert_whole(events: list[Event], text: str, status: str) -> None:
    """From 1 without gaps, one end, at the end, and all deltas together are the text."""
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    assert events[0][1] == "started"
    assert [kind for _, kind, _ in events if kind in ENDS] == ["finished"]
    assert events[-1][1] == "finished"
    assert events[-1][2]["status"] == status
    assert events[-1][2]["message"]["content"] == text == text_of(events)


def join(person: Person, generation: str, after: int = 0, *, by_header: bool = False) -> EventStream:
    """Follow from just after a number, said in either of the two ways."""
    path = f"/generations/{generation}/events"
    if by_header:
        return person._open("GET", path, None, {"Last-Event-ID": str(after)})
    return person.follow(generation, after)


def joined_to_the_end(person: Person, generation: str, events: list[Event]) -> list[Event]:
    """`events` and all that follows them, over as many joins as it takes."""
    while not (events and events[-1][1] in ENDS):
        with join(person, generation, events[-1][0] if events else 0) as stream:
            assert stream.status == 200
            events.extend(stream)
    return events


class Reader(threading.Thread):
    """Reads one stream until its line ends; `events` is what came."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.events: list[Event] = []
        self.start()

    def run(self) -> None:
        for event in self.stream:
            self.events.append(event)
        self.stream.close()

    def wait(self, seconds: float = 60.0) -> list[Event]:
        self.join(seconds)
        assert not self.is_alive(), "the line is still open"
        return self.events


class Insistent(threading.Thread):
    """Sends message after message into one chat, each until it is answered, always with its own Idempotency-Key."""

    def __init__(self, person: Person, chat: str, model: str) -> None:
        super().__init__(daemon=True)
        self.sent: list[str] = []
        self._person, self._chat, self._model = person, chat, model
        self._enough = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._enough.is_set():
            key, content = str(uuid.uuid4()), f"message {len(self.sent)}"
            self.sent.append(content)
            while not self._taken(content, key):
                time.sleep(0.02)

    def _taken(self, content: str, key: str) -> bool:
        try:
            return self._person.send(self._chat, content, key, model=self._model).status == 202
        except OSError:
            return False
        except Exception:  # a head that was cut in the middle
            return False

    def finish(self) -> list[str]:
        self._enough.set()
        self.join(60)
        assert not self.is_alive(), "a message is never taken"
        return self.sent


class Stored:
    """The rows behind the servers, read past them."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, pool_size=2)
        self.store = Store(self.database)

    def close(self) -> None:
        self.store.close()

    def rows(self, query: sa.Select[Any]) -> list[Any]:
        with self.database.reader.connect() as connection:
            return list(connection.execute(query))

    def generation(self, generation: str) -> Any:
        found = self.rows(sa.select(GENERATIONS).where(GENERATION.id == uuid.UUID(generation)))
        return found[0] if found else None

    def flushed(self, generation: str) -> str:
        """The text in event rows now."""
        owner = self.generation(generation)
        parts = self.store.read(lambda work: work.generation_events.after([(owner.user_id, owner.id, 1, 0)]))
        return "".join(value for part in parts for kind, value in part.events if kind == "delta")

    def event_rows(self, generation: str) -> list[Any]:
        query = sa.select(EVENTS.first_seq, EVENTS.last_seq, EVENTS.payload).order_by(EVENTS.first_seq)
        return self.rows(query.where(EVENTS.generation_id == uuid.UUID(generation)))

    def answer(self, generation: str) -> Any:
        """The message that a generation writes."""
        found = self.generation(generation)
        return self.rows(sa.select(MESSAGES).where(MESSAGE.id == found.message_id))[0]

    def everything_of(self, generation: str) -> tuple[Any, ...]:
        """All that a run could write to."""
        return (self.generation(generation), self.answer(generation), self.event_rows(generation))

    def said(self, chat: str) -> list[str]:
        """What the user wrote in a chat, in order."""
        query = sa.select(MESSAGE.content).where(MESSAGE.chat_id == uuid.UUID(chat), MESSAGE.role == "user")
        return [row.content for row in self.rows(query.order_by(MESSAGE.seq))]

    def active(self) -> int:
        return len(self.rows(sa.select(GENERATION.id).where(GENERATION.status.in_(ACTIVE))))

    def processes(self) -> set[uuid.UUID]:
        return {row.id for row in self.rows(sa.select(PROCESS.id))}


@dataclass
class Pair:
    """Two server processes on one database, and the provider that both call."""

    database_url: str
    servers: tuple[Server, Server]
    upstream: Upstream
    stored: Stored

    @property
    def is_postgresql(self) -> bool:
        return self.database_url.startswith("postgresql")

    def person(self) -> Person:
        """Somebody new, at the first server, whose default model is the upstream's."""
        person = self.servers[0].person(f"p{uuid.uuid4().hex[:12]}")
        person.openai()
        return person

    def elsewhere(self, person: Person) -> Person:
        return person.at(self.servers[1].port)

    def begin(self, person: Person, tokens: int, pause_ms: int, *, seen: int = 1) -> tuple[str, str, str]:
        """A reply that runs and has sent `seen` tokens: chat, generation, tag."""
        chat, tag = person.chat(), new_tag()
        answer = person.send(chat, "count, please", model=counting(tokens, pause_ms, tag))
        assert answer.status == 202, answer.body
        self.upstream.wait(lambda up: (sent := up.sent(tag)) is not None and len(sent.tokens) >= seen, 60)
        return chat, answer.json["generation"]["id"], tag


def ended(person: Person, generation: str) -> dict[str, Any]:
    """The generation, once it has ended."""
    state: dict[str, Any] = until(
        lambda: (found := person.generation(generation))["status"] not in ACTIVE and found, what="the reply's end"
    )
    return state


def dice_for(name: str) -> random.Random:
    """The same throws in every run."""
    return random.Random(f"survival {name}")


def freeze(server: Server, signal_number: signal.Signals = signal.SIGSTOP) -> None:
    assert server.process is not None
    os.killpg(server.process.pid, signal_number)


def thaw(server: Server) -> None:
    freeze(server, signal.SIGCONT)
