"""Messages: sent, edited, answered again, gone on with; compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from api.domain.chats import Chat, Message, Reference, Spoken, checked_content
from api.domain.errors import AlreadyTaken, Conflict, Invalid, NotFound
from api.domain.generations import ACTIVE, Generation
from api.domain.ids import parse_id
from api.domain.principal import Principal
from api.repositories.unit_of_work import UnitOfWork
from api.services.chats import ChatService
from api.services.enclosures import Enclosures
from api.services.model_configs import Wish
from api.services.openings import Opening, Order, said_of
from api.services.tree import Edited, TreeService, held, held_chat
from api.services.turns import Sent, Turns, refuse_busy

__all__ = ["Draft", "Edited", "MessageService", "Sent"]

CAN_GO_ON = ("stopped", "interrupted", "length", "error")


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as a client sends it; without text, what is wished of another answer to an old one.

    `opens`: the chat is made, with these fields, where there is none of that slug; `any_slug`: of whatever form that
    is. `history`: role and text of what the model is to know in place of what is stored; `system`: its system prompt,
    likewise. `attachments`: ids of files; None for none or, of an edit, for the old ones. `said`: what the request
    says, where it does not say it in these words: a command, for the Idempotency-Key.
    """

    content: str = ""
    parent_id: str | None = None
    wish: Wish = field(default_factory=Wish)
    surface: str = "native"
    idempotency_key: str | None = None
    api_key_id: UUID | None = None
    opens: Mapping[str, Any] | None = None
    any_slug: bool = False
    history: tuple[tuple[str, str], ...] | None = None
    system: str | None = None
    attachments: tuple[str, ...] | None = None
    said: tuple[str, ...] = ()

    def order(self, *said: object) -> Order:
        """`said`: what the request says besides the wish."""
        if self.said:
            return Order(self.said, self.idempotency_key, self.surface, self.api_key_id)
        more: tuple[object, ...] = () if self.history is None else (self.history, self.system)
        more += () if self.attachments is None else (self.attachments,)
        return Order((*said, *said_of(self.wish), *more), self.idempotency_key, self.surface, self.api_key_id)

    def plan_of(self, chat: Chat) -> dict[str, Any] | None:
        """By what plan mode the message is answered: by none if it names its model, or comes from a client that knows
        of none."""
        named = self.wish.model is not None or self.wish.model_config_id is not None
        return None if named or self.surface != "native" else chat.plan


