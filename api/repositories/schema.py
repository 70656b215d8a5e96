"""Which migration the database is at."""

from __future__ import annotations

import sqlalchemy as sa

from api.repositories.base import Repository


class SchemaRepository(Repository):
    def revision(self) -> str | None:
        """The migration's number, or None for a database without ours."""
        if not sa.inspect(self.connection).has_table("alembic_version"):
            return None
        return self.connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
