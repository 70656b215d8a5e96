"""What begins replies in a chat: one short transaction acknowledges it, then the replies run by themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from api.domain import clock
from api.domain.budgets import OUTPUT_GUESS, Forecast
from api.domain.chats import Chat, Message, Spoken, title_from
from api.domain.context import size_of
from api.domain.conversation import CompletionRequest
from api.domain.errors import AppError, ChatBusy, Invalid, OutcomeUnknown
from api.domain.generations import Generation, Sequel, queued
from api.domain.ids import new_id
from api.domain.kept_keys import KEY_LIFE
from api.domain.principal import Principal
from api.domain.seam import Seam
from api.providers.base import Call
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.budgets import BudgetService, forecast
from api.services.enclosures import Enclosures
from api.services.generations import Follow, Following, GenerationService, Plan
from api.services.generations.counting import BYTES_A_TOKEN
from api.services.generations.run import Run
from api.services.model_configs import ModelConfigService, Target
from api.services.once import SAID_OTHERWISE, recalled
from api.services.openings import Opening, Order, Reply, answer_by, question_of, refuse_unseen, reply_to
from api.services.rate_limits import LimitState, RateLimitService, told


@dataclass(frozen=True, slots=True)
class Sent:
    """One reply as it was stored. `replayed`: an earlier request with the same Idempotency-Key did it."""

    generation_id: UUID
    user_message: Message | None
    message: Message | None
    replayed: bool = False
    status: str = "queued"
    notes: Mapping[str, Any] = field(default_factory=dict)
    plan: Message | None = None  # what the message follows, where both were begun by one request


@dataclass(frozen=True, slots=True)
class _Begun:
    """A stored reply, and what begins when it is complete."""

    reply: Reply
    follow: Follow | None = None
    is_first: bool = False  # of a chat that has its first words for a title


class _KeyTaken(Exception):
    """The idempotency key is in use; ends the transaction."""


class Turns:
    def __init__(
        self,
        store: Store,
        generations: GenerationService,
        model_configs: ModelConfigService,
        rate_limits: RateLimitService,
        budgets: BudgetService,
        *,
        enclosures: Enclosures,
        titled: Callable[[Principal, Run], None] = lambda *_: None,
    ) -> None:
        self._store = store
        self._generations = generations
        self._model_configs = model_configs
        self._rate_limits = rate_limits
        self._budgets = budgets
        self._enclosures = enclosures
        self._titled = titled

    def begin(self, principal: Principal, order: Order, opening: Callable[[UnitOfWork], Opening]) -> list[Sent]:
        """Store what `opening` finds in its transaction, and begin its replies.

        Raises what `opening` and the choice of a model raise, ChatBusy (409 with the running generation), TooMany,
        BudgetExceeded, PriceUnknown, Overloaded, StoreUnavailable, OutcomeUnknown.
        With an Idempotency-Key seen in the last 24 hours: the same `Sent` again.
        """

        def store() -> list[_Begun]:
            begun, limits = self._store.write(
                lambda work: self._store_all(work, principal, order, opening),
                landed=lambda work, result: _is_stored(work, principal, result[0][0].reply),
            )
            told(limits)
            return begun

        try:
            self._generations.refuse_if_full()
            begun = store()
        except OutcomeUnknown:
            raise
        except (AppError, _KeyTaken) as refusal:  # whatever refuses it now, what was done before is done
            if sent := self._earlier(principal, order):
                return sent
            if isinstance(refusal, ChatBusy) and not self._freed(principal, refusal):
                raise
            if not isinstance(refusal, ChatBusy | _KeyTaken):
                raise
            begun = store()
        for one in begun:
            run = self._run(principal, order, one.reply, one.follow)
            if one.is_first:
                self._titled(principal, run)
        replies = [one.reply for one in begun]
        return [Sent(reply.generation_id, reply.question, reply.message, notes=reply.notes) for reply in replies]

    # In the transaction

    def _store_all(
        self, work: UnitOfWork, principal: Principal, order: Order, opening: Callable[[UnitOfWork], Opening]
    ) -> tuple[list[_Begun], tuple[LimitState, ...]]:
        opened = opening(work)
        limits = self._rate_limits.count_within(work, principal, generations=len(opened.calls))
        question = question_of(opened)
        context = self._context(work, principal, opened)
        targets = self._targets(work, principal, opened)
        refuse_unseen(opened, context, targets)
        last = len(targets) - 1
        asked = enumerate(targets[: len(opened.wishes)])
        replies = [reply_to(opened, question, context, target, last - number) for number, target in asked]
        changes = _changes(opened, question, replies[0])
        if len(replies) > 1:
            for reply in replies:
                reply.notes["compared"] = [str(one.generation_id) for one in replies]
        forecasts = [_forecast(reply) for reply in replies]
        follow = None
        if opened.then is not None:
            answer_id = new_id()
            replies[0].notes["then"] = str(answer_id)
            forecasts.append(_forecast_by(forecasts[0], answer_id, replies[0], targets[-1]))
            follow = self._answer(principal, order, partial(answer_by, opened, replies[0], context, targets[-1]))
        rows = [self._ledger_row(principal, order, reply) for reply in replies]
        rows[0] |= {"idempotency_key": order.idempotency_key, "request_hash": order.hash}
        models = [(call.provider, call.model) for call in forecasts]
        limits += self._rate_limits.count_calls(work, principal, order.surface, models)
        self._budgets.reserve(work, principal, forecasts, steps=2 if opened.then else 1)
        said = () if opened.goes_on else tuple(reply.message for reply in replies)
        said = (question, *said) if question else said
        if not work.turns.begin(said, rows[0], changes, goes_on=opened.goes_on.id if opened.goes_on else None):
            refuse_busy(work, principal, opened.chat)
            raise _KeyTaken
        work.turns.beside(rows[1:])
        self._enclosures.enclose(work, question, opened.files)
        return [_Begun(reply, follow, "titled_by" in changes and reply is replies[0]) for reply in replies], limits

    def _context(self, work: UnitOfWork, principal: Principal, opened: Opening) -> Sequence[Spoken]:
        """What was said before."""
        if opened.context is not None:
            return opened.context
        leaf = opened.goes_on.id if opened.goes_on else opened.parent_id
        return self._enclosures.spoken(work, principal.user_id, work.messages.context(principal.user_id, leaf))

    def _targets(self, work: UnitOfWork, principal: Principal, opened: Opening) -> list[Target]:
        """The models that are asked, in order."""
        targets = [self._model_configs.target(work, principal, opened.chat, wish) for wish in opened.calls]
        if opened.system is None:
            return targets
        given = {"system_prompt_from": "message"}
        return [replace(target, system=opened.system, notes=given) for target in targets]

    def _ledger_row(self, principal: Principal, order: Order, reply: Reply) -> dict[str, Any]:
        message, target = reply.message, reply.target
        row = queued(
            principal,
            reply.generation_id,
            owner=self._generations.owner,
            surface=order.surface,
            provider=target.vendor.id,
            model=target.model,
            config=target.config,
            api_key_id=order.api_key_id,
            notes=reply.notes,
        )
        return row | {"chat_id": message.chat_id, "message_id": message.id, "user_message_id": reply.question_id}

    def _answer(self, principal: Principal, order: Order, answer: Callable[[str], Reply]) -> Follow:
        """What begins the answer to a plan, once that has its words."""

        def follow(text: str) -> Following:
            reply = answer(text)
            row = self._ledger_row(principal, order, reply)
            return Following(Sequel(reply.message, row), lambda: self._run(principal, order, reply))

        return follow

    # After the commit

    def _run(self, principal: Principal, order: Order, reply: Reply, follow: Follow | None = None) -> Run:
        target, message = reply.target, reply.message
        request = CompletionRequest(
            model=target.model,
            turns=reply.turns,
            system=target.system,
            temperature=target.temperature,
            top_p=target.top_p,
            max_tokens=target.max_tokens,
        )
        plan = Plan(
            user_id=principal.user_id,
            generation_id=reply.generation_id,
            provider=target.vendor.id,
            model=target.model,
            surface=order.surface,
            chat_id=message.chat_id,
            message=message,
            user_message_id=reply.question_id,
            notes=reply.notes,
            prompt_size=_size(reply),
            turns=len(reply.turns),
            seam=Seam(message.content) if message.content else None,
            rates=target.facts.rates,
            follow=follow,
        )
        return self._generations.begin(plan, self._encoded(target, request))

    def _encoded(self, target: Target, request: CompletionRequest) -> Call | AppError:
        """An error here is the reply's typed end: the message is acknowledged already."""
        try:
            if (opened := self._enclosures.opened(request.turns)) is not request.turns:
                request = replace(request, turns=opened)
            return self._model_configs.call(target, request)
        except AppError as error:
            return error

    # Idempotency

    def replay(self, principal: Principal, generation: Generation) -> list[Sent]:
        """What a generation's request had stored."""
        ids = generation.notes.get("compared", [str(generation.id)])

        def read(work: UnitOfWork) -> list[Sent]:
            rows = (work.generations.get_owned(UUID(one), principal.user_id) for one in ids)
            return [_sent(work, principal, row) for row in rows if row is not None]

        return self._store.read(read)

    def arrived(self, principal: Principal, sent: Sent) -> Sent:
        """The reply that has come of a request by now: a plan's answer, once it is begun."""
        generation = self._generations.get(principal, str(sent.generation_id))
        following = generation.notes.get("next")
        if following is None:
            return sent
        found = self.replay(principal, self._generations.get(principal, following))[0]
        plan = self.replay(principal, generation)[0].message
        return replace(found, plan=plan, replayed=sent.replayed)

    def _earlier(self, principal: Principal, order: Order) -> list[Sent]:
        """The result of an earlier request with the same key. Raises Invalid when that one said something else."""
        key = order.key
        if key is None:
            return []

        def look(work: UnitOfWork) -> Generation | None:
            if recalled(work, principal.user_id, key) is not None:
                raise Invalid(SAID_OTHERWISE.format(what="message"))
            return work.generations.by_idempotency_key(principal.user_id, key.value)

        earlier = self._store.read(look)
        if earlier is None:
            return []
        if clock.now() - earlier.queued_at > KEY_LIFE:
            self._store.write(lambda work: work.generations.forget_idempotency_key(principal.user_id, earlier.id))
            return []
        if earlier.request_hash != key.said:
            raise Invalid(SAID_OTHERWISE.format(what="message"))
        return self.replay(principal, earlier)

    def _freed(self, principal: Principal, refusal: ChatBusy) -> bool:
        """Whether the reply that kept the chat busy belonged to a process that died, and is ended now."""
        generation = self._generations.get(principal, refusal.extra["generation_id"])
        if not generation.active:
            return True
        recovery = self._generations.recovery
        return recovery.is_dead(generation.owner) and recovery.recover(generation.owner) > 0


