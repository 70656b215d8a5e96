"""API keys in the database: their HMAC only, never the key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from api.domain import accounts as domain
from api.domain import clock
from api.domain.principal import IMPLIED, Principal, Scope
from api.models.accounts import API_KEYS, USERS
from api.repositories.accounts import ACTING, principal_of
from api.repositories.base import Repository
from api.repositories.prepared import Prepared

KEY, USER = API_KEYS.c, USERS.c
COLUMNS = tuple(KEY[name] for name in domain.ApiKey.__dataclass_fields__)
GOOD = sa.and_(
    KEY.user_id == USER.id,
    KEY.revoked_at.is_(None),
    USER.is_active,
    sa.or_(KEY.expires_at.is_(None), KEY.expires_at > sa.bindparam("now", type_=KEY.expires_at.type)),
)
PRINCIPAL = Prepared(
    sa.select(*ACTING, KEY.id, KEY.scopes, KEY.last_used_at).where(GOOD, KEY.token_hash == sa.bindparam("token_hash"))
)


def _key(row: Row[Any]) -> domain.ApiKey:
    values = dict(row._mapping)
    return domain.ApiKey(**{**values, "scopes": tuple(values["scopes"])})


def _granted(scopes: list[Scope]) -> frozenset[Scope]:
    return frozenset[Scope]().union(*(IMPLIED[scope] for scope in scopes if scope in IMPLIED))


class ApiKeyRepository(Repository):
    """`principal` is asked at every request with an API key."""

    def principal(self, token_hash: str) -> tuple[Principal, dt.datetime | None] | None:
        """Who acts by this key, if key and account still count, and when it was last used; one query."""
        row = PRINCIPAL.first(self.connection, {"token_hash": token_hash, "now": clock.now()})
        if row is None:
            return None
        key_id, scopes, last_used_at = row[len(ACTING) :]
        return principal_of(row, _granted(scopes), api_key_id=key_id), last_used_at

    def add(self, key: domain.ApiKey, token_hash: str) -> bool:
        """False when this very key is registered already."""
        values = {name: getattr(key, name) for name in domain.ApiKey.__dataclass_fields__}
        values |= {"scopes": list(key.scopes), "token_hash": token_hash}
        return self.changed(self.insert(API_KEYS).values(values).on_conflict_do_nothing()) > 0

    def get(self, user_id: UUID, key_id: UUID) -> domain.ApiKey | None:
        row = self.connection.execute(self._mine(user_id).where(KEY.id == key_id)).first()
        return None if row is None else _key(row)

    def list_mine(self, user_id: UUID) -> list[domain.ApiKey]:
        """Newest first, without revoked ones."""
        query = self._mine(user_id).order_by(KEY.created_at.desc(), KEY.id.desc())
        return [_key(row) for row in self.connection.execute(query)]

    def _mine(self, user_id: UUID) -> sa.Select[Any]:
        return sa.select(*COLUMNS).where(KEY.user_id == user_id, KEY.revoked_at.is_(None))

    def revoke(self, user_id: UUID, key_id: UUID) -> bool:
        return self._revoke(user_id, KEY.id == key_id) > 0

    def revoke_others(self, user_id: UUID, token_hash: str) -> int:
        """Revoke every key of the account but this one."""
        return self._revoke(user_id, KEY.token_hash != token_hash)

    def _revoke(self, user_id: UUID, which: sa.ColumnElement[bool]) -> int:
        mine = sa.and_(KEY.user_id == user_id, KEY.revoked_at.is_(None), which)
        return self.changed(sa.update(API_KEYS).where(mine).values(revoked_at=clock.now()))

    def restore(self, user_id: UUID, token_hash: str) -> bool:
        """Let a key that was revoked count again. False when it never was revoked."""
        revoked = sa.and_(KEY.user_id == user_id, KEY.token_hash == token_hash, KEY.revoked_at.is_not(None))
        return self.changed(sa.update(API_KEYS).where(revoked).values(revoked_at=None)) > 0

    def set_last_used(self, moments: Mapping[UUID, dt.datetime]) -> None:
        statement = (
            sa.update(API_KEYS).where(KEY.id == sa.bindparam("key_id")).values(last_used_at=sa.bindparam("moment"))
        )
        self.connection.execute(statement, [{"key_id": key, "moment": at} for key, at in sorted(moments.items())])

    def good_among(self, key_ids: list[UUID]) -> set[UUID]:
        """Those of `key_ids` that still count."""
        query = sa.select(KEY.id).where(GOOD, KEY.id.in_(key_ids))
        return set(self.connection.execute(query, {"now": clock.now()}).scalars())
