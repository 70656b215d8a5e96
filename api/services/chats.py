"""Chats: made, listed, changed, opened, deleted."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from api.domain import clock
from api.domain.chats import NEW_CHAT, PROMPT_VALUES, SLUG, Chat, Message, Reference, spoken
from api.domain.errors import AlreadyTaken, Invalid, NotFound
from api.domain.ids import new_id, parse_id
from api.domain.principal import Principal
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.choice import NO_CONFIG
from api.services.generations import GenerationService
from api.services.once import CallKey, keep, recalled
from api.services.system_prompts import NO_PROMPT, usable_prompt

OPENED = 50
Side = Literal["before", "after", "around"]
NO_CHAT = "There is no such chat."
NO_MESSAGE = "There is no such message in this chat."


@dataclass(frozen=True, slots=True)
class ChatPage:
    """`next_cursor` asks for the page after this one; None at the end."""

    items: list[Chat]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ChatFilter:
    archived: bool | None = None
    pinned: bool | None = None
    folder: str | None = None  # empty: in none
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Which messages of a chat: around one, or next to it. Without one, the newest."""

    side: Side = "before"
    message: str | None = None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """`more`: earlier ones of the branch are left; `more_after`: later ones."""

    items: list[Message]
    more: bool
    more_after: bool


