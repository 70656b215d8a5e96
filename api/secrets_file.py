"""The development secrets, made once in `DATA_DIR/secrets.env` with mode 0600. Standard library only: the supervisor
makes them before it starts a server, and a server that is started alone makes them itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import sys
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

SECRETS = ("JWT_SECRET", "ENCRYPTION_KEY", "TOKEN_PEPPER", "PAGE_SECRET")
EXAMPLES = re.compile(r"change.?me|example|secret.?key|your[-_ ]|0123456789abcdef|password", re.IGNORECASE)
LONGEST_PATTERN = 8


def is_weak(value: str) -> bool:
    """An example, or a short pattern said again and again: what somebody typed, and others can guess."""
    value = value.lower()
    repeated = any(value[size:] == value[:-size] for size in range(1, LONGEST_PATTERN + 1))
    return repeated or EXAMPLES.search(value) is not None


def read_lines(path: Path) -> dict[str, str]:
    """KEY=value lines; comments, blank lines, `export` and quotes around a value are dropped."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip().removeprefix("export "): value.strip().strip("'\"") for key, _, value in pairs}


def ensure(data_dir: Path, elsewhere: Set[str]) -> dict[str, str]:
    """What is kept in the file, where the secrets that are not set `elsewhere` are made once.

    Starts at the same time end with the same values; nobody sees a half-written file. Raises OSError.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_dir / "secrets.env"
    with _locked(data_dir):
        kept = read_lines(path)
        if missing := [name for name in SECRETS if name not in elsewhere and not kept.get(name)]:
            kept |= {name: secrets.token_hex(32) for name in missing}
            _write(path, kept)
        if path.exists() and path.stat().st_mode & 0o077:
            path.chmod(0o600)
    return {name: kept[name] for name in SECRETS if kept.get(name)}


def make_each(folder: Path, names: list[str], given: Mapping[str, str]) -> None:
    """A file for each secret, named like it: what is given, else what is there, else made now. Raises OSError."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _locked(folder):
        for name in names:
            path = folder / name
            kept = path.read_text(encoding="utf-8") if path.exists() else ""
            text = f"{given[name]}\n" if given.get(name) else kept or secrets.token_hex(32) + "\n"
            if text != kept:
                _write_text(path, text, 0o444)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time; the kernel lets go when a holder dies."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, values: dict[str, str]) -> None:
    _write_text(path, "".join(f"{name}={value}\n" for name, value in values.items()), 0o600)


def _write_text(path: Path, text: str, mode: int) -> None:
    """A whole file or none."""
    draft = path.with_name(f".secrets.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


if __name__ == "__main__":  # python -m api.secrets_file FOLDER NAME… [FOLDER NAME…]: for containers
    _folder = Path()
    for _word in sys.argv[1:]:
        if "/" in _word:
            _folder = Path(_word)
        else:
            make_each(_folder, [_word], os.environ)  # noqa: TID251  (of .env, so that all containers have the same)
