"""Sign-ins in the database, one row each: ending one is one UPDATE."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain import accounts as domain
from api.domain import clock
from api.domain.principal import ALL_SCOPES, Principal
from api.models.accounts import SESSIONS, USERS
from api.repositories.accounts import ACTING, principal_of
from api.repositories.base import Repository
from api.repositories.prepared import Prepared

SESSION, USER = SESSIONS.c, USERS.c
COLUMNS = tuple(SESSION[name] for name in domain.Session.__dataclass_fields__)
OPEN = sa.and_(SESSION.user_id == USER.id, SESSION.revoked_at.is_(None), USER.is_active)
PRINCIPAL = Prepared(
    sa.select(*ACTING).where(OPEN, SESSION.id == sa.bindparam("session_id"), USER.id == sa.bindparam("user_id"))
)


class SessionRepository(Repository):
    """`principal` is asked at every request with an access token."""

    def principal(self, session_id: UUID, user_id: UUID) -> Principal | None:
        """Who acts by this session, if session and account still count; one query."""
        row = PRINCIPAL.first(self.connection, {"session_id": session_id, "user_id": user_id})
        return None if row is None else principal_of(row, ALL_SCOPES, session_id=session_id)

    def add(self, session: domain.Session, handle_hash: str | None) -> None:
        values: dict[str, Any] = {name: getattr(session, name) for name in domain.Session.__dataclass_fields__}
        self.connection.execute(sa.insert(SESSIONS).values(values | {"handle_hash": handle_hash}))

    def get(self, session_id: UUID) -> domain.Session | None:
        """The session if it has not ended and its account is active."""
        return self._first(SESSION.id == session_id)

    def by_handle(self, handle_hash: str) -> domain.Session | None:
        return self._first(SESSION.handle_hash == handle_hash)

    def _first(self, which: sa.ColumnElement[bool]) -> domain.Session | None:
        row = self.connection.execute(sa.select(*COLUMNS).where(OPEN, which)).first()
        return None if row is None else domain.Session(*row)

    def list_open(self, user_id: UUID, used_after: dt.datetime) -> list[domain.Session]:
        """Newest first."""
        query = (
            sa.select(*COLUMNS)
            .where(OPEN, SESSION.user_id == user_id, SESSION.last_used_at > used_after)
            .order_by(SESSION.created_at.desc(), SESSION.id.desc())
        )
        return [domain.Session(*row) for row in self.connection.execute(query)]

    def rotate(self, session_id: UUID, old_jti: str, new_jti: str, used_after: dt.datetime) -> bool:
        """Make `new_jti` the one that counts, if `old_jti` is; of two at once, one wins."""
        now = clock.now()
        current = sa.and_(
            SESSION.id == session_id,
            SESSION.refresh_jti == old_jti,
            SESSION.revoked_at.is_(None),
            SESSION.last_used_at > used_after,
        )
        values = {"refresh_jti": new_jti, "previous_jti": old_jti, "rotated_at": now, "last_used_at": now}
        return self.changed(sa.update(SESSIONS).where(current).values(values)) > 0

    def touch(self, session_id: UUID) -> None:
        self.connection.execute(sa.update(SESSIONS).where(SESSION.id == session_id).values(last_used_at=clock.now()))

    def revoke(self, user_id: UUID, session_id: UUID) -> bool:
        return self._revoke(user_id, SESSION.id == session_id) > 0

    def revoke_all(self, user_id: UUID, except_id: UUID | None = None) -> int:
        """End every session of the account, but for `except_id`."""
        return self._revoke(user_id, sa.true() if except_id is None else SESSION.id != except_id)

    def _revoke(self, user_id: UUID, which: sa.ColumnElement[bool]) -> int:
        mine = sa.and_(SESSION.user_id == user_id, SESSION.revoked_at.is_(None), which)
        return self.changed(sa.update(SESSIONS).where(mine).values(revoked_at=clock.now()))

    def prune(self, user_id: UUID, used_before: dt.datetime) -> int:
        """Remove this account's rows that have been of no use since then."""
        return self.changed(sa.delete(SESSIONS).where(SESSION.user_id == user_id, SESSION.last_used_at <= used_before))

    def open_among(self, session_ids: list[UUID]) -> set[UUID]:
        """Those of `session_ids` that still count."""
        query = sa.select(SESSION.id).where(OPEN, SESSION.id.in_(session_ids))
        return set(self.connection.execute(query).scalars())