class MessageService:
    """Everything here raises what `Turns.begin` raises, NotFound for another's message, and Invalid for a text that
    cannot be one."""

    def __init__(
        self, turns: Turns, tree: TreeService, chats: ChatService, enclosures: Enclosures, max_chars: int
    ) -> None:
        self._turns = turns
        self._enclosures = enclosures
        self._tree = tree
        self._chats = chats
        self._max_chars = max_chars

    def send(self, principal: Principal, chat: Reference, draft: Draft) -> Sent:
        """Store the message and begin its reply."""

        def opening(work: UnitOfWork) -> Opening:
            checked_content(draft.content, self._max_chars)
            grown, is_new = self._opened(work, principal, chat, draft)
            parent_id = _parent(work, principal, grown, draft)
            files = self._enclosures.chosen(work, principal, draft.attachments or ())
            context = None if draft.history is None else [Spoken(role, text) for role, text in draft.history]
            opened = Opening(
                grown,
                parent_id,
                draft.content,
                (draft.wish,),
                files=files,
                context=context,
                system=draft.system,
                is_new=is_new,
            )
            return _planned(work, opened, draft.plan_of(grown))

        return self._turns.begin(principal, draft.order(chat, draft.content, draft.parent_id), opening)[0]

    def _opened(self, work: UnitOfWork, principal: Principal, chat: Reference, draft: Draft) -> tuple[Chat, bool]:
        """The chat, grown by a message and its reply, and whether it was made for them."""
        if draft.opens is None or (parse_id(str(chat)) is not None and not draft.any_slug):
            return held_chat(work, principal, chat).grown(2), False
        if (found := work.chats.hold(chat, principal.user_id)) is not None:
            return found.grown(2), False
        with suppress(AlreadyTaken):  # by another message that came at the same time
            self._chats.made(work, principal, {"slug": chat, **draft.opens}, any_slug=draft.any_slug)
        return held_chat(work, principal, chat).grown(2), True

    def compare(self, principal: Principal, chat: str, draft: Draft, models: Sequence[str]) -> list[Sent]:
        """One message to several models at once: their replies are siblings, the first one is shown."""

        def opening(work: UnitOfWork) -> Opening:
            checked_content(draft.content, self._max_chars)
            grown = held_chat(work, principal, chat).grown(1 + len(models))
            if len(set(models)) < len(models):
                raise Invalid.at("models", "Name each model once.")
            parent_id = _parent(work, principal, grown, draft)
            wishes = tuple(replace(draft.wish, model=model) for model in models)
            files = self._enclosures.chosen(work, principal, draft.attachments or ())
            return Opening(grown, parent_id, draft.content, wishes, files=files)

        order = draft.order("compare", chat, draft.content, draft.parent_id, *models)
        return self._turns.begin(principal, order, opening)

    def edit(self, principal: Principal, reference: str, draft: Draft) -> Sent | Edited:
        """One's own message in other words: a sibling of it, with a reply of its own. The old one stays as it was; its
        files go along, unless others are named. Of a plan: a sibling too, which waits to be executed."""

        order = draft.order("edit", reference, draft.content)
        if (edited := self._tree.edited_before(principal, order.key)) is not None:
            return edited
        if self._tree.is_plan(principal, reference):
            checked_content(draft.content, self._max_chars)
            return self._tree.edit_plan(principal, reference, draft.content, order.key)

        def opening(work: UnitOfWork) -> Opening:
            checked_content(draft.content, self._max_chars)
            old, chat = _held(work, principal, reference, 2)
            if old.role != "user":
                raise Invalid("Only your own messages can be edited; ask for another answer instead.")
            if draft.attachments is None:
                files = self._enclosures.kept(work, old)
            else:
                files = self._enclosures.chosen(work, principal, draft.attachments)
            opened = Opening(chat, old.parent_id, draft.content, (draft.wish,), files=files)
            return _planned(work, opened, draft.plan_of(chat))

        return self._turns.begin(principal, order, opening)[0]

    def regenerate(self, principal: Principal, reference: str, draft: Draft) -> Sent:
        """Another answer beside the given one, by the model that gave it or by another; of one's own message that
        has none yet, the first."""

        def opening(work: UnitOfWork) -> Opening:
            old, chat = _held(work, principal, reference, 1)
            if old.role == "user":
                opened = Opening(chat, old.id, wishes=(draft.wish,), answered=old)
                return _planned(work, opened, draft.plan_of(chat))
            if (answered := _answered(work, principal, old)) is None:
                raise Invalid("This message answers nothing; ask for an answer to one of your own.")
            wish = _same_model(work, principal, old, draft.wish)
            opened = Opening(chat, old.parent_id, wishes=(wish,), answered=answered)
            if old.kind == "plan":
                return _planned(work, opened, chat.plan, planner=wish)
            return opened

        return self._turns.begin(principal, draft.order("regenerate", reference), opening)[0]

    def execute(self, principal: Principal, reference: str, draft: Draft) -> Sent:
        """An answer that follows a plan, by the chat's answering model or by another. Raises Invalid for what is no
        plan, Conflict for one without words."""

        def opening(work: UnitOfWork) -> Opening:
            old, chat = _held(work, principal, reference, 1)
            if old.kind != "plan":
                raise Invalid("Only a plan can be executed.")
            if old.status not in ACTIVE and not old.content.strip():
                raise Conflict("This plan is empty; ask for another one, or write it.")
            mode = draft.plan_of(chat)
            wish = replace(draft.wish, model=mode["answerer"]) if mode else draft.wish
            return Opening(chat, old.id, wishes=(wish,), answered=_answered(work, principal, old))

        return self._turns.begin(principal, draft.order("execute", reference), opening)[0]

    def answered_by(self, principal: Principal, reference: str, draft: Draft, models: Sequence[str]) -> list[Sent]:
        """Several models' answers, beside each other and beside those that are there, to one's own message."""

        def opening(work: UnitOfWork) -> Opening:
            question, chat = _held(work, principal, reference, len(models))
            if question.role != "user" or len(set(models)) < len(models):
                raise Invalid("Name each model once, and a message of your own.")
            wishes = tuple(replace(draft.wish, model=model) for model in models)
            return Opening(chat, question.id, wishes=wishes, answered=question)

        order = draft.order("answered_by", reference, *models)
        return self._turns.begin(principal, order, opening)

    def go_on(self, principal: Principal, reference: str, draft: Draft) -> Sent:
        """Let a reply that was stopped, interrupted or cut grow on, by the model that began it or by another. Raises
        Conflict when it is whole, or when something was said after it: what was answered to is never changed."""

        def opening(work: UnitOfWork) -> Opening:
            old, chat = _held(work, principal, reference, 0)
            if old.role != "assistant" or old.kind != "text":
                raise Invalid("Only a reply can be continued.")
            refuse_busy(work, principal, chat)
            if old.status not in CAN_GO_ON:
                raise Conflict("This reply is whole; there is nothing to continue. Ask for another answer instead.")
            if not old.content:
                raise Conflict("Nothing of this reply has arrived; ask for another answer instead.")
            if work.messages.has_children(principal.user_id, old.id):
                raise Conflict("The conversation went on after this reply; ask for another answer instead.")
            wish = _same_model(work, principal, old, draft.wish)
            answered = _answered(work, principal, old)
            return Opening(chat, old.parent_id, wishes=(wish,), goes_on=old, answered=answered)

        return self._turns.begin(principal, draft.order("continue", reference), opening)[0]

    def replay(self, principal: Principal, generation: Generation) -> list[Sent]:
        """What a generation's request had stored."""
        return self._turns.replay(principal, generation)

    def arrived(self, principal: Principal, sent: Sent) -> Sent:
        """The reply that has come of a request by now: a plan's answer, once it is begun."""
        return self._turns.arrived(principal, sent)


