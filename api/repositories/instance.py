"""Facts about this installation, each named once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from api.domain import clock
from api.models.instance import INSTANCE_FACTS, INSTANCE_SETTINGS
from api.repositories.base import Repository

FACT, SETTING = INSTANCE_FACTS.c, INSTANCE_SETTINGS.c
STORED = sa.select(SETTING.name, SETTING.value)


class InstanceRepository(Repository):
    """A claimed fact never changes hands; one that was put is what was put last."""

    def get(self, name: str) -> str | None:
        return self.connection.execute(sa.select(FACT.value).where(FACT.name == name)).scalar()

    def claim(self, name: str, value: str) -> bool:
        """Whether the fact was free and is now `value`; among claims made at once, one is true."""
        return self.changed(self.insert(INSTANCE_FACTS).values(name=name, value=value).on_conflict_do_nothing()) > 0

    def put(self, name: str, value: str) -> None:
        insert = self.insert(INSTANCE_FACTS).values(name=name, value=value)
        self.connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value}))

    def settings(self) -> dict[str, Any]:
        """What admins have set."""
        return {row[0]: row[1] for row in self.connection.execute(STORED)}

    def set(self, changes: Mapping[str, Any], reset: Collection[str]) -> None:
        names = {*changes, *reset}
        self.connection.execute(sa.delete(INSTANCE_SETTINGS).where(SETTING.name.in_(names)))
        now = clock.now()
        rows = [{"name": name, "value": value, "updated_at": now} for name, value in changes.items()]
        if rows:
            self.connection.execute(sa.insert(INSTANCE_SETTINGS), rows)
