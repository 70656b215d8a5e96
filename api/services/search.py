"""Search over one's own chats: titles first, then messages, each part of them ranked."""

from __future__ import annotations

import datetime as dt
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from api.domain.errors import Invalid
from api.domain.principal import Principal
from api.domain.search import Query, parse
from api.repositories.search import Text
from api.repositories.search_index import Position, Window
from api.repositories.unit_of_work import Store, UnitOfWork

WINDOW: Final = 100
"""So many messages are ranked together; the next window is of older ones."""
MOST_TITLES: Final = 5
"""Before the messages; `in:title` has them all."""
WINDOWS: Final = 4
"""Read at most for one page, where few of what an index proposes is a hit."""
READ_AT_ONCE: Final = 20
MOST_CHARS: Final = 4_000_000
"""Of texts that are looked through at one time: a window of long messages ends sooner."""
BATCH: Final = 100
BATCH_CHARS: Final = 100_000
"""Indexed in one transaction: enough to be cheap, and done before those who write notice it. Fewer may wait minutes:
a search reads through them."""
TEND_SECONDS: Final = 0.2
"""At one time: who takes over the replies of dead processes waits meanwhile. `catch_up` indexes what is left."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message, or a chat by its title. `is_shown`: the message is on the branch that its chat shows."""

    kind: str
    chat_id: UUID
    chat_title: str
    message_id: UUID | None
    role: str | None
    model: str | None
    snippet: str
    is_shown: bool
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class HitPage:
    """A page may be short and yet not the last: `next_cursor` says so. `notes`: what of the query was left out."""

    items: list[Hit]
    next_cursor: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a page begins: a window, and how many of its hits were told."""

    position: Position | None = None
    skip: int = 0


class SearchService:
    def __init__(self, store: Store) -> None:
        self._store = store

    def search(self, principal: Principal, text: str, limit: int, cursor: str | None) -> HitPage:
        """What answers the query. Raises Invalid for a cursor that is not ours."""
        query = parse(text)
        spot = _decoded(cursor) if cursor else _Spot()
        if query.is_empty:
            return HitPage([], None, query.notes)

        def read(work: UnitOfWork) -> HitPage:
            only_titles = query.within == "titles" or not query.words
            texts, after = (_titles if only_titles else _messages)(work, principal.user_id, query, spot, limit)
            shown = work.search.shown(principal.user_id, [one for one in texts if one.message_id is not None])
            if query.within == "all" and not only_titles and cursor is None:
                texts = _titles(work, principal.user_id, query, spot, MOST_TITLES)[0] + texts
            hits = [_hit(query, one, one.message_id is None or one.message_id in shown) for one in texts]
            return HitPage(hits, None if after is None else _encoded(after), query.notes)

        return self._store.read(read)

    def tend(self) -> None:
        """Index what is pending once it is enough for a batch, for a moment at most."""
        begun = time.monotonic()
        while self._index(BATCH) and time.monotonic() - begun < TEND_SECONDS:
            pass

    def catch_up(self) -> None:
        """Index all that is pending now. What comes meanwhile waits for others: one by one it would go on and on."""
        newest = self._store.read(lambda work: work.search_pending.newest())
        while newest is not None and self._index(1, newest):
            pass

    def _index(self, least: int, up_to: int | None = None) -> bool:
        """A batch of it, in a transaction of its own, so that others write in between; False where fewer are there."""
        if not self._store.read(lambda work: work.search_pending.has(least, up_to)):
            return False
        self._store.write(lambda work: work.search_pending.index(BATCH, BATCH_CHARS), durable=False)
        return True


def _titles(work: UnitOfWork, user_id: UUID, query: Query, spot: _Spot, limit: int) -> tuple[list[Text], _Spot | None]:
    """Chats of a window by their titles, the best first."""
    proposed = work.search.titles(user_id, query, spot.position, WINDOW)
    best = _ranked(query, proposed)
    if len(best) > spot.skip + limit:
        return best[spot.skip : spot.skip + limit], _Spot(proposed[0].chat_id.int, spot.skip + limit)
    more = _Spot(proposed[-1].chat_id.int - 1) if len(proposed) == WINDOW else None
    return best[spot.skip :], more


def _messages(
    work: UnitOfWork, user_id: UUID, query: Query, spot: _Spot, limit: int
) -> tuple[list[Text], _Spot | None]:
    """Messages window by window until there are enough, the best of each first."""
    found: list[Text] = []
    for _ in range(WINDOWS):
        window = work.search.window(user_id, query, spot.position, WINDOW)
        best, rest = _read(work, user_id, query, window)
        part = best[spot.skip : spot.skip + limit - len(found)]
        found += part
        if spot.skip + len(part) < len(best):
            return found, _Spot(window.positions[0], spot.skip + len(part))
        if rest is None:
            return found, None
        spot = _Spot(rest)
        if len(found) == limit:
            break
    return found, spot


def _read(work: UnitOfWork, user_id: UUID, query: Query, window: Window) -> tuple[list[Text], Position | None]:
    """The hits of a window, the best first, and where the next one begins."""
    texts: list[Text] = []
    for begin in range(0, len(window.ids), READ_AT_ONCE):
        end = begin + READ_AT_ONCE
        texts += work.search.texts(user_id, window.ids[begin:end])
        if end < len(window.ids) and sum(len(one.text) for one in texts) > MOST_CHARS:
            return _ranked(query, texts), window.positions[end]
    return _ranked(query, texts), window.rest


def _ranked(query: Query, texts: list[Text]) -> list[Text]:
    """Those that answer the query, the best first, of equal ones the newest."""
    scored = [(score, one) for one in texts if (score := query.score(one.text)) is not None]
    return [one for _, one in sorted(scored, key=lambda pair: (pair[0], pair[1].at, pair[1].seq), reverse=True)]


def _hit(query: Query, one: Text, is_shown: bool) -> Hit:
    kind = "chat" if one.message_id is None else "message"
    snippet = query.snippet(one.text)
    return Hit(kind, one.chat_id, one.chat_title, one.message_id, one.role, one.model, snippet, is_shown, one.at)


def _encoded(spot: _Spot) -> str:
    return urlsafe_b64encode(f"{spot.position}|{spot.skip}".encode()).decode()


def _decoded(cursor: str) -> _Spot:
    try:
        position, skip = map(int, urlsafe_b64decode(cursor.encode()).decode("ascii").split("|"))
        if not (0 <= position < 1 << 128 and 0 <= skip <= WINDOW):
            raise ValueError("nowhere")
    except ValueError as error:
        raise Invalid.at("cursor", "This cursor is not one that a search gave; start again without it.") from error
    return _Spot(position, skip)
