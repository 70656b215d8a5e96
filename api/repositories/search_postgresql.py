"""What PostgreSQL's indexes propose as hits: trigrams (pg_trgm), and the first two letters of words with the pairs of
characters of scripts without blanks. Words that neither knows are looked for in a part of the messages at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.types import UserDefinedType

from api.domain.search import DENSE, SHORT, Query, Run, runs
from api.repositories.search_index import JOINED, MESSAGE, SCAN, Position, SearchIndex, Window, starts_of


class OnPostgresql(SearchIndex):
    """In the order of the messages' ids."""

    is_postgresql = True

    def window(self, user_id: UUID, query: Query, position: Position | None, size: int) -> Window:
        found = sa.select(MESSAGE.id.label("message_id"), MESSAGE.id.label("position")).select_from(JOINED)
        found = found.where(*self.filters(user_id, query)).order_by(MESSAGE.id.desc())
        bound = [MESSAGE.user_id == user_id]
        if position is not None:
            bound.append(MESSAGE.id <= UUID(int=position))
        if (few := self.few(user_id, query)) is not None:
            return self.read(found.where(*bound, MESSAGE.chat_id.in_(few), *self.words(query)), size, _number)
        parts = [run for word in query.words for run in runs(word)]
        selective = [_trigrams_of(run) for run in parts if run.kind == "word" and len(run.text) >= SHORT]
        selective += [_pairs_of(run) for run in parts if run.kind == "dense" and len(run.text) > 1]
        if selective:
            return self.read(found.where(*bound, *selective), size, _number)
        scanned = self._scanned(found, query, bound, size)
        rare = [one for word in query.words for one in _beginnings_of(word)]
        if len(scanned.ids) == size or scanned.rest is None or not rare:
            return scanned
        # whole and in no order: the planner thinks them frequent, and would look through all messages, newest first
        whole = found.where(*bound, *rare).order_by(None).cte("whole").prefix_with("MATERIALIZED")
        return self.read(sa.select(whole).order_by(whole.c.position.desc()), size, _number)

    def _scanned(self, found: sa.Select[Any], query: Query, bound: list[sa.ColumnElement[bool]], size: int) -> Window:
        """Of the newest messages: what is frequent is found among them sooner than by an index."""
        newest = sa.select(MESSAGE.id).where(*bound).order_by(MESSAGE.id.desc())
        lowest = self.connection.execute(newest.offset(SCAN - 1).limit(1)).scalar()
        within = [] if lowest is None else [MESSAGE.id >= lowest]
        return self.part(found.where(*bound, *within, *self.words(query)), lowest, size, _number)

    def words(self, query: Query) -> list[sa.ColumnElement[bool]]:
        starts = [
            sa.func.lower(MESSAGE.content).op("~")(f"(^|[^[:alnum:]]|[{DENSE}]){start}") for start in starts_of(query)
        ]
        return [*super().words(query), *starts]


def _number(message_id: UUID) -> int:
    return message_id.int


def _trigrams_of(run: Run) -> sa.ColumnElement[bool]:
    return MESSAGE.content.ilike(f"%{run.text}%")


def _pairs_of(run: Run) -> sa.ColumnElement[bool]:
    pairs = dict.fromkeys(run.text[i : i + 2] for i in range(len(run.text) - 1))
    return _tokens(" & ".join(map(_quoted, pairs)))


def _beginnings_of(word: str) -> Iterator[sa.ColumnElement[bool]]:
    """What the index knows of a word's short parts, where it is sure that words begin with them."""
    before = ""
    for run in runs(word):
        if run.kind == "dense" or (run.kind == "word" and before.isascii() and run.text[0].isalnum()):
            known = run.text if run.text.isalnum() else run.text[0]  # marks are letters to some locales only
            yield _tokens(f"{_quoted(known)}:*")
        before = run.text[-1]


def _quoted(token: str) -> str:
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"


class _TsQuery(UserDefinedType[str]):
    """PostgreSQL's words to look for, as its full-text search takes them."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "TSQUERY"


def _tokens(query: str) -> sa.ColumnElement[bool]:
    return sa.func.search_words(MESSAGE.content).op("@@")(sa.cast(query, _TsQuery))
