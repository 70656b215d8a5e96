"""Queries of uploaded avatars: one an account."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa

from api.domain.avatars import Avatar
from api.models.avatars import AVATARS
from api.repositories.base import Repository

AVATAR = AVATARS.c


class AvatarRepository(Repository):
    def put(self, avatar: Avatar) -> None:
        """In place of an earlier one."""
        values = {"digest": avatar.digest, "size": avatar.size, "created_at": avatar.created_at}
        statement = self.insert(AVATARS).values(user_id=avatar.user_id, **values)
        self.connection.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))

    def get(self, user_id: UUID) -> Avatar | None:
        row = self.connection.execute(sa.select(AVATARS).where(AVATAR.user_id == user_id)).mappings().first()
        return Avatar(**row) if row is not None else None

    def delete(self, user_id: UUID) -> None:
        self.connection.execute(sa.delete(AVATARS).where(AVATAR.user_id == user_id))

    def named(self, digests: Collection[str]) -> set[str]:
        """Which of these files an avatar is."""
        return set(self.connection.execute(sa.select(AVATAR.digest).where(AVATAR.digest.in_(digests))).scalars())
