"""A provider key that the tests' servers hold, and the search for it in all that they say and store.

Every real server of the suite is searched when it ends (`tests.server`): its log, its metrics, its database and its
data folder; every answer when it is read; PostgreSQL's own log at its end. `tests/security/test_canary.py` shows that
the search finds what it should.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

KEY = "sk-canary-Zt4Wq8Lr2VnXc6Jb0HyGd9MsEf3PaKu7RiTo1BvQ"
WINDOW = 12
_CHUNK, _STRIDE = 4, 9  # any 12 characters in a row hold one of these chunks whole
_SMALL = 1 << 13
_STEP = 16 << 20


def _spellings() -> Iterator[bytes]:
    """The secret part of the key: raw, in hexadecimal, and in base64 at each of its three offsets."""
    raw = KEY.removeprefix("sk-canary-").encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):
        core = base64.b64encode(b"\0" * shift + raw)[(0, 2, 3)[shift] :].rstrip(b"=")
        yield core[: len(core) - 1]
        # URL-safe base64 differs in characters that this key's never has


SPELLINGS = tuple(_spellings())
_CHUNKS = {spelling[at : at + _CHUNK] for spelling in SPELLINGS for at in range(0, len(spelling) - _CHUNK + 1, _STRIDE)}
_WINDOWS = {spelling[at : at + WINDOW] for spelling in SPELLINGS for at in range(len(spelling) - WINDOW + 1)}


def found_in(data: bytes) -> bytes | None:
    """The first 12 characters of the key, in any spelling, that stand in `data`."""
    for at in _candidates(data):
        for start in range(max(0, at - WINDOW + _CHUNK), at + 1):
            if data[start : start + WINDOW] in _WINDOWS:
                return data[start : start + WINDOW]
    return None


def _candidates(data: bytes) -> Iterator[int]:
    """Where one of the chunks stands."""
    if len(data) < _SMALL:
        for chunk in _CHUNKS:
            at = data.find(chunk)
            while at >= 0:
                yield at
                at = data.find(chunk, at + 1)
        return
    codes = np.frombuffer(data, np.uint8).astype(np.uint16)
    pairs = codes[:-1] << 8 | codes[1:]
    likely = np.flatnonzero(_FIRST[pairs[:-2]] & _SECOND[pairs[2:]])
    yield from (at for at in likely.tolist() if data[at : at + _CHUNK] in _CHUNKS)


def _table(place: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which pairs of bytes stand at that place of a chunk."""
    table = np.zeros(1 << 16, np.bool_)
    table[[int.from_bytes(chunk[place : place + 2]) for chunk in _CHUNKS]] = True
    return table


_FIRST, _SECOND = _table(0), _table(2)


def check(data: bytes, where: str) -> None:
    """Raises AssertionError where the key, or a part of it, stands in `data`."""
    found = found_in(data)
    assert found is None, f"the canary's {found!r} stands in {where}"


def check_file(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        before = b""
        while data := file.read(_STEP):
            check(before + data, str(path))
            before = data[-2 * WINDOW :]


def check_folder(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            check_file(path)


def check_database(url: str) -> None:
    """Every row of every table, in words; a file is searched byte by byte, with its log and what was deleted."""
    if url.startswith("sqlite"):
        path = sa.make_url(url).database
        for suffix in ("", "-wal", "-journal"):
            check_file(Path(f"{path}{suffix}"))
        return
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"options": "-c statement_timeout=60000"})
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(engine.connect())
        except sa.exc.OperationalError:
            return  # a cluster that its test has stopped
        for table in sa.inspect(connection).get_table_names():
            rows = connection.execute(sa.text(f'SELECT t::text FROM "{table}" t'))
            while some := rows.scalars().fetchmany(1000):
                check("\n".join(some).encode("utf-8", "replace"), table)
    engine.dispose()
