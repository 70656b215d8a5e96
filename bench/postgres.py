"""A PostgreSQL for one run, as the tests have it, but over TCP and with its own settings, as people run it."""

from __future__ import annotations

from pathlib import Path
from subprocess import CalledProcessError

from bench.processes import DidNotStart, free_port
from tests import postgres
from tests.postgres import USER, NoPostgres

__all__ = ["Cluster", "NoPostgres"]


class Cluster(postgres.Cluster):
    """Every setting is PostgreSQL's own default, fsync too; only address and socket are ours."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ("listen_addresses=127.0.0.1",), free_port())

    def url(self, name: str = USER) -> str:
        return f"postgresql+psycopg2://{USER}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        self.folder.mkdir()
        try:
            self.create()
            super().start()
        except (CalledProcessError, RuntimeError) as error:
            raise DidNotStart(f"PostgreSQL did not start: {error}") from error
        self.execute(f"CREATE DATABASE {USER}")
