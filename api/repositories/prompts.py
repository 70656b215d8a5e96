"""Queries of prompts: one's own, and those an admin shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain.prompts import Prompt, PromptVersion
from api.models.prompts import PROMPT_VERSIONS, PROMPTS
from api.repositories.base import Repository
from api.repositories.prepared import Prepared

PROMPT = PROMPTS.c
VERSION = PROMPT_VERSIONS.c
OWN = PROMPT.user_id == sa.bindparam("k_user_id")
BY_ID = Prepared(sa.select(PROMPTS).where(sa.or_(OWN, PROMPT.shared), PROMPT.id == sa.bindparam("k_id")))
VERSION_FIELDS = tuple(VERSION[name] for name in PromptVersion.__dataclass_fields__)


class PromptRepository(Repository):
    def usable(self, user_id: UUID) -> list[Prompt]:
        """One's own, then the shared ones of others, by name."""
        query = sa.select(PROMPTS).where(sa.or_(PROMPT.user_id == user_id, PROMPT.shared))
        order = (sa.case((PROMPT.user_id == user_id, 0), else_=1), sa.func.lower(PROMPT.name), PROMPT.id)
        return [Prompt(**row) for row in self.connection.execute(query.order_by(*order)).mappings()]

    def shared(self) -> list[Prompt]:
        """Those shared with everybody, whoever shares them, by name."""
        query = sa.select(PROMPTS).where(PROMPT.shared).order_by(sa.func.lower(PROMPT.name), PROMPT.id)
        return [Prompt(**row) for row in self.connection.execute(query).mappings()]

    def unshare(self, prompt_id: UUID) -> bool:
        """False where no shared prompt has that id."""
        return self.changed(sa.update(PROMPTS).where(PROMPT.id == prompt_id, PROMPT.shared).values(shared=False)) == 1

    def get_usable(self, prompt_id: UUID, user_id: UUID) -> Prompt | None:
        return BY_ID.record(self.connection, {"k_user_id": user_id, "k_id": prompt_id}, Prompt)

    def by_slug(self, slug: str, user_id: UUID) -> Prompt | None:
        """One's own before a shared one."""
        query = sa.select(PROMPTS).where(sa.or_(PROMPT.user_id == user_id, PROMPT.shared), PROMPT.slug == slug)
        order = (sa.case((PROMPT.user_id == user_id, 0), else_=1), PROMPT.id)
        row = self.connection.execute(query.order_by(*order).limit(1)).mappings().first()
        return Prompt(**row) if row is not None else None

    def hold(self, prompt_id: UUID, user_id: UUID) -> Prompt | None:
        """One's own, kept from changing until this transaction ends."""
        query = sa.select(PROMPTS).where(PROMPT.user_id == user_id, PROMPT.id == prompt_id).with_for_update()
        row = self.connection.execute(query).mappings().first()
        return Prompt(**row) if row is not None else None

    def add(self, values: Mapping[str, Any]) -> bool:
        """Insert, with its first version; False when the slug is taken."""
        return self.add_unless_there(PROMPTS, values) and self.add_version(values)

    def add_version(self, values: Mapping[str, Any]) -> bool:
        """What is saved, under its number."""
        row = {name: values[name] for name in ("user_id", "name", "content", "description", "tags")}
        row |= {"prompt_id": values["id"], "number": values["version"], "created_at": values["updated_at"]}
        return self.add_unless_there(PROMPT_VERSIONS, row)

    def slug_taken(self, user_id: UUID, slug: str) -> bool:
        return (
            self.connection.execute(sa.select(PROMPT.id).where(PROMPT.user_id == user_id, PROMPT.slug == slug)).first()
            is not None
        )

    def change(self, user_id: UUID, prompt_id: UUID, values: Mapping[str, Any]) -> bool:
        found = (PROMPT.user_id == user_id, PROMPT.id == prompt_id)
        return self.changed(sa.update(PROMPTS).where(*found).values(**values)) == 1

    def delete(self, user_id: UUID, prompt_id: UUID) -> bool:
        return self.changed(sa.delete(PROMPTS).where(PROMPT.user_id == user_id, PROMPT.id == prompt_id)) == 1

    def versions(self, prompt: Prompt) -> list[PromptVersion]:
        """Newest first."""
        found = (VERSION.user_id == prompt.user_id, VERSION.prompt_id == prompt.id)
        query = sa.select(*VERSION_FIELDS).where(*found).order_by(VERSION.number.desc())
        return [PromptVersion(**row) for row in self.connection.execute(query).mappings()]
