"""Sending a message: one short transaction acknowledges it, then the reply runs by itself."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from uuid import UUID

import msgspec

from api.domain import clock
from api.domain.chats import Chat, Message, checked_content, title_from
from api.domain.context import fitted
from api.domain.conversation import CompletionRequest, Turn
from api.domain.errors import AppError, ChatBusy, Invalid, NotFound
from api.domain.generations import Generation
from api.domain.ids import new_id, parse_id
from api.domain.principal import Principal
from api.providers.base import Call
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.generations import GenerationService, Plan
from api.services.model_configs import ModelConfigService, Target, Wish
from api.services.rate_limits import LimitState, RateLimitService, told

KEY_LIFE = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as a client sends it."""

    content: str
    parent_id: str | None = None
    wish: Wish = field(default_factory=Wish)
    surface: str = "native"
    idempotency_key: str | None = None
    api_key_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the transaction stored. `replayed`: an earlier request with the same Idempotency-Key did it."""

    generation_id: UUID
    user_message: Message | None
    message: Message | None
    replayed: bool = False
    status: str = "queued"
    notes: Mapping[str, Any] = field(default_factory=dict)


class _KeyTaken(Exception):
    """The idempotency key is in use; ends the transaction."""


@dataclass(slots=True)
class _Turned:
    """What the transaction hands to the part after the commit."""

    chat: Chat
    target: Target
    user_message: Message
    message: Message
    turns: tuple[Turn, ...]
    generation_id: UUID
    notes: dict[str, Any]
    limits: tuple[LimitState, ...]


class MessageService:
    def __init__(
        self,
        store: Store,
        generations: GenerationService,
        model_configs: ModelConfigService,
        rate_limits: RateLimitService,
        max_chars: int,
    ) -> None:
        self._store = store
        self._rate_limits = rate_limits
        self._generations = generations
        self._model_configs = model_configs
        self._max_chars = max_chars

    def send(self, principal: Principal, chat: str, draft: Draft) -> Sent:
        """Store the message and begin its reply.

        Raises NotFound, Invalid, ChatBusy (409 with the running generation), Overloaded, StoreUnavailable, and what
        the choice of a model raises. With an Idempotency-Key seen in the last 24 hours: the same `Sent` again.
        """
        try:
            checked_content(draft.content, self._max_chars)
            self._generations.refuse_if_full()
            turned = self._turned(principal, chat, draft)
        except (AppError, _KeyTaken) as refusal:  # whatever refuses it now, what was done before is done
            if sent := self._earlier(principal, chat, draft):
                return sent
            if isinstance(refusal, ChatBusy) and not self._freed(principal, refusal):
                raise
            if not isinstance(refusal, ChatBusy | _KeyTaken):
                raise
            turned = self._turned(principal, chat, draft)
        self._begin(principal, turned)
        return Sent(turned.generation_id, turned.user_message, turned.message, notes=turned.notes)

    def replay(self, principal: Principal, generation: Generation) -> Sent:
        """What a generation's request had stored."""
        return self._store.read(lambda work: _sent(work, principal, generation))

    def _turned(self, principal: Principal, chat: str, draft: Draft) -> _Turned:
        turned = self._store.write(lambda work: self._turn(work, principal, chat, draft))
        told(turned.limits)
        return turned

    # In the transaction

    def _turn(self, work: UnitOfWork, principal: Principal, reference: str, draft: Draft) -> _Turned:
        limits = self._rate_limits.count_within(work, principal, generations=1)
        chat = work.chats.grow(principal.user_id, reference, 2)
        if chat is None:
            raise NotFound("There is no such chat.")
        parent_id = self._parent(work, principal, chat, draft)
        target = self._model_configs.target(work, principal, chat, draft.wish)
        context = work.messages.context(principal.user_id, parent_id)
        turns, dropped = self._fit(context, draft.content, target)
        notes: dict[str, Any] = {"left_out_turns": dropped} if dropped else {}
        if target.system_from:
            notes["system_prompt_from"] = target.system_from
        user_message, message = _pair(principal.user_id, chat, parent_id, draft, target)
        generation_id = new_id()
        row = _ledger_row(
            generation_id=generation_id,
            chat=chat,
            user_message=user_message,
            message=message,
            target=target,
            draft=draft,
            notes=notes,
        )
        row |= {"owner": self._generations.owner, "request_hash": _hash(reference, draft)}
        changes: dict[str, Any] = {"head_id": message.id}
        if chat.titled_by == "default" and parent_id is None:
            changes |= {"title": title_from(draft.content), "titled_by": "words"}
        if not work.turns.begin((user_message, message), row, changes):
            self._refuse(work, principal, chat)
        return _Turned(chat, target, user_message, message, turns, generation_id, notes, limits)

    @staticmethod
    def _refuse(work: UnitOfWork, principal: Principal, chat: Chat) -> NoReturn:
        if running := work.generations.active_in_chat(principal.user_id, chat.id):
            raise ChatBusy(
                "A reply is still running in this chat; wait for it or stop it.", generation_id=str(running.id)
            )
        raise _KeyTaken

    @staticmethod
    def _parent(work: UnitOfWork, principal: Principal, chat: Chat, draft: Draft) -> UUID | None:
        if draft.parent_id is None:
            return chat.head_id
        parent_id = parse_id(draft.parent_id)
        if parent_id is None or not work.messages.exists_in(principal.user_id, chat.id, parent_id):
            raise NotFound("There is no such message in this chat to answer to.")
        return parent_id

    @staticmethod
    def _fit(context: list[tuple[str, str]], content: str, target: Target) -> tuple[tuple[Turn, ...], int]:
        turns = [Turn(role, text) for role, text in context if text]  # type: ignore[arg-type]
        turns.append(Turn("user", content))
        return fitted(turns, target.system, window=target.facts.context_window, reserve=target.max_tokens)

    # After the commit

    def _begin(self, principal: Principal, turned: _Turned) -> None:
        target = turned.target
        request = CompletionRequest(
            model=target.model,
            turns=turned.turns,
            system=target.system,
            temperature=target.temperature,
            top_p=target.top_p,
            max_tokens=target.max_tokens,
        )
        call = self._encoded(target, request)
        plan = Plan(
            user_id=principal.user_id,
            generation_id=turned.generation_id,
            provider=target.vendor.id,
            model=target.model,
            surface="native",
            chat_id=turned.chat.id,
            message=turned.message,
            user_message_id=turned.user_message.id,
            notes=turned.notes,
            prompt_size=sum(len(turn.content.encode()) for turn in turned.turns),
            turns=len(turned.turns),
        )
        self._generations.begin(plan, call)

    def _encoded(self, target: Target, request: CompletionRequest) -> Call | AppError:
        """An error here is the reply's typed end: the message is acknowledged already."""
        try:
            return self._model_configs.call(target, request)
        except AppError as error:
            return error

    # Idempotency

    def _earlier(self, principal: Principal, chat: str, draft: Draft) -> Sent | None:
        """The result of an earlier request with the same key. Raises Invalid when that one said something else."""
        key = draft.idempotency_key
        if key is None:
            return None
        earlier = self._store.read(lambda work: work.generations.by_idempotency_key(principal.user_id, key))
        if earlier is None:
            return None
        if clock.now() - earlier.queued_at > KEY_LIFE:
            self._store.write(lambda work: work.generations.forget_idempotency_key(principal.user_id, earlier.id))
            return None
        if earlier.request_hash != _hash(chat, draft):
            raise Invalid("This Idempotency-Key came with another request before; use a new key for a new message.")
        return self.replay(principal, earlier)

    def _freed(self, principal: Principal, refusal: ChatBusy) -> bool:
        """Whether the reply that kept the chat busy belonged to a process that died, and is ended now."""
        generation = self._generations.get(principal, refusal.extra["generation_id"])
        if not generation.active:
            return True
        recovery = self._generations.recovery
        return recovery.is_dead(generation.owner) and recovery.recover(generation.owner) > 0


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


