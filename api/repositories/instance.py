"""Facts about this installation, each named once."""

from __future__ import annotations

import sqlalchemy as sa

from api.models.instance import InstanceFact
from api.repositories.base import Repository

facts: sa.Table = InstanceFact.__table__  # type: ignore[assignment]


class InstanceRepository(Repository):
    """A fact is claimed once and never changes hands."""

    def get(self, name: str) -> str | None:
        return self.connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar()

    def claim(self, name: str, value: str) -> bool:
        """Whether the fact was free and is now `value`; among claims made at once, one is true."""
        return self.changed(self.insert(facts).values(name=name, value=value).on_conflict_do_nothing()) > 0