def _is_stored(work: UnitOfWork, principal: Principal, reply: Reply) -> bool:
    return work.generations.get_owned(reply.generation_id, principal.user_id) is not None


def _changes(opened: Opening, question: Message | None, first: Reply) -> dict[str, Any]:
    """Of the chat's columns: its end, the model of a new one, its first words for a title."""
    changes: dict[str, Any] = {
        "head_id": first.message.id,
        "last_seq": opened.chat.last_seq,
        "updated_at": clock.now(),
    }
    if opened.is_new and opened.wishes[0].names_model:
        changes |= _model_of(first.target)
    if question is not None and question.parent_id is None and opened.chat.titled_by == "default":
        changes |= {"title": title_from(question.content), "titled_by": "words"}
    return changes


def _model_of(target: Target) -> dict[str, Any]:
    """A chat's columns that say which model takes its messages."""
    if target.config is None:
        return {"model_config_id": None, "model": f"{target.vendor.id}/{target.model}"}
    return {"model_config_id": target.config.id, "model": None}


def busy(running: Generation) -> ChatBusy:
    """The refusal of whatever cannot be done while a reply runs."""
    words = "A reply is still running in this chat; wait for it or stop it."
    return ChatBusy(words, generation_id=str(running.id))


def refuse_busy(work: UnitOfWork, principal: Principal, chat: Chat) -> None:
    """Raises ChatBusy while a reply runs in the chat."""
    if running := work.generations.active_in_chat(principal.user_id, chat.id):
        raise busy(running)


def _sent(work: UnitOfWork, principal: Principal, generation: Generation) -> Sent:
    user_message = generation.user_message_id and work.messages.get_owned(generation.user_message_id, principal.user_id)
    message = generation.message_id and work.messages.get_owned(generation.message_id, principal.user_id)
    return Sent(
        generation.id,
        user_message or None,
        message or None,
        replayed=True,
        status=generation.status,
        notes=generation.notes,
    )


def _forecast(reply: Reply) -> Forecast:
    return forecast(reply.generation_id, reply.target, _size(reply), len(reply.turns))


def _forecast_by(plan: Forecast, answer_id: UUID, planned: Reply, target: Target) -> Forecast:
    """What the answer to a plan may come to, before that is made."""
    said = math.ceil((plan.output_tokens or OUTPUT_GUESS) * BYTES_A_TOKEN)
    return forecast(answer_id, target, _size(planned) + said, len(planned.turns) + 2)


def _size(reply: Reply) -> int:
    return sum(map(size_of, reply.turns))
