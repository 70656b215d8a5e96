"""Folders and tags with their counts, and actions on many chats at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api.domain.chats import Chat
from api.domain.folders import MOST_TAGS, Action, Label, with_tags, without_tags
from api.domain.ids import parse_id
from api.domain.principal import Principal
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.chats import NO_CHAT
from api.services.generations import GenerationService

VALUES: Final[Mapping[Action, Mapping[str, bool]]] = {
    "archive": {"archived": True},
    "unarchive": {"archived": False},
    "pin": {"pinned": True},
    "unpin": {"pinned": False},
}


@dataclass(frozen=True, slots=True)
class Shelves:
    """`unfiled`: the chats in no folder."""

    folders: list[Label]
    tags: list[Label]
    unfiled: Label


@dataclass(frozen=True, slots=True)
class Order:
    """What to do to many chats: `folder` is for `move` (None takes them out), `tags` for `tag` and `untag`."""

    action: Action
    chats: Sequence[str]
    folder: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of them; `code` and `detail` say why it was left as it is."""

    id: str
    done: bool
    code: str | None = None
    detail: str | None = None


class FolderService:
    def __init__(self, store: Store, generations: GenerationService) -> None:
        self._store = store
        self._generations = generations

    def all(self, principal: Principal) -> Shelves:
        """Folders and tags by name, without temporary chats."""
        user_id = principal.user_id
        folders, tags = self._store.read(lambda work: (work.folders.folders(user_id), work.folders.tags(user_id)))
        unfiled = next((label for label in folders if not label.name), Label("", 0, 0))
        return Shelves(_sorted(label for label in folders if label.name), _sorted(tags), unfiled)

    def bulk(self, principal: Principal, order: Order) -> list[Outcome]:
        """Carry it out on each chat that can take it, in one transaction."""
        if order.action == "delete":
            return self._delete(principal, order)
        return self._store.write(lambda work: self._change(work, principal, order))

    def _change(self, work: UnitOfWork, principal: Principal, order: Order) -> list[Outcome]:
        found = _named(work, principal, order.chats)
        refused: dict[str, Outcome] = {}
        tags: dict[UUID, list[str]] = {}
        if order.action in ("tag", "untag"):
            changed = with_tags if order.action == "tag" else without_tags
            for reference, chat in found.items():
                tags[chat.id] = changed(chat.tags, order.tags)
                if len(tags[chat.id]) > MOST_TAGS:
                    del tags[chat.id]
                    refused[reference] = Outcome(reference, False, "too_many_tags", f"It would have over {MOST_TAGS}.")
            work.folders.set_tags(principal.user_id, tags)
        elif found:
            values = {"folder": order.folder} if order.action == "move" else VALUES[order.action]
            work.folders.change(principal.user_id, [chat.id for chat in found.values()], values)
        return _outcomes(order.chats, found, refused)

    def _delete(self, principal: Principal, order: Order) -> list[Outcome]:
        """Replies that run in them are stopped first."""
        for chat in self._store.read(lambda work: _named(work, principal, order.chats)).values():
            if chat.active_generation_id is not None:
                self._generations.stop_all(principal.user_id, chat.id)

        def remove(work: UnitOfWork) -> list[Outcome]:
            found = _named(work, principal, order.chats)
            work.folders.delete(principal.user_id, [chat.id for chat in found.values()])
            return _outcomes(order.chats, found, {})

        return self._store.write(remove)


def _named(work: UnitOfWork, principal: Principal, references: Sequence[str]) -> dict[str, Chat]:
    """The user's chats by what they were called."""
    ids = {name: chat_id for name in references if (chat_id := parse_id(name)) is not None}
    chats = work.folders.named(principal.user_id, ids.values(), references)
    by_id, by_slug = {chat.id: chat for chat in chats}, {chat.slug: chat for chat in chats}
    found = {name: (by_id.get(ids[name]) if name in ids else None) or by_slug.get(name) for name in references}
    return {name: chat for name, chat in found.items() if chat is not None}


def _outcomes(references: Sequence[str], found: Mapping[str, Chat], refused: Mapping[str, Outcome]) -> list[Outcome]:
    """In the order of the question; what was named twice is told once."""
    missing = {name: Outcome(name, False, "not_found", NO_CHAT) for name in references if name not in found}
    return [refused.get(name) or missing.get(name) or Outcome(name, True) for name in dict.fromkeys(references)]


def _sorted(labels: Iterable[Label]) -> list[Label]:
    return sorted(labels, key=lambda label: (label.name.casefold(), label.name))