class ChatService:
    def __init__(self, store: Store, generations: GenerationService) -> None:
        self._store = store
        self._generations = generations

    def create(self, principal: Principal, values: Mapping[str, Any]) -> Chat:
        """A new chat of documented fields. Raises AlreadyTaken for a slug in use, NotFound for a config."""
        return self._store.write(lambda work: self.made(work, principal, dict(values)))

    def create_once(self, principal: Principal, values: Mapping[str, Any], key: CallKey | None) -> tuple[Chat, bool]:
        """`create`, and whether an earlier request with the key did it. Raises also Invalid and Conflict over the key,
        NotFound where that chat is gone."""

        def store(work: UnitOfWork) -> tuple[Chat, bool]:
            work.accounts.hold(principal.user_id)  # of requests of one moment, one after the other
            if (made_id := recalled(work, principal.user_id, key)) is not None:
                return _found(work.chats.get_owned(str(made_id), principal.user_id)), True
            chat = self.made(work, principal, dict(values))
            keep(work, principal.user_id, key, chat.id)
            return chat, False

        return (self.create(principal, values), False) if key is None else self._store.write(store)

    def made(self, work: UnitOfWork, principal: Principal, values: dict[str, Any], *, any_slug: bool = False) -> Chat:
        """`create` as part of a transaction. `any_slug`: one may look like a UUID too."""
        self._check_links(work, principal, values)
        chat_id = new_id()
        now = clock.now()
        title = values.pop("title", None)
        values |= {
            "user_id": principal.user_id,
            "id": chat_id,
            "number": work.chats.next_number(principal.user_id),
            "slug": _checked_slug(values["slug"], any_slug) if "slug" in values else new_slug(),
            "title": title or NEW_CHAT,
            "titled_by": "user" if title else "default",
            "created_at": now,
            "updated_at": now,
        }
        if not work.chats.add(values):
            raise _taken(values["slug"])
        chat = work.chats.get_owned(str(chat_id), principal.user_id)
        assert chat is not None
        return chat

    def page(self, principal: Principal, limit: int, cursor: str | None, wanted: ChatFilter) -> ChatPage:
        """Newest activity first, without message texts. Raises Invalid for a cursor that is not ours."""
        before = _decoded(cursor) if cursor else None
        items = self._store.read(
            lambda work: work.chats.page(
                principal.user_id,
                limit=limit + 1,
                before=before,
                archived=wanted.archived,
                pinned=wanted.pinned,
                folder=wanted.folder,
                tag=wanted.tag,
            )
        )
        more = len(items) > limit
        return ChatPage(items[:limit], _encoded(items[limit - 1]) if more else None)

    def all(self, principal: Principal) -> list[Chat]:
        """Every chat but the temporary ones, newest first, for clients that know no pages."""
        return self._store.read(lambda work: work.chats.all(principal.user_id))

    def get(self, principal: Principal, reference: Reference) -> Chat:
        """By id, slug or number. Raises NotFound."""
        return _found(self._store.read(lambda work: work.chats.get_owned(reference, principal.user_id)))

    def open(self, principal: Principal, reference: str) -> tuple[Chat, list[Message]]:
        """The chat and the newest 50 messages of its active path, oldest first."""

        def read(work: UnitOfWork) -> tuple[Chat, list[Message]]:
            chat = _found(work.chats.get_owned(reference, principal.user_id))
            return chat, work.messages.path(principal.user_id, chat.head_id, OPENED)

        return self._store.read(read)

    def whole(self, principal: Principal, reference: Reference) -> tuple[Chat, list[Message]]:
        """The chat and its whole active path, oldest first, for clients that know no pages."""

        def read(work: UnitOfWork) -> tuple[Chat, list[Message]]:
            chat = _found(work.chats.get_owned(reference, principal.user_id))
            return chat, work.messages.whole_path(principal.user_id, chat.head_id)

        return self._store.read(read)

    def said(self, principal: Principal, reference: Reference, limit: int, offset: int) -> tuple[list[Message], int]:
        """A part of what was said on the active path, oldest first, and how much that is; of no chat, nothing."""

        def read(work: UnitOfWork) -> list[Message]:
            chat = work.chats.get_owned(reference, principal.user_id)
            return spoken(work.messages.whole_path(principal.user_id, chat.head_id)) if chat else []

        found = self._store.read(read)
        return found[offset : offset + limit], len(found)

    def messages(self, principal: Principal, reference: str, spot: Spot, limit: int) -> MessagePage:
        """Up to `limit` messages of one branch, oldest first, with their siblings' ids. Raises NotFound.

        The branch is the one that is shown, or, of a message that is not on it, the one that showing it would show."""

        def read(work: UnitOfWork) -> MessagePage:
            chat = _found(work.chats.get_owned(reference, principal.user_id))
            if spot.message is None:
                return _page_before(work, chat, chat.head_id, limit, last=True)
            message_id = parse_id(spot.message)
            message = work.messages.get_owned(message_id, principal.user_id) if message_id else None
            if message is None or message.chat_id != chat.id:
                raise NotFound(NO_MESSAGE)
            if spot.side == "before":
                return _page_before(work, chat, message.parent_id, limit, last=False)
            branch = _branch_of(work, chat, message)
            if message.id not in branch:  # it goes at this moment
                raise NotFound(NO_MESSAGE)
            at = branch.index(message.id)
            begin = at + 1 if spot.side == "after" else max(0, min(at - limit // 2, len(branch) - limit))
            end = begin + limit
            items = work.messages.shown(principal.user_id, branch[begin:end])
            return MessagePage(items, begin > 0, end < len(branch))

        return self._store.read(read)

    def change(self, principal: Principal, reference: str, values: Mapping[str, Any]) -> Chat:
        """Change the given fields only. Raises NotFound, AlreadyTaken for a slug in use."""
        return self._store.write(lambda work: self._change(work, principal, reference, dict(values)))

    def _change(self, work: UnitOfWork, principal: Principal, reference: str, values: dict[str, Any]) -> Chat:
        chat = _found(work.chats.get_owned(reference, principal.user_id))
        self._check_links(work, principal, values)
        if "slug" in values:
            work.accounts.hold(principal.user_id)  # of parallel claims, one after the other
            other = work.chats.get_owned(_checked_slug(values["slug"]), principal.user_id)
            if other is not None and other.id != chat.id:
                raise _taken(values["slug"])
        if "title" in values:
            values["titled_by"] = "user"
        if values.get("prompt_id", chat.prompt_id) != chat.prompt_id and "parameters" not in values:
            values["parameters"] = {n: value for n, value in chat.parameters.items() if n != PROMPT_VALUES}
        if values:
            work.chats.change(principal.user_id, chat.id, values)
        return replace(chat, **values)

    def delete(self, principal: Principal, reference: Reference) -> None:
        """Remove the chat with its messages; a reply that runs in it is stopped first. Raises NotFound."""
        chat = self.get(principal, reference)
        if chat.active_generation_id is not None:
            self._generations.stop_all(principal.user_id, chat.id)
        self._store.write(lambda work: work.chats.delete(principal.user_id, chat.id))

    @staticmethod
    def _check_links(work: UnitOfWork, principal: Principal, values: Mapping[str, Any]) -> None:
        """Config and prompt are the account's to use. Raises NotFound."""
        config_id, prompt_id = values.get("model_config_id"), values.get("prompt_id")
        if config_id and work.model_configs.get_usable(config_id, principal.user_id) is None:
            raise NotFound(NO_CONFIG)
        if prompt_id and usable_prompt(work, principal, prompt_id) is None:
            raise NotFound(NO_PROMPT)


def _page_before(work: UnitOfWork, chat: Chat, leaf: UUID | None, limit: int, *, last: bool) -> MessagePage:
    """The messages down to `leaf`; `last`: nothing follows it."""
    found = work.messages.path(chat.user_id, leaf, limit + 1)
    return MessagePage(found[-limit:], len(found) > limit, not last)


def _branch_of(work: UnitOfWork, chat: Chat, message: Message) -> list[UUID]:
    """The ids of the branch that is shown or that showing the message would show, from the first message on."""
    shown = work.messages.path_ids(chat.user_id, chat.head_id)
    if message.id in shown:
        return shown
    return work.messages.path_ids(chat.user_id, work.messages.newest_below(chat.user_id, message.id))


def _found(chat: Chat | None) -> Chat:
    if chat is None:
        raise NotFound(NO_CHAT)
    return chat


def new_slug(key: str | None = None) -> str:
    """A chat's id in words of our own, which no prompt's id or slug can be equal to, for the underscore; of the same
    Idempotency-Key the same."""
    if key is None:
        return f"c_{secrets.token_urlsafe(9)}"
    return f"c_{urlsafe_b64encode(hashlib.sha256(key.encode()).digest()[:18]).decode()}"


def _taken(slug: str) -> AlreadyTaken:
    return AlreadyTaken.at("slug", f"You have a chat with the id {slug!r} already; choose another.", code="taken")


def _checked_slug(slug: str, any_slug: bool = False) -> str:
    """A slug that reads as a UUID could be taken for another chat's id: only for clients that name chats so."""
    if not SLUG.fullmatch(slug):
        raise Invalid.at("slug", "A chat's own id has 1 to 50 letters, digits, _ or -.")
    if parse_id(slug) is not None and not any_slug:
        raise Invalid.at("slug", "A chat's own id has 1 to 50 letters, digits, _ or -, and is not a UUID.")
    return slug


def _encoded(chat: Chat) -> str:
    return urlsafe_b64encode(f"{chat.updated_at.isoformat()}|{chat.id}".encode()).decode()


def _decoded(cursor: str) -> tuple[dt.datetime, UUID]:
    try:
        moment, chat_id = urlsafe_b64decode(cursor.encode()).decode().split("|")
        at = dt.datetime.fromisoformat(moment)
        if at.utcoffset() != dt.timedelta(0):
            raise ValueError("not in UTC")
        return at, UUID(chat_id)
    except ValueError as error:
        raise Invalid.at("cursor", "This cursor is not one that the list gave; start again without it.") from error