def _planned(work: UnitOfWork, opened: Opening, mode: Mapping[str, Any] | None, planner: Wish | None = None) -> Opening:
    """The same by a chat's plan mode, if it has one: the plan first, and unless that is reviewed, the answer."""
    if mode is None:
        return opened if planner is None else replace(opened, kind="plan")
    wish = opened.wishes[0]
    opened = replace(opened, wishes=(planner or replace(wish, model=mode["planner"]),), kind="plan")
    if mode["review"]:
        return opened
    then = replace(wish, model=mode["answerer"], model_config_id=None)
    return replace(opened, chat=opened.chat.grown(1), then=then)


def _held(work: UnitOfWork, principal: Principal, reference: str, grows_by: int) -> tuple[Message, Chat]:
    """The message and its chat, held for this transaction, with places for so many messages more."""
    message, chat = held(work, principal, reference)
    return message, chat.grown(grows_by)


def _parent(work: UnitOfWork, principal: Principal, chat: Chat, draft: Draft) -> UUID | None:
    if draft.parent_id is None:
        return chat.head_id
    parent_id = parse_id(draft.parent_id)
    if parent_id is None or not work.messages.exists_in(principal.user_id, chat.id, parent_id):
        raise NotFound("There is no such message in this chat to answer to.")
    return parent_id


def _answered(work: UnitOfWork, principal: Principal, reply: Message) -> Message | None:
    """What the user said; a plan may stand between that and its answer."""
    found = work.messages.get_owned(reply.parent_id, principal.user_id) if reply.parent_id else None
    return _answered(work, principal, found) if found and found.kind == "plan" else found


def _same_model(work: UnitOfWork, principal: Principal, old: Message, wish: Wish) -> Wish:
    """The wish, or the model and config of the reply where those are still there."""
    if wish.model is not None or wish.model_config_id is not None or old.model is None:
        return wish
    made_by = parse_id(str(old.metadata.get("generation_id", "")))
    generation = work.generations.get_owned(made_by, principal.user_id) if made_by else None
    config_id = generation.model_config_id if generation else None
    if config_id is None:
        return replace(wish, model=f"{old.provider}/{old.model}")
    if work.model_configs.get_usable(config_id, principal.user_id) is not None:
        return replace(wish, model=old.model, model_config_id=config_id)
    return wish
