"""`doctor`: looks at everything an operator can get wrong, and says what to do about it."""

from __future__ import annotations

import resource
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import click
import requests
import sqlalchemy as sa

from api import wiring
from api.cli.common import settings
from api.config import Settings
from api.db import Database, current_revision, head_revision
from api.repositories import transfer
from api.repositories.diagnosis import Diagnosis
from api.secrets_file import SECRETS
from api.services.backups import newest

GIB = 1 << 30
DAY = 86_400.0
SLOW_CLOCK = 2.0
OLDEST = {"PostgreSQL": "15", "SQLite": "3.40"}
CLOSING = 25  # what deploy/gunicorn.conf.py adds to DRAIN_SECONDS
CONTAINER = 60  # `stop_grace_period` in docker-compose.yml
OLLAMA = "http://127.0.0.1:11434"


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is ok, warn or bad; `advice` says what to do where it is not ok."""

    level: str
    what: str
    advice: str = ""


def judged(good: bool, what: str, advice: str, level: str = "bad") -> Finding:
    return Finding("ok", what) if good else Finding(level, what, advice)


@click.command("doctor")
@click.option("--url", help="The API as people reach it, through the proxy; with --key its buffering is tried.")
@click.option("--key", help="An API key with the scope chat, for --url; or PARLEY_KEY.", envvar="PARLEY_KEY")
def doctor(url: str | None, key: str | None) -> None:
    """Check settings, secrets, database, clock, disk, backups, providers and the proxy; say what to do."""
    known = settings()
    worst = False
    for finding in findings(known, url, key):
        click.echo(f"{finding.level:4}  {finding.what}" + (f"\n      → {finding.advice}" if finding.advice else ""))
        worst = worst or finding.level == "bad"
    if worst:
        raise click.ClickException("Something here needs you; what is marked `bad` first.")


def findings(known: Settings, url: str | None, key: str | None) -> Iterator[Finding]:
    yield Finding("ok", "settings: readable and complete")
    yield from _secrets(known)
    yield from _machine(known)
    database = Database(known.sqlalchemy_url, 2)
    try:
        yield from _database(known, database)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        where = database.url.render_as_string(hide_password=True)
        yield Finding("bad", f"database: {where} cannot be used: {error}", "start it, or set DATABASE_URL")
    finally:
        database.dispose()
    yield from _providers(known)
    if url:
        yield from _proxy(url.rstrip("/"), key)


def _secrets(known: Settings) -> Iterator[Finding]:
    values = [getattr(known, name.lower()).get_secret_value() for name in SECRETS]
    yield judged(len(set(values)) == len(values), "secrets: no two are equal", "make each one by itself")
    path = known.data_dir / "secrets.env"
    if path.exists():
        private = path.stat().st_mode & 0o077 == 0
        yield judged(private, f"secrets: {path} is for its owner alone", f"chmod 600 {path}")
    local = known.api_host in ("127.0.0.1", "::1", "localhost") and not known.public_url
    told = "mode: production, or on this machine alone"
    yield judged(known.production or local, told, "set PARLEY_ENV=production before others can reach it")


def _machine(known: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(known.data_dir).free
    yield judged(free > GIB, f"disk: {free / GIB:.1f} GiB free in DATA_DIR", "free some, or move DATA_DIR", "warn")
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * known.max_streams + 200
    advice = f"raise it (`ulimit -n {wanted}`, LimitNOFILE=) or set MAX_STREAMS={max(1, (most - 200) // 2)}"
    yield judged(most >= wanted, f"files: {most} may be open, {wanted} are needed for MAX_STREAMS", advice, "warn")
    yield stopping(known.drain_seconds)
    made = newest(known.data_dir.resolve())
    age = (time.time() - made[0]) / DAY if made else None
    told = f"backups: the newest is {age:.1f} days old, {made[1]}" if made else "backups: none was made yet"
    yield judged(age is not None and age < 2, told, "run `backup` every day, and keep a copy elsewhere", "warn")


def stopping(drain_seconds: float) -> Finding:
    """Running replies are to end before the server does, and the server before its container."""
    least = int(drain_seconds) + CLOSING
    told = f"stopping: replies get {drain_seconds:g} s, the server {least} s, its container {CONTAINER} s as shipped"
    advice = f"with containers give `api` a `stop_grace_period` over {least}s, or set DRAIN_SECONDS < "
    return judged(least < CONTAINER, told, f"{advice}{CONTAINER - CLOSING}", "warn")


def _database(known: Settings, database: Database) -> Iterator[Finding]:
    current, head = current_revision(database), head_revision()
    if current is not None and current > head:
        yield Finding("bad", f"schema: {current} is newer than this code ({head})", "use a newer Parley")
        return
    told = f"schema: {current or 'none'}, this code has {head}"
    yield judged(current == head, told, "run `flask --app api.cli upgrade`; a server's start does it too", "warn")
    with database.reader.connect() as connection:
        facts = Diagnosis(connection).facts()
    yield version("PostgreSQL" if database.is_postgresql else "SQLite", facts.version)
    for name, (found, wanted) in facts.flags.items():
        yield judged(found == wanted, f"database: {name} is {found}", f"it must be {wanted}, or data can be lost")
    if facts.connections is not None:
        used = known.web_concurrency * (known.db_pool_size + 2)
        told = f"database: {facts.connections} connections, {used} used by one replica"
        yield judged(used < facts.connections, told, "raise max_connections or lower DB_POOL_SIZE")
        yield _clock("the database's", facts.clock_offset)
    if current == head:
        unreadable = wiring.backups(known, database).unreadable_keys()
        with transfer.snapshot(database) as connection:
            people = transfer.count(connection, "users")
        told = f"accounts: {people}; provider keys that cannot be opened: {unreadable}"
        yield judged(
            not unreadable, told, "add the ENCRYPTION_KEY of that time, after a comma, or enter the keys again"
        )


def version(kind: str, found: tuple[int, ...]) -> Finding:
    oldest = OLDEST[kind]
    told = f"database: {kind} {found[0]}.{found[1]}"
    is_good = found >= tuple(map(int, oldest.split(".")))
    return judged(is_good, told, f"{kind} {oldest} is the oldest that is supported", "warn")


def _clock(whose: str, offset: float) -> Finding:
    told = f"clock: {offset:.1f} s from {whose}"
    return judged(offset < SLOW_CLOCK, told, "run NTP on both machines: sessions and limits follow the clock", "warn")


def _providers(known: Settings) -> Iterator[Finding]:
    for vendor, url in ({"ollama": OLLAMA} | known.base_urls()).items():
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), timeout=3).close()
            yield Finding("ok", f"provider {vendor}: {parts.hostname}:{port} answers")
        except OSError as error:
            if vendor == "ollama" and not known.ollama_base_url:
                continue  # nobody asked for it
            advice = f"start it, or set {vendor.upper()}_BASE_URL"
            yield Finding("warn", f"provider {vendor}: {parts.hostname}:{port}: {error}", advice)


def _proxy(url: str, key: str | None) -> Iterator[Finding]:
    try:
        ready = requests.get(f"{url}/ready", timeout=10, allow_redirects=False)
    except requests.RequestException as error:
        yield Finding("bad", f"proxy: {url} does not answer: {type(error).__name__}", "look at the proxy's log")
        return
    yield judged(ready.status_code == 200, f"proxy: {url}/ready says {ready.status_code}", "look at the API's log")
    metrics = requests.get(f"{url}/metrics", timeout=10).status_code
    yield judged(metrics != 200, "proxy: /metrics is not for everybody", "let the proxy answer 404 there", "warn")
    if key:
        yield _buffering(url, {"Authorization": f"Bearer {key}"})
    else:
        yield Finding("warn", "proxy: buffering was not tried", "give an API key with --key")


def _buffering(url: str, headers: dict[str, str]) -> Finding:
    """A reply that takes a second must take a second to arrive."""
    made = requests.post(f"{url}/chats", json={"title": "doctor"}, headers=headers, timeout=10)
    if made.status_code != 201:
        return Finding("bad", f"proxy: a chat could not be made ({made.status_code})", "give a key with the scope chat")
    chat, came = f"{url}/chats/{made.json()['id']}", []
    try:
        body = {"content": "demo:count 40", "model": "demo/demo"}
        asked = headers | {"Accept": "text/event-stream", "Idempotency-Key": str(uuid.uuid4())}
        with requests.post(f"{chat}/messages", json=body, headers=asked, stream=True, timeout=30) as answer:
            came = [time.monotonic() for line in answer.iter_lines(chunk_size=1) if line.startswith(b"event: delta")]
    finally:
        requests.delete(chat, headers=headers, timeout=10)
    spread = came[-1] - came[0] if came else 0.0
    told = f"proxy: a reply's events came over {spread:.1f} s"
    return judged(spread > 0.2, told, "the proxy holds them back: in nginx set `proxy_buffering off`")
