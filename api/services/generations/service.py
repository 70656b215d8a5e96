"""The generation service: what the rest of the server asks of the machinery that carries replies."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from api.domain import metrics, pricing
from api.domain.errors import AppError, NotFound, Overloaded
from api.domain.generations import Generation
from api.domain.ids import new_id, parse_id
from api.domain.principal import Principal
from api.providers.base import Call
from api.providers.transport import Transport
from api.repositories.presence import Presence
from api.repositories.unit_of_work import Store
from api.services.generations.braid import Braid, Strand
from api.services.generations.chain import Chain
from api.services.generations.counting import Price
from api.services.generations.doorkeeper import Caller, Doorkeeper, StillGood
from api.services.generations.follower import Follower
from api.services.generations.janitor import Janitor
from api.services.generations.plan import Plan
from api.services.generations.recorder import Recorder, Settle
from api.services.generations.recovery import Recovery
from api.services.generations.replay import replayed
from api.services.generations.run import Run
from api.services.generations.tail import Tail
from api.services.housekeeping import Housekeeping
from api.streams.flusher import PATIENCE, Flusher
from api.streams.live_log import Cursor, LiveLog
from api.streams.loop import LoopThread

CLOSING_SECONDS = 10.0


def _nothing() -> None:
    """What need not be released."""


class GenerationService:
    """`owner` is this process. Built before the fork's work begins; `start` makes it live."""

    def __init__(
        self,
        *,
        store: Store,
        presence: Presence,
        loop: LoopThread,
        transport: Transport,
        owner: UUID,
        poll_seconds: float,
        max_reply_chars: int,
        max_runs: int,
        drain_seconds: float,
        store_patience: float = PATIENCE,
        still_good: StillGood,
        housekeeping: Callable[[], Housekeeping],
        settle: Settle = lambda *_: None,
        price: Price = pricing.price,
    ) -> None:
        self._store = store
        self._presence = presence
        self._loop = loop
        self._transport = transport
        self._price = price
        self.owner = owner
        self._max_reply_chars = max_reply_chars
        self._max_runs = max_runs
        self._drain_seconds = drain_seconds
        self._runs: dict[UUID, Run] = {}
        self._direct: dict[UUID, Caller] = {}  # calls that a request's thread waits for
        self._followers: set[Follower] = set()
        self._state_lock = threading.Lock()
        self.draining = False
        self.recovery = Recovery(store, presence, owner, self._carries, settle)
        self._flusher = Flusher(Recorder(store, owner, settle).store, self._beat, patience=store_patience)
        self._tail = Tail(store, loop, poll_seconds, store_patience)
        self._janitor = Janitor(recovery=self.recovery, housekeeping=housekeeping)
        self._doorkeeper = Doorkeeper(
            loop=loop,
            followers=lambda: self._followers,
            callers=lambda: tuple(self._direct.values()),
            still_good=still_good,
            stops=self._stops,
        )
        self._interrupting = False
        self._beat_at = 0.0
        self._epoch: str | None = None

    def _carries(self, generation_id: UUID) -> bool:
        return generation_id in self._runs or generation_id in self._direct

    def carry(self, caller: Caller) -> None:
        """The caller carries his generation himself, until he leaves: it is no orphan."""
        self._direct[caller.generation_id] = caller

    def leave(self, caller: Caller) -> None:
        del self._direct[caller.generation_id]

    def _stops(self, callers: Collection[Caller]) -> set[UUID]:
        keys = [(one.principal.user_id, one.generation_id) for one in callers]
        found = self._store.read(lambda work: work.generations.states(keys))
        return {one.id for one in found if one.stop_requested}

    # The life of the process

    def start(self) -> None:
        """Begin to serve: loop, liveness lock, recovery of what dead processes left, and the threads."""
        if self._loop.running:
            return
        self._loop.start()
        self._loop.wait_for(self._transport.open())
        self._presence.start(self._register, self._tail.announced)
        self.recovery.sweep()
        self._flusher.start()
        self._tail.start()
        self._janitor.start()
        self._doorkeeper.start()

    def begin_drain(self) -> None:
        """SIGTERM: no new runs; the running ones have `drain_seconds`, then end as `interrupted`."""
        if self.draining or not self._loop.running:
            self.draining = True
            return
        self.draining = True
        self._loop.call(self._loop.loop.call_later, self._drain_seconds, self._interrupt_all)

    def finish_drain(self, alive: Callable[[], None]) -> None:
        """Wait until every run is stored and every reader has it; `alive` is called meanwhile. Then end all threads."""
        self.begin_drain()
        limit = time.monotonic() + self._drain_seconds + CLOSING_SECONDS
        while (self._runs or self._followers) and time.monotonic() < limit:
            alive()
            time.sleep(0.05)
        self.stop()

    def stop(self) -> None:
        """End everything at once; what has arrived is stored first."""
        self.draining = True
        if not self._loop.running:
            return
        self._loop.call(self._interrupt_all)
        limit = time.monotonic() + CLOSING_SECONDS
        while self._runs and time.monotonic() < limit:
            time.sleep(0.01)
        self._doorkeeper.stop()
        self._janitor.stop()
        self._flusher.stop()
        self._tail.stop()
        self._loop.wait_for(self._transport.close())
        self._loop.stop()
        self._presence.stop()
        self._store.write(lambda work: work.processes.remove(self.owner))

    def loop_age(self) -> float:
        """Seconds since the event loop last showed that it runs."""
        return self._loop.age() if self._loop.running else 0.0

    @property
    def running(self) -> int:
        return len(self._runs)

    def _interrupt_all(self) -> None:
        self._interrupting = True
        for run in tuple(self._runs.values()):
            run.cancel("interrupted")

    def _register(self, epoch: str | None) -> None:
        self._epoch = epoch
        self._store.write(lambda work: work.processes.register(self.owner, epoch))

    def _beat(self, busy: bool) -> None:
        if time.monotonic() - self._beat_at >= (0.4 if busy or self._direct else 5.0):
            self._beat_at = time.monotonic()
            if not self._store.write(lambda work: work.processes.beat(self.owner), durable=False):
                self._register(self._epoch)

    # Runs

    def refuse_if_full(self) -> None:
        """Raises Overloaded when this process carries as many runs as it may, or is about to stop."""
        if self.draining:
            raise Overloaded("The server is restarting; try again in a few seconds.", retry_after=5)
        if len(self._runs) >= self._max_runs:
            raise Overloaded("The server carries as many replies as it can; try again in a moment.", retry_after=2)

    def begin(self, plan: Plan, call: Call | AppError) -> Run:
        """Carry out a generation that is stored as queued. Returns at once. An error ends it, typed."""
        run = Run(
            plan,
            call,
            owner=self.owner,
            loop=self._loop,
            flusher=self._flusher,
            transport=self._transport,
            max_chars=self._max_reply_chars,
            ended=self._forget,
            price=self._price,
        )
        self._runs[run.id] = run
        self._flusher.add(run)
        if self._interrupting:  # what follows a run that ended by itself just now
            run.cancel("interrupted")
        metrics.replies_running.set(len(self._runs))
        self._loop.spawn(run.carry, failed=run.fail)
        return run

    def _forget(self, run: Run) -> None:
        self._runs.pop(run.id, None)
        if run.given_up:
            self.recovery.give_up(run.id)
        metrics.replies_running.set(len(self._runs))

    def get(self, principal: Principal, reference: str) -> Generation:
        """Raises NotFound for an unknown id and for somebody else's."""
        generation_id = parse_id(reference)
        found = (
            self._store.read(lambda work: work.generations.get_owned(generation_id, principal.user_id))
            if generation_id
            else None
        )
        if found is None:
            raise NotFound("There is no such generation.")
        return found

    def stop_reply(self, principal: Principal, reference: str) -> Generation:
        """Ask for the end of a reply: at once here, within a second elsewhere. What has arrived is kept."""
        generation = self.get(principal, reference)
        if not (generation.active and self._stop(generation)):
            generation = self.get(principal, reference)
            if following := generation.notes.get("next"):  # it ended meanwhile: what follows it is what is heard
                self.stop_reply(principal, following)
        return generation

    def _stop(self, generation: Generation) -> bool:
        """False when it had ended already."""
        if not self._store.write(lambda work: work.generations.request_stop(generation.user_id, generation.id)):
            return False
        if run := self._runs.get(generation.id):
            run.stop_requested()
        elif generation.owner != self.owner and self.recovery.is_dead(generation.owner):
            self.recovery.recover(generation.owner)
        return True

    def stop_all(self, user_id: UUID, chat_id: UUID | None = None, seconds: float = 5.0) -> None:
        """End the runs of a user (or of one chat) before what they write to is deleted; waits until they have."""
        limit = time.monotonic() + seconds
        asked: set[UUID] = set()
        while True:
            active = self._store.read(lambda work: work.generations.active_of_user(user_id))
            active = [one for one in active if chat_id is None or one.chat_id == chat_id]
            if not active or time.monotonic() > limit:
                return
            for one in active:
                if one.id not in asked:
                    asked.add(one.id)
                    self._stop(one)
            time.sleep(0.02)

    # Readers

    def follow(self, principal: Principal, reference: str, after: int = 0) -> Follower:
        """A reader of a reply from just after number `after`, wherever it runs or has run. Raises NotFound.

        The words of what is kept in no chat are for who asked alone; here it has two events, told when it has ended."""
        generation = self.get(principal, reference)
        events, release = self._events(principal, generation)
        return self._follower(events, generation.id, principal, after, release)

    def follow_all(self, principal: Principal, places: Mapping[UUID, int]) -> Follower:
        """A reader of several replies at once, from just after a number in each. Raises NotFound."""
        strands = []
        for generation_id, after in places.items():
            run = self._runs.get(generation_id)
            events, release = (
                (run.log, _nothing)
                if run and run.kept
                else self._events(principal, self.get(principal, str(generation_id)))
            )
            strands.append(Strand(generation_id, Cursor(events, after, beside_others=True), release))
        braid = Braid(strands)
        self._loop.call(braid.begin)
        return self._follower(braid.log, strands[0].generation_id, principal, 0, braid.release)

    def _events(self, principal: Principal, generation: Generation) -> tuple[LiveLog, Callable[[], None]]:
        """A reply's events wherever it runs or has run, and what to call when they are no longer read."""
        run = self._runs.get(generation.id)
        if run is not None and run.kept:
            return run.log, _nothing
        if generation.active and generation.owner == self.owner:
            generation = self.get(principal, str(generation.id))  # it ended between the two looks
        if generation.active:
            mirror = self._tail.open(generation)
            return mirror, lambda: self._tail.release(mirror)
        return self._stored(generation), _nothing

    def follow_new(self, principal: Principal, generation_id: UUID) -> Follower:
        """A reader of a run that this request has just begun: no question to the database."""
        run = self._runs.get(generation_id)
        if run is None:
            return self.follow(principal, str(generation_id))
        if run.kept:
            return self._follower(run.log, generation_id, principal, 0)
        return self._follower(run.log, generation_id, principal, 0, run.stop_requested)  # nobody else wants it

    def follow_through(self, principal: Principal, generation_id: UUID) -> Follower | None:
        """Like `follow_new`, and on through what follows the run; None when it does not run here (any more)."""
        run = self._runs.get(generation_id)
        if run is None:
            return None
        if run.plan.follow is None:
            return self.follow_new(principal, generation_id)
        chain = Chain(run)
        self._loop.call(chain.begin)
        return self._follower(chain.log, generation_id, principal, 0, chain.release)

    def reader(self, principal: Principal, events: LiveLog) -> Follower:
        """A reader of another numbered log, looked after like those of replies."""
        return self._follower(events, new_id(), principal, 0)

    def guest(self, principal: Principal) -> Follower:
        """Somebody who reads or sends a file meanwhile, to be shown out as readers are."""
        return self._follower(LiveLog(), new_id(), principal, 0)

    def _stored(self, generation: Generation) -> LiveLog:
        message_id = generation.message_id
        message = (
            self._store.read(lambda work: work.messages.get_owned(message_id, generation.user_id))
            if message_id
            else None
        )
        if message_id and message is None:
            raise NotFound("The message of this generation has been deleted.")
        return LiveLog(replayed(generation, message), closed=True)

    def _follower(
        self,
        log_: LiveLog,
        generation_id: UUID,
        principal: Principal,
        after: int,
        release: Callable[[], None] = _nothing,
    ) -> Follower:
        def leave(follower: Follower) -> None:
            self._followers.discard(follower)
            release()

        follower = Follower(Cursor(log_, after), generation_id, principal, leave)
        self._followers.add(follower)
        return follower
