"""One process's machinery for replies, without HTTP: real store, loop and transport; the provider plays a script."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from api.domain.conversation import CompletionRequest
from api.domain.errors import ProviderError, ProviderUnavailable, StoreUnavailable
from api.domain.events import Finish, ProviderEvent, TextDelta
from api.domain.generations import Counted, Generation
from api.domain.ids import new_id
from api.domain.instance import InstanceSettings
from api.domain.limit_rules import Rule
from api.domain.principal import ALL_SCOPES, Principal
from api.providers.base import Call, Endpoint, Timeouts, WireRequest
from api.providers.catalogue import Catalogue
from api.providers.transport import Transport
from api.repositories.presence import presence_of
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.egress import Egress
from api.security.vault import Vault, parse_keys
from api.services.attachments import FileLimits
from api.services.budgets import BudgetService
from api.services.chats import ChatService
from api.services.choice import Choice
from api.services.enclosures import Enclosures
from api.services.generations import Follower, GenerationService
from api.services.housekeeping import Housekeeping
from api.services.messages import Draft, MessageService, Sent
from api.services.model_configs import ModelConfigService, Target, Wish
from api.services.offers import Offers
from api.services.prices import PriceService
from api.services.rate_limits import RateLimitService
from api.services.tree import TreeService
from api.services.turns import Turns
from api.storage import FileStorage
from api.streams.loop import LoopThread
from tests.rate_limits.parts import storage_over

PATIENCE = 60.0
TIMEOUTS = Timeouts(connect=60, first=60, between=60, total=600)
FOR_EVER = (3600.0, ())
Step = tuple[float, tuple[Any, ...]]
Read = list[tuple[int, str, Any]]


class Script:
    """A wire: after so many seconds come these events; an exception among them is raised. Then the reply has ended."""

    def __init__(self, *steps: Step) -> None:
        self._steps = steps
        self.done = False

    def encode(self, endpoint: Endpoint, request: CompletionRequest) -> WireRequest:
        return WireRequest("http://script.invalid/", {}, b"", trusted=True)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return ProviderUnavailable()

    def script(self, body: bytes) -> Iterator[tuple[float, bytes]]:
        for number, (pause, _) in enumerate(self._steps):
            yield pause, str(number).encode()

    def decoder(self, request: CompletionRequest) -> Script:
        return self

    def feed(self, data: bytes) -> list[ProviderEvent]:
        events = self._steps[int(data)][1]
        for event in events:
            if isinstance(event, BaseException):
                raise event
        return list(events)

    def end(self) -> list[ProviderEvent]:
        return [Finish("stop")]


def text(*pieces: str, pause: float = 0.0) -> Step:
    return pause, tuple(TextDelta(piece) for piece in pieces)


class FlakyStore(Store):
    """A database that can go away before a transaction, or after one with the answer lost."""

    away = False
    answers_lost = 0
    losing_durable = False  # which of the answers are lost: those to ends, or those to events

    def read(self, fn: Callable[[UnitOfWork], Any]) -> Any:
        if self.away:
            raise StoreUnavailable("away")
        return super().read(fn)

    def write(self, fn: Callable[[UnitOfWork], Any], *, durable: bool = True, **options: Any) -> Any:
        if self.away:
            raise StoreUnavailable("away")
        result = super().write(fn, durable=durable, **options)
        if self.answers_lost and durable == self.losing_durable:
            self.answers_lost -= 1
            raise StoreUnavailable("its answer was lost")
        return result


class _Scripted(ModelConfigService):
    """Every model is the script of the moment."""

    wire: Script

    def call(self, target: Target, request: CompletionRequest) -> Call:
        endpoint = Endpoint("demo", "http://script.invalid", None, trusted=True)
        return Call(self.wire.encode(endpoint, request), self.wire, request, TIMEOUTS)


class Machine:
    """A process: `send` begins a reply that follows a script."""

    def __init__(
        self,
        store: Store,
        *,
        max_reply_chars: int = 1_000_000,
        hold_seconds: float = 3600.0,
        rules: tuple[Rule, ...] = (),
        housekeeping: Callable[[], Housekeeping] = Housekeeping,
    ) -> None:
        self.store = store
        instance = InstanceSettings(requests_per_hour=100_000, generations_per_hour=100_000, limit_rules=rules)
        self.limits = RateLimitService(storage_over(store), 100, lambda: instance)
        self.prices = PriceService(store)
        self.budgets = BudgetService(store, self.prices, hold_seconds)
        self.owner = new_id()
        self.signed_out: set[UUID] = set()  # sessions that count no longer
        self.loop = LoopThread()
        self.presence = presence_of(store.database, self.owner)
        self.generations = GenerationService(
            store=store,
            presence=self.presence,
            loop=self.loop,
            transport=Transport(Egress(())),
            owner=self.owner,
            poll_seconds=0.1,
            max_reply_chars=max_reply_chars,
            max_runs=1000,
            drain_seconds=1.0,
            still_good=lambda sessions, keys: (sessions - self.signed_out, keys),
            housekeeping=housekeeping,
            settle=self._settle,
            price=self.prices.price,
        )
        vault = Vault(parse_keys("9b74c9897bac770ffc029102a200c5de" * 2))
        catalogue = Catalogue({})
        choice = Choice(catalogue, Offers(catalogue), lambda: "")
        self._configs = _Scripted(store, vault, catalogue, TIMEOUTS, choice)
        self.chats = ChatService(store, self.generations)
        enclosures = Enclosures(FileStorage(Path("nowhere")), FileLimits(1, 1, 1, 1))
        turns = Turns(store, self.generations, self._configs, self.limits, self.budgets, enclosures=enclosures)
        tree = TreeService(store, self.chats, self.limits, enclosures)
        self.messages = MessageService(turns, tree, self.chats, enclosures, 10_000)

    def _settle(self, work: UnitOfWork, calls: Sequence[Counted]) -> None:
        self.limits.settle(work, calls)
        self.budgets.settle(work, calls)

    def send(self, who: Principal, chat: str, *steps: Step, key: str | None = None, model: str | None = "demo") -> Sent:
        self._configs.wire = Script(*steps)
        return self.messages.send(who, chat, Draft("go on", wish=Wish(model=model), idempotency_key=key))

    def chat(self, who: Principal) -> str:
        return str(self.chats.create(who, {}).id)

    def read(self, who: Principal, generation: UUID, after: int = 0) -> Read:
        """All events, in as many joins as it takes until the end."""
        events: Read = []
        while not (events and events[-1][1] in {"finished", "error"}):
            events += taken(self.generations.follow(who, str(generation), events[-1][0] if events else after))
        return events

    def ended(self, who: Principal, generation: UUID) -> Generation:
        limit = time.monotonic() + PATIENCE
        while (found := self.generations.get(who, str(generation))).active:
            assert time.monotonic() < limit, "it never ends"
            time.sleep(0.01)
        return found


def taken(follower: Follower) -> Read:
    """What this line gives until it closes."""
    events: Read = []
    limit = time.monotonic() + PATIENCE
    while not follower.cursor.ended:
        assert time.monotonic() < limit, "the line is never closed"
        if not (found := follower.cursor.take()):
            time.sleep(0.005)
        events += found
    follower.close()
    return events


def waited(condition: Callable[[], object], what: str = "") -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, f"in vain: {what or condition}"
        time.sleep(0.01)


def principal(user_id: UUID, username: str) -> Principal:
    return Principal(user_id, username, "member", ALL_SCOPES)
