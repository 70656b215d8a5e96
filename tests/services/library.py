"""Messages that are there without a model, to be searched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain import clock
from api.domain.chats import Message
from api.domain.ids import new_id
from api.domain.principal import ALL_SCOPES, Principal
from api.models.accounts import USERS
from api.repositories.unit_of_work import Store
from api.services.search import Hit, SearchService


class Library:
    """Messages stored as they are, without models."""

    def __init__(self, store: Store, who: Principal) -> None:
        self.store = store
        self.who = who
        self.service = SearchService(store)

    def chat(self, **values: Any) -> UUID:
        row = {"user_id": self.who.user_id, "id": new_id(), "slug": new_id().hex, "title": "Untitled"} | values

        def make(work: Any) -> None:
            work.chats.add(row | {"number": work.chats.next_number(self.who.user_id)})

        self.store.write(make)
        return row["id"]

    def say(self, chat: UUID, *texts: str, **values: Any) -> list[UUID]:
        """Below each other; where no `parent_id` is given, below the chat's head."""

        def add(work: Any) -> list[UUID]:
            held = work.chats.hold(str(chat), self.who.user_id)
            parent = values.get("parent_id", held.head_id)
            made = []
            for seq, text in enumerate(texts, held.last_seq + 1):
                row = {
                    "role": "user",
                    "kind": "text",
                    "reasoning": None,
                    "parts": None,
                    "model": None,
                    "provider": None,
                }
                row |= (
                    {"status": "complete", "metadata": {}, "created_at": clock.now()} | values | {"parent_id": parent}
                )
                message = Message(self.who.user_id, new_id(), chat, seq=seq, content=text, **row)
                work.messages.add([message])
                made.append(message.id)
                parent = message.id
            changes = {"head_id": parent, "last_seq": held.grown(len(texts)).last_seq, "updated_at": clock.now()}
            work.chats.change(self.who.user_id, chat, changes)
            return made

        return self.store.write(add)

    def pages(self, query: str, limit: int = 20) -> Iterator[list[Hit]]:
        cursor = None
        for _ in range(200):
            page = self.service.search(self.who, query, limit, cursor)
            assert len(page.items) <= limit + 5
            yield page.items
            cursor = page.next_cursor
            if cursor is None:
                return
        raise AssertionError("it never ends")

    def found(self, query: str) -> list[UUID]:
        """The messages of all pages, in order."""
        return [hit.message_id for page in self.pages(query) for hit in page if hit.message_id]


def somebody(store: Store, name: str = "ann") -> Library:
    who = Principal(new_id(), name, "member", ALL_SCOPES)
    row = {"id": who.user_id, "email": f"{who.user_id}@example.org", "username": who.user_id.hex, "password_hash": "x"}
    store.write(lambda work: work.connection.execute(sa.insert(USERS), row))
    return Library(store, who)
