"""Queries of Idempotency-Keys that stand in no row of the ledger."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from uuid import UUID

import sqlalchemy as sa

from api.domain.kept_keys import KeptKey
from api.models.kept_keys import KEPT_KEYS
from api.repositories.base import Repository

KEPT = KEPT_KEYS.c


class KeptKeyRepository(Repository):
    def get(self, user_id: UUID, key: str) -> KeptKey | None:
        found = (KEPT.user_id == user_id, KEPT.idempotency_key == key)
        row = self.connection.execute(sa.select(KEPT_KEYS).where(*found)).mappings().first()
        return KeptKey(**row) if row is not None else None

    def add(self, key: KeptKey) -> bool:
        """False when it is there already."""
        return self.add_unless_there(KEPT_KEYS, asdict(key))

    def forget_before(self, user_id: UUID, moment: dt.datetime) -> None:
        """An account's that are older."""
        self.connection.execute(sa.delete(KEPT_KEYS).where(KEPT.user_id == user_id, KEPT.made_at < moment))
