"""What SQLite's index proposes as hits.

It is an FTS5 index of trigrams, kept by triggers; each account's entries have a range of numbers of their own. Messages
that are not in it yet are read through, and so are some thousands at a time for words that it does not know.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

import sqlalchemy as sa

from api.domain.search import SHORT, Query
from api.models.chats import CHATS, MESSAGES
from api.repositories.search_index import CHAT, JOINED, MESSAGE, SCAN, Position, SearchIndex, Window, starts_of
from api.repositories.search_pending import PENDING

CANDIDATES: Final = 2_000
"""Messages with the words that are looked at, at one time, for those that the filters leave."""
PENDING_AT_ONCE: Final = 500
"""Messages that are not indexed yet, and read through."""
MOST_TERMS: Final = 400
"""Trigrams that may stand for a short word; one with more is in every other message."""
NUMBERS_EACH: Final = 1 << 40
"""Entries of an account in SQLite's index; its migration has the same."""
TEXTS = sa.table("search_texts", sa.column("rowid", sa.Integer), sa.column("search_texts"))
ENTRIES = sa.table(
    "search_entries", sa.column("id", sa.Integer), sa.column("user_id", sa.Uuid), sa.column("message_id", sa.Uuid)
)
OWNERS = sa.table("search_owners", sa.column("number", sa.Integer), sa.column("user_id", sa.Uuid))
BEFORE: Final = (
    *(chr(code) for code in range(1, 0x7F) if not chr(code).isalnum()),
    *(chr(code) for code in (*range(0x2010, 0x2028), *range(0x2030, 0x205F))),
    *"«»、。「」《》！（），：；？",
)
"""Behind which words begin in nearly every text; one in which they begin behind others is marked (migration 0016)."""
UNUSUAL: Final = "\1\2\1"
BEGUN: Final = sa.text(f"""
    WITH RECURSIVE begun (term) AS (
        SELECT (SELECT term FROM search_vocabulary WHERE term >= :piece AND term < :end LIMIT 1)
        UNION ALL
        SELECT (SELECT term FROM search_vocabulary WHERE term >= begun.term || char(1) AND term < :end LIMIT 1)
        FROM begun WHERE begun.term IS NOT NULL LIMIT {MOST_TERMS + 2})
    SELECT term FROM begun WHERE term IS NOT NULL
""")  # noqa: S608
"""The trigrams that begin with a word, by one step of the index each: to count them all would read all entries."""


