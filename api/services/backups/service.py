"""Backup, verify, restore, move: the whole of an instance, on either database. Rows and files are streamed."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from api.db import Database, current_revision, head_revision, upgrade
from api.domain import clock
from api.domain.errors import Conflict, Invalid
from api.domain.ids import new_id
from api.repositories import transfer
from api.repositories.presence import presence_of
from api.repositories.processes import ProcessRepository
from api.security.vault import Vault, VaultError
from api.services.backups import archive as archives

VOID_AFTER_RESTORE: Final = frozenset(("sessions",))


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backup, a restore or a move carried."""

    schema: str
    rows: int
    files: int
    unreadable_keys: int = 0


class BackupService:
    """`data_dir` holds the instance's files; a SQLite file in it is the database, not one of them. `make_searchable`
    sees to what a database was filled with."""

    def __init__(
        self, database: Database, data_dir: Path, vault: Vault, make_searchable: Callable[[Database], None]
    ) -> None:
        self._database = database
        self._data_dir = data_dir
        self._vault = vault
        self._make_searchable = make_searchable

    # Backup

    def backup(self, target: Path) -> Summary:
        """Write and verify a backup while others work. Raises Conflict where the schema is not this code's."""
        schema = _at_head(self._database)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = target.with_name(target.name + ".partial")
        try:
            with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                    self._write(archive, schema)
                file.flush()
                os.fsync(file.fileno())
            summary = self.verify(draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        archives.note(self._data_dir, target)
        return summary

    def _write(self, archive: zipfile.ZipFile, schema: str) -> None:
        shapes = transfer.shapes()
        manifest: dict[str, Any] = {
            "format": archives.FORMAT,
            "schema": schema,
            "made": clock.now().isoformat(),
            "shapes": shapes,
            "tables": {},
            "files": {},
        }
        with transfer.snapshot(self._database) as connection:
            for name, shape in shapes.items():
                digest = transfer.Digest()
                with archive.open(f"tables/{name}.jsonl", "w", force_zip64=True) as out:
                    for line in transfer.lines(connection, name, shape):
                        digest.add(line)
                        out.write(line + b"\n")
                manifest["tables"][name] = digest.told()
        for path in self._files():  # after the rows: what they refer to is there
            inside = path.relative_to(self._data_dir).as_posix()
            try:
                with path.open("rb") as source, archive.open(f"files/{inside}", "w", force_zip64=True) as out:
                    manifest["files"][inside] = archives.copied(source, out)
            except FileNotFoundError:  # deleted meanwhile, and so no row of a later moment has it
                continue
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))

    def _files(self) -> Iterator[Path]:
        database = str(Path(self._database.url.database or "").resolve()) if not self._database.is_postgresql else None
        for path in sorted(self._data_dir.rglob("*")):
            inside = path.relative_to(self._data_dir)
            hidden = any(part.startswith(".") for part in inside.parts) or inside.parts[0] in archives.NOT_FILES
            if path.is_file() and not hidden and not (database and str(path.resolve()).startswith(database)):
                yield path

    # Verify

    def verify(self, source: Path) -> Summary:
        """Read a backup whole and compare it with what it says of itself. Raises Invalid."""
        with archives.opened(source) as archive:
            manifest = archives.manifest_of(archive)
            for name, told in manifest["tables"].items():
                digest = transfer.Digest()
                for line in archives.lines(archive, name):
                    digest.add(line)
                if digest.told() != told:
                    raise Invalid(f"The backup is damaged: table {name} differs from its manifest. Use another backup.")
            for inside, told in manifest["files"].items():
                if archives.hash_of(archive, f"files/{inside}") != told:
                    raise Invalid(f"The backup is damaged: file {inside} differs. Use another backup.")
        return _summary(manifest)

    # Restore

    def restore(self, source: Path, *, replace: bool = False) -> Summary:
        """Make this instance what the backup says, at this code's schema. All sessions are void afterwards.

        Raises Conflict where a server runs, or people are here and `replace` does not say to drop them.
        """
        told = self.verify(source)
        if told.schema > head_revision():
            raise Conflict(f"The backup is of schema {told.schema}, newer than this code: use a newer Parley.")
        refuse_running(self._database)
        refuse_inhabited(self._database, replace)
        with archives.opened(source) as archive:
            manifest = archives.manifest_of(archive)
            if self._database.is_postgresql:
                self._fill(self._database, archive, manifest)
            else:
                self._fill_file(archive, manifest)
            for inside in manifest["files"]:
                self._restore_file(archive, inside)
        unreadable = self.unreadable_keys()
        return Summary(told.schema, told.rows, told.files, unreadable)

    def _fill(self, database: Database, archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
        prepare(database, manifest["schema"])
        with transfer.writing(database) as connection:
            transfer.clear(connection, [*manifest["shapes"], *transfer.OF_A_PROCESS])
            for name, shape in manifest["shapes"].items():
                if name not in VOID_AFTER_RESTORE:
                    transfer.insert(connection, name, shape, archives.lines(archive, name))
        upgrade(database)
        self._make_searchable(database)

    def _fill_file(self, archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
        """A new file, whole, takes the old one's place; the old one stays beside it."""
        path = Path(str(self._database.url.database))
        self._database.dispose()
        draft = path.with_name(path.name + ".restoring")
        _remove(draft)
        fresh = Database(self._database.url.set(database=str(draft)), 1)
        try:
            self._fill(fresh, archive, manifest)
        finally:
            fresh.dispose()
        stamp = f"{clock.now():%Y%m%dT%H%M%SZ}"
        for ending in ("", "-wal", "-shm"):
            old = Path(f"{path}{ending}")
            if old.exists():
                old.rename(f"{path}.replaced-{stamp}{ending}")
        draft.rename(path)
        _remove(draft)

    def _restore_file(self, archive: zipfile.ZipFile, inside: str) -> None:
        target = self._data_dir / inside
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.restoring")
        with archive.open(f"files/{inside}") as source, draft.open("wb") as out:
            shutil.copyfileobj(source, out, archives.CHUNK)
        draft.replace(target)

    def unreadable_keys(self) -> int:
        """Provider keys that the keys of ENCRYPTION_KEY do not open."""
        found = 0
        with transfer.snapshot(self._database) as connection:
            for row_id, token in transfer.sealed(connection):
                try:
                    self._vault.open(token, row_id)
                except VaultError:
                    found += 1
        return found

    # Move

    def move(self, target: Database, *, replace: bool = False) -> Summary:
        """Carry every row to another database and compare the hashes of both. Raises Conflict."""
        schema = _at_head(self._database)
        for database in (self._database, target):
            refuse_running(database)
        refuse_inhabited(target, replace)
        prepare(target, schema)
        shapes = transfer.shapes()
        with transfer.snapshot(self._database) as source, transfer.writing(target) as connection:
            transfer.clear(connection, [*shapes, *transfer.OF_A_PROCESS])
            sent = {
                name: transfer.insert(connection, name, shape, transfer.lines(source, name, shape))
                for name, shape in shapes.items()
            }
        kept = hashes(target)
        if different := [name for name in shapes if kept[name] != sent[name]]:
            raise Conflict(f"After the move these tables differ: {', '.join(different)}. Stay with the old database.")
        self._make_searchable(target)
        return Summary(schema, sum(digest.rows for digest in sent.values()), 0)


def hashes(database: Database) -> dict[str, transfer.Digest]:
    """Count and hash of every table, equal wherever the rows are equal."""
    found = {}
    with transfer.snapshot(database) as connection:
        for name, shape in transfer.shapes().items():
            found[name] = transfer.Digest()
            for line in transfer.lines(connection, name, shape):
                found[name].add(line)
    return found


def prepare(database: Database, schema: str) -> None:
    """Tables of that schema where there are none. Raises Conflict where there are those of another."""
    current = current_revision(database)
    if current is None:
        upgrade(database, schema)
    elif current != schema:
        raise Conflict(f"That database is at schema {current}, the data at {schema}: give an empty database.")


def refuse_running(database: Database) -> None:
    if current_revision(database) is None:
        return
    presence = presence_of(database, new_id())
    with transfer.snapshot(database) as connection:
        known = ProcessRepository(connection).heartbeats()
    if any(not presence.is_free(process) for process in known):
        where = database.url.render_as_string(hide_password=True)
        raise Conflict(f"A server runs on {where}. Stop it, then try again; nothing was changed.")


def refuse_inhabited(database: Database, replace: bool) -> None:
    if replace or current_revision(database) is None:
        return
    with transfer.snapshot(database) as connection:
        people = transfer.count(connection, "users")
    if people:
        where = database.url.render_as_string(hide_password=True)
        raise Conflict(f"{where} has {people} accounts already. To replace all that it holds, add --replace.")


def _at_head(database: Database) -> str:
    schema, head = current_revision(database), head_revision()
    if schema != head:
        what = "use the newer Parley" if schema and schema > head else "run `upgrade` first"
        raise Conflict(f"The database is at schema {schema or 'none'}, this code at {head}: {what}.")
    return head


def _summary(manifest: dict[str, Any]) -> Summary:
    rows = sum(told["rows"] for told in manifest["tables"].values())
    return Summary(manifest["schema"], rows, len(manifest["files"]))


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", ".migrate.lock"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
