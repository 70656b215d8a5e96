"""A backup as a file: one zip of `tables/<name>.jsonl`, `files/<path>`, and last `manifest.json`.

The manifest has the schema, the shape, count and hash of each table and the hash of each file. Secrets are never in it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from api.domain.errors import Invalid

FORMAT: Final = 1
CHUNK: Final = 1 << 20
# RuntimeError: zipfile's word for what is encrypted, or packed in a way that it does not know.
DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError)
NOT_FILES: Final = ("secrets.env", "backups")  # secrets are kept apart; a backup holds no backups


NEWEST: Final = "newest"  # in DATA_DIR/backups: where the last one went


def default_name(moment: dt.datetime) -> str:
    return f"parley-{moment:%Y%m%dT%H%M%SZ}.zip"


def note(data_dir: Path, target: Path) -> None:
    """A backup may lie where `doctor` cannot look, in another container's volume."""
    (data_dir / "backups").mkdir(mode=0o700, parents=True, exist_ok=True)
    (data_dir / "backups" / NEWEST).write_text(f"{target.resolve()}\n", encoding="utf-8")


def newest(data_dir: Path) -> tuple[float, Path] | None:
    """When the last backup was made from this DATA_DIR, and where it went."""
    made = [(path.stat().st_mtime, path) for path in (data_dir / "backups").glob("parley-*.zip")]
    with contextlib.suppress(FileNotFoundError):
        told = data_dir / "backups" / NEWEST
        made.append((told.stat().st_mtime, Path(told.read_text(encoding="utf-8").strip())))
    return max(made, default=None)


def opened(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except FileNotFoundError as error:
        raise Invalid(f"There is no file {source}.") from error
    except (OSError, zipfile.BadZipFile) as error:
        raise Invalid(f"{source} is not a backup, or not a whole one: {error}") from error


def manifest_of(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest, with names that can be trusted as places on this disk."""
    try:
        manifest: dict[str, Any] = json.loads(archive.read("manifest.json"))
        wrong = manifest["format"] != FORMAT
    except (*DAMAGED, ValueError, TypeError) as error:
        raise Invalid("This is not a backup of Parley: it has no manifest.") from error
    if wrong:
        raise Invalid(f"The backup has format {manifest['format']}; this Parley reads format {FORMAT}.")
    for inside in manifest["files"]:
        place = PurePosixPath(inside)
        if place.is_absolute() or ".." in place.parts or place.parts[0] in NOT_FILES:
            raise Invalid(f"The backup names a file outside its place: {inside}")
    return manifest


def lines(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with archive.open(f"tables/{name}.jsonl") as file:
            for line in file:
                yield line.rstrip(b"\n")
    except DAMAGED as error:
        raise Invalid(f"The backup is damaged: table {name} cannot be read. Use another backup.") from error


def hash_of(archive: zipfile.ZipFile, member: str) -> str:
    try:
        with archive.open(member) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except DAMAGED as error:
        raise Invalid(f"The backup is damaged: {member} cannot be read. Use another backup.") from error


def copied(source: IO[bytes], out: IO[bytes]) -> str:
    """Copy in small pieces; the hash of what went by."""
    digest = hashlib.sha256()
    while piece := source.read(CHUNK):
        digest.update(piece)
        out.write(piece)
    return digest.hexdigest()
