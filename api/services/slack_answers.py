"""Answers that Slack gets later: kept until they are delivered, by another process where the one that promised died.

A `response_url` lets whoever has it write to a channel for half an hour: at rest it is sealed, and bound to its row.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from api.domain import clock
from api.domain.errors import AppError, NotFound
from api.domain.ids import new_id
from api.domain.slack import PromisedAnswer
from api.providers.outbound import Outbound
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.vault import Vault, VaultError
from api.services.generations import Follower, GenerationService
from api.streams.loop import LoopThread

log = structlog.get_logger()
ADDRESS_LIFE: Final = dt.timedelta(minutes=30)
AGAIN_SECONDS: Final = 60.0  # until what nobody took is sent again
IN_FLIGHT: Final = float("inf")
BROKEN_OFF: Final = "The server was restarted while the answer was written; ask again."
CUT_SHORT: Final = "(The server was restarted while this was written; the rest is missing.)"


class SlackAnswers:
    """`told` makes the message that Slack is sent of a text."""

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        generations: GenerationService,
        outbound: Outbound,
        loop: LoopThread,
        told: Callable[[str], bytes],
    ) -> None:
        self._store = store
        self._vault = vault
        self._generations = generations
        self._outbound = outbound
        self._loop = loop
        self._told = told
        self._held: dict[UUID, float] = {}  # what this process delivers → when it may try (again)

    def permitted(self, url: str) -> bool:
        return self._outbound.permitted(url)

    def promise(self, follower: Follower, url: str) -> None:
        """Send what comes of this reply to `url` when it has ended."""
        answer_id = new_id()
        answer = PromisedAnswer(
            user_id=follower.principal.user_id,
            id=answer_id,
            generation_id=follower.generation_id,
            owner=self._generations.owner,
            token=self._vault.seal(url, answer_id),
            created_at=clock.now(),
        )
        self._held[answer_id] = IN_FLIGHT
        try:
            self._store.write(lambda work: work.slack.promise(answer))
        except AppError:
            follower.close()
            del self._held[answer_id]
            raise
        self._deliver(answer, follower, url)

    def sweep(self) -> None:
        """Take over what processes promised that are gone, send again what nobody took, and forget what is too late."""
        for answer in self._store.read(lambda work: work.slack.promised()):
            if answer.owner == self._generations.owner:
                if self._held.get(answer.id, 0.0) <= time.monotonic():
                    self._take_up(answer)
            elif self._generations.recovery.is_gone(answer.owner) and self._store.write(partial(self._take, answer)):
                self._take_up(answer)

    def _take(self, answer: PromisedAnswer, work: UnitOfWork) -> bool:
        return work.slack.take(answer, self._generations.owner)

    def _take_up(self, answer: PromisedAnswer) -> None:
        self._held[answer.id] = IN_FLIGHT
        principal = self._store.read(lambda work: work.slack.principal_of(answer.user_id))
        try:
            url = self._vault.open(answer.token, answer.id)
        except VaultError:
            url = ""
        if principal is None or clock.now() - answer.created_at > ADDRESS_LIFE or not self.permitted(url):
            log.warning("an answer for Slack is not delivered any more", generation_id=str(answer.generation_id))
            self._forget(answer)
            return
        try:
            follower = self._generations.follow(principal, str(answer.generation_id))
        except NotFound:  # deleted with its chat
            self._loop.spawn(self._post, answer, None, url, self._told(BROKEN_OFF), failed=lambda _: None)
        else:
            self._deliver(answer, follower, url)

    def _deliver(self, answer: PromisedAnswer, follower: Follower, url: str) -> None:
        log_ = follower.cursor.log
        sent = False

        def appended() -> None:  # in the loop, as all that is appended
            nonlocal sent
            if log_.closed and not sent:
                sent = True
                log_.unsubscribe(appended)
                body = self._told(outcome(follower))
                self._loop.spawn(self._post, answer, follower, url, body, failed=lambda _: None)

        log_.subscribe(appended)
        self._loop.call(appended)

    async def _post(self, answer: PromisedAnswer, follower: Follower | None, url: str, body: bytes) -> None:
        """A reader until all is said: a server that stops waits for it."""
        try:
            taken = await self._outbound.post(url, body)
        finally:
            if follower is not None:
                follower.close()
        if taken:
            self._loop.aside(self._forget, answer)
        else:
            self._held[answer.id] = time.monotonic() + AGAIN_SECONDS

    def _forget(self, answer: PromisedAnswer) -> None:
        self._store.write(lambda work: work.slack.forget(answer))
        self._held.pop(answer.id, None)


def outcome(follower: Follower) -> str:
    """What to say of a reply that has ended."""
    events = follower.cursor.log.events
    kind, value = events[-1] if events else ("", {})
    if kind == "error":
        return str(value["detail"])
    if kind != "finished":
        return BROKEN_OFF
    text = str(value["message"]["content"])
    if value["status"] == "interrupted":
        return f"{text}\n\n{CUT_SHORT}" if text.strip() else BROKEN_OFF
    return text or "The model answered nothing."
