"""Queries of model configs: one's own, and those an admin shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain.model_configs import ModelConfig
from api.models.model_configs import MODEL_CONFIGS
from api.repositories.base import Repository
from api.repositories.prepared import Prepared

CONFIG = MODEL_CONFIGS.c
OWN = CONFIG.user_id == sa.bindparam("k_user_id")
USABLE = Prepared(
    sa.select(MODEL_CONFIGS)
    .where(sa.or_(OWN, CONFIG.shared))
    .order_by(sa.case((OWN, 0), else_=1), CONFIG.created_at, CONFIG.id)
)
USABLE_BY_ID = Prepared(sa.select(MODEL_CONFIGS).where(sa.or_(OWN, CONFIG.shared), CONFIG.id == sa.bindparam("k_id")))

SEALED = sa.select(CONFIG.user_id, CONFIG.id, CONFIG.name, CONFIG.api_key_encrypted.label("token")).where(
    CONFIG.api_key_encrypted.is_not(None)
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """The sealed key of one config."""

    user_id: UUID
    id: UUID
    name: str
    token: str = field(repr=False)


class ModelConfigRepository(Repository):
    def add(self, values: Mapping[str, Any]) -> bool:
        """Insert; False when the name is taken."""
        return self.add_unless_there(MODEL_CONFIGS, values)

    def get_owned(self, config_id: UUID, user_id: UUID) -> ModelConfig | None:
        return self._first(CONFIG.user_id == user_id, CONFIG.id == config_id)

    def usable(self, user_id: UUID) -> list[ModelConfig]:
        """One's own and the shared ones, oldest first, own ones before shared ones."""
        return USABLE.records(self.connection, {"k_user_id": user_id}, ModelConfig)

    def get_usable(self, config_id: UUID, user_id: UUID) -> ModelConfig | None:
        """One's own or a shared one."""
        return USABLE_BY_ID.record(self.connection, {"k_user_id": user_id, "k_id": config_id}, ModelConfig)

    def shared(self) -> list[ModelConfig]:
        """Those shared with everybody, whoever shares them, by name."""
        query = sa.select(MODEL_CONFIGS).where(CONFIG.shared).order_by(CONFIG.name, CONFIG.id)
        return [ModelConfig(**row) for row in self.connection.execute(query).mappings()]

    def unshare(self, config_id: UUID) -> bool:
        """False where no shared config has that id."""
        found = (CONFIG.id == config_id, CONFIG.shared)
        return self.changed(sa.update(MODEL_CONFIGS).where(*found).values(shared=False)) == 1

    def by_provider(self) -> dict[str, int]:
        """How many configs name each provider."""
        query = sa.select(CONFIG.provider, sa.func.count()).group_by(CONFIG.provider)
        return {row[0]: row[1] for row in self.connection.execute(query)}

    def clear_default(self, user_id: UUID, provider: str) -> None:
        found = (CONFIG.user_id == user_id, CONFIG.provider == provider, CONFIG.is_default)
        self.connection.execute(sa.update(MODEL_CONFIGS).where(*found).values(is_default=False))

    def change(self, user_id: UUID, config_id: UUID, values: Mapping[str, Any]) -> bool:
        found = (CONFIG.user_id == user_id, CONFIG.id == config_id)
        return self.changed(sa.update(MODEL_CONFIGS).where(*found).values(**values)) == 1

    def name_taken(self, user_id: UUID, name: str, besides: UUID) -> bool:
        found = (CONFIG.user_id == user_id, CONFIG.name == name, CONFIG.id != besides)
        return self.connection.execute(sa.select(CONFIG.id).where(*found)).first() is not None

    def delete(self, user_id: UUID, config_id: UUID) -> bool:
        return self.changed(sa.delete(MODEL_CONFIGS).where(CONFIG.user_id == user_id, CONFIG.id == config_id)) == 1

    def without_origin(self) -> list[ModelConfig]:
        """Those with a key that does not say for which server it was saved, of all users."""
        found = sa.select(MODEL_CONFIGS).where(CONFIG.api_key_encrypted.is_not(None), CONFIG.key_origin.is_(None))
        return [ModelConfig(**row) for row in self.connection.execute(found).mappings()]

    def sealed(self, after: Sealed | None, limit: int) -> list[Sealed]:
        """The next sealed keys of all users, in the order of the primary key."""
        place = sa.tuple_(CONFIG.user_id, CONFIG.id)
        found = SEALED.where(place > sa.tuple_(after.user_id, after.id)) if after else SEALED
        rows = self.connection.execute(found.order_by(CONFIG.user_id, CONFIG.id).limit(limit))
        return [Sealed(**row) for row in rows.mappings()]

    def reseal(self, sealed: Sealed, token: str) -> int:
        """Put `token` in its place, unless somebody has saved another key meanwhile; 1 where it was done."""
        here = (CONFIG.user_id == sealed.user_id, CONFIG.id == sealed.id, CONFIG.api_key_encrypted == sealed.token)
        return self.changed(sa.update(MODEL_CONFIGS).where(*here).values(api_key_encrypted=token))

    def _first(self, *conditions: Any) -> ModelConfig | None:
        row = self.connection.execute(sa.select(MODEL_CONFIGS).where(*conditions)).mappings().first()
        return ModelConfig(**row) if row is not None else None
