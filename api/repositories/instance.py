"""Facts about this installation, each named once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from api.domain import clock
from api.models.instance import InstanceFact, InstanceSetting
from api.repositories.base import Repository

facts: sa.Table = InstanceFact.__table__  # type: ignore[assignment]
settings: sa.Table = InstanceSetting.__table__  # type: ignore[assignment]
STORED = sa.select(settings.c.name, settings.c.value)


class InstanceRepository(Repository):
    """A claimed fact never changes hands; one that was put is what was put last."""

    def get(self, name: str) -> str | None:
        return self.connection.execute(sa.select(facts.c.value).where(facts.c.name == name)).scalar()

    def claim(self, name: str, value: str) -> bool:
        """Whether the fact was free and is now `value`; among claims made at once, one is true."""
        return self.changed(self.insert(facts).values(name=name, value=value).on_conflict_do_nothing()) > 0

    def put(self, name: str, value: str) -> None:
        insert = self.insert(facts).values(name=name, value=value)
        self.connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    def settings(self) -> dict[str, Any]:
        """What admins have set."""
        return {row[0]: row[1] for row in self.connection.execute(STORED)}

    def set(self, changes: Mapping[str, Any], reset: Collection[str]) -> None:
        names = {*changes, *reset}
        self.connection.execute(sa.delete(settings).where(settings.c.name.in_(names)))
        now = clock.now()
        rows = [{"name": name, "value": value, "updated_at": now} for name, value in changes.items()]
        if rows:
            self.connection.execute(sa.insert(settings), rows)