class OnSqlite(SearchIndex):
    """In the order of the index's entries, which is that in which messages were stored."""

    def window(self, user_id: UUID, query: Query, position: Position | None, size: int) -> Window:
        last = NUMBERS_EACH - 1
        position = last if position is None else min(position, last)
        pending = self._pending(user_id, query, position, size)  # before the entries: what becomes one is not missed
        if pending.rest is not None:
            return pending
        owner = self.connection.execute(sa.select(OWNERS.c.number).where(OWNERS.c.user_id == user_id)).scalar()
        if owner is None:
            return pending
        first = owner * NUMBERS_EACH
        indexed = self._indexed(user_id, query, (first, first + position), size - len(pending.ids))
        positions = dict(zip(pending.ids, pending.positions, strict=True))
        positions |= {one: number - first for one, number in zip(indexed.ids, indexed.positions, strict=True)}
        rest = None if indexed.rest is None else indexed.rest - first
        return Window(list(positions), list(positions.values()), rest)

    def _pending(self, user_id: UUID, query: Query, position: Position, size: int) -> Window:
        """They are newer than all entries of their account, and get entries of the same numbers."""
        pending, found = PENDING.c, dict[UUID, Position]()
        newest = sa.select(pending.message_id, pending.number).where(pending.user_id == user_id)
        newest = newest.order_by(pending.number.desc()).limit(PENDING_AT_ONCE)
        known = sa.exists().where(ENTRIES.c.user_id == user_id, ENTRIES.c.message_id == MESSAGE.id)
        hits = sa.select(MESSAGE.id).select_from(JOINED).where(*self.filters(user_id, query), ~known)
        hits = hits.where(*self.words(query))
        while len(found) < size:
            rows = self.connection.execute(newest.where(pending.number <= position))
            part = {row.message_id: row.number for row in rows}
            if not part:
                return Window(list(found), list(found.values()), None)
            # by their ids: in a join with all that is pending, the planner may read all messages first
            are_hits = set(self.connection.execute(hits.where(MESSAGE.id.in_(part))).scalars())
            found |= {message_id: number for message_id, number in part.items() if message_id in are_hits}
            position = min(part.values()) - 1
        ids, positions = list(found)[:size], list(found.values())[:size]
        return Window(ids, positions, positions[-1] - 1)

    def _indexed(self, user_id: UUID, query: Query, numbers: tuple[int, int], size: int) -> Window:
        """Entries of these numbers; the window's positions are such numbers."""
        low, high = numbers
        if (few := self.few(user_id, query)) is not None:
            entry = ENTRIES.c
            found = sa.select(entry.message_id, entry.id.label("position")).select_from(_texts_of(ENTRIES))
            found = found.where(entry.id.between(low, high), MESSAGE.chat_id.in_(few), *self.filters(user_id, query))
            return self.read(found.where(*self.words(query)).order_by(entry.id.desc()), size, int)
        pieces = list(dict.fromkeys(piece for word in query.words for piece in word.split(" ")))
        groups = [group for piece in pieces if len(piece) >= SHORT for group in _trigrams(piece)]
        if not groups:
            asked = [self._short(piece) for piece in pieces]
            groups = [group for group in asked if group]
            if None in asked:
                return Window([], [], None)
        if not groups:
            return self._scanned(user_id, query, numbers, size)
        within = (
            TEXTS.c.search_texts.op("MATCH")(" AND ".join(dict.fromkeys(groups))),
            TEXTS.c.rowid.between(low, high),
        )
        entry, rows = ENTRIES.c, TEXTS.join(_texts_of(ENTRIES), ENTRIES.c.id == TEXTS.c.rowid)
        found = sa.select(entry.message_id, entry.id.label("position")).select_from(rows)
        found = found.where(*within, *self.filters(user_id, query)).order_by(TEXTS.c.rowid.desc())
        if not query.is_filtered:
            return self.read(found, size, int)
        newest = sa.select(TEXTS.c.rowid).where(*within).order_by(TEXTS.c.rowid.desc())
        lowest = self.connection.execute(newest.offset(CANDIDATES - 1).limit(1)).scalar()
        return self.part(found if lowest is None else found.where(TEXTS.c.rowid >= lowest), lowest, size, int)

    def _scanned(self, user_id: UUID, query: Query, numbers: tuple[int, int], size: int) -> Window:
        """Of the newest messages: what is frequent is found among them sooner than by the index."""
        newest = sa.select(ENTRIES).where(ENTRIES.c.id.between(*numbers)).order_by(ENTRIES.c.id.desc())
        lowest = self.connection.execute(newest.with_only_columns(ENTRIES.c.id).offset(SCAN - 1).limit(1)).scalar()
        entry = newest.limit(SCAN).subquery()  # its limit keeps the planner from beginning elsewhere
        found = sa.select(entry.c.message_id, entry.c.id.label("position")).select_from(_texts_of(entry))
        found = found.where(*self.filters(user_id, query), *self.words(query)).order_by(entry.c.id.desc())
        return self.part(found, lowest, size, int)

    def words(self, query: Query) -> list[sa.ColumnElement[bool]]:
        text = sa.func.lower(sa.literal(" ").concat(MESSAGE.content))
        starts = [text.op("GLOB")(f"*[^0-9a-z]{start}*") for start in starts_of(query) if start.isascii()]
        return [*super().words(query), *starts]

    def _short(self, piece: str) -> str | None:
        """A short word in trigrams; empty where these are too many, None where there are none."""
        is_ascii = piece.isascii() and piece.isalnum()
        if is_ascii and len(piece) < SHORT - 1:
            return ""
        begun = self.connection.execute(BEGUN, {"piece": piece, "end": piece + chr(0x10FFFF)}).scalars().all()
        inside = f"({' OR '.join(map(_phrase, begun))})" if len(begun) <= MOST_TERMS else ""
        if not begun or not is_ascii:
            return inside if begun else None
        at_once = " OR ".join(_phrase(sign + piece) for sign in BEFORE)
        behind_others = " AND ".join(filter(None, (_phrase(UNUSUAL), inside)))
        return f"({at_once} OR ({behind_others}))"


def _texts_of(entry: sa.FromClause) -> sa.Join:
    texts = entry.join(MESSAGES, sa.and_(MESSAGE.user_id == entry.c.user_id, MESSAGE.id == entry.c.message_id))
    return texts.join(CHATS, sa.and_(CHAT.user_id == MESSAGE.user_id, CHAT.id == MESSAGE.chat_id))


def _trigrams(piece: str) -> list[str]:
    return [_phrase(piece[i : i + SHORT]) for i in range(len(piece) - SHORT + 1)]


def _phrase(trigram: str) -> str:
    return '"' + trigram.replace('"', '""') + '"'
