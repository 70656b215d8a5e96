"""The databases that tests are lent: empty, of today's schema, and nobody else's."""

from __future__ import annotations

import psycopg2
import pytest

from api.db import Database
from tests.conftest import TEMPLATE
from tests.postgres import USER, Cluster


def run(cluster: Cluster, name: str, statement: str) -> list[tuple[object, ...]]:
    with cluster.connected(name) as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def name_of(url: str) -> str:
    return str(Database(url).url.database)


def test_a_database_that_is_lent_again_is_empty_and_left_by_all(postgres: Cluster) -> None:
    with postgres.lent(TEMPLATE) as url:
        first = name_of(url)
        run(postgres, first, "INSERT INTO processes (id) VALUES (gen_random_uuid())")
        stays = psycopg2.connect(dbname=first, user=USER, host=str(postgres.folder))
        stays.cursor().execute("SELECT 1 FROM processes")
    with pytest.raises(psycopg2.OperationalError):
        stays.cursor().execute("SELECT 1")
    with postgres.lent(TEMPLATE) as url:
        assert name_of(url) == first
        assert run(postgres, first, "SELECT count(*) FROM processes") == [(0,)]
        assert run(postgres, first, "SELECT count(*) FROM alembic_version") == [(1,)]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE chats ALTER COLUMN title DROP NOT NULL",
        "ALTER TABLE chats ADD COLUMN more text",
        "CREATE INDEX another ON chats (title)",
        "DROP TABLE slack_answers",
        "UPDATE alembic_version SET version_num = '0001'",
        "DROP TABLE alembic_version",
    ],
)
def test_a_database_whose_schema_was_changed_is_lent_no_more(postgres: Cluster, change: str) -> None:
    with postgres.lent(TEMPLATE) as url:
        changed = name_of(url)
        run(postgres, changed, change)
    with postgres.lent(TEMPLATE) as url:
        assert name_of(url) != changed