def _pair(user_id: UUID, chat: Chat, parent_id: UUID | None, draft: Draft, target: Target) -> tuple[Message, Message]:
    now = clock.now()
    shared: dict[str, Any] = {
        "user_id": user_id,
        "chat_id": chat.id,
        "kind": "text",
        "reasoning": None,
        "parts": None,
        "metadata": {},
        "created_at": now,
    }
    question = Message(
        **shared,
        id=new_id(),
        parent_id=parent_id,
        seq=chat.last_seq - 1,
        role="user",
        content=draft.content,
        model=None,
        provider=None,
        status="complete",
    )
    answer = Message(
        **shared,
        id=new_id(),
        parent_id=question.id,
        seq=chat.last_seq,
        role="assistant",
        content="",
        model=target.model,
        provider=target.vendor.id,
        status="running",
    )
    return question, answer


def _ledger_row(
    *,
    generation_id: UUID,
    chat: Chat,
    user_message: Message,
    message: Message,
    target: Target,
    draft: Draft,
    notes: dict[str, Any],
) -> dict[str, Any]:
    return {
        "user_id": chat.user_id,
        "id": generation_id,
        "chat_id": chat.id,
        "message_id": message.id,
        "user_message_id": user_message.id,
        "api_key_id": draft.api_key_id,
        "model_config_id": target.config.id if target.config else None,
        "surface": draft.surface,
        "provider": target.vendor.id,
        "model": target.model,
        "status": "queued",
        "idempotency_key": draft.idempotency_key,
        "notes": notes,
        "queued_at": message.created_at,
    }


def _hash(chat: str, draft: Draft) -> str | None:
    """What makes two requests the same: the chat, and all that the body says."""
    if draft.idempotency_key is None:
        return None
    said = (chat, draft.content, draft.parent_id, draft.wish.model, str(draft.wish.model_config_id))
    numbers = (draft.wish.temperature, draft.wish.top_p, draft.wish.max_tokens)
    return hashlib.sha256(msgspec.json.encode((said, numbers))).hexdigest()
