"""An import of a generated export: how long it takes, and how much memory above idle.

python -m bench.imports                  300 MB in ChatGPT's form, on SQLite
python -m bench.imports --megabytes 3    less
python -m bench.imports --postgresql     on PostgreSQL
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.app import create_app
from api.config import Settings
from api.domain.principal import ALL_SCOPES, Principal
from api.services.accounts import NewAccount
from api.services.registry import Services
from bench.postgres import Cluster

PROMISE_MB = 200.0
MESSAGES = 60
LARGEST = 5_000_000  # characters of one conversation in fifty: a long one with pastes
WORDS = ["tree", "Wald", "森林", "“quoted”", "a\nline", 'x = {"y": [1, 2]}', "🌲", "forêt", "back\\slash", "<b>"]
SECRETS = dict.fromkeys(("jwt_secret", "encryption_key", "token_pepper", "page_secret"), "5f1c84d09be72a63" * 4)


def conversation(number: int, chance: random.Random) -> dict[str, Any]:
    """A chain with a regenerated answer here and there."""
    long = number % 50 == 49
    words = LARGEST // MESSAGES // 6 if long else chance.randint(20, 300)
    mapping: dict[str, Any] = {"root": {"id": "root", "parent": None, "children": ["n0"], "message": None}}
    for n in range(MESSAGES):
        role = "assistant" if n % 2 else "user"
        text = " ".join(chance.choices(WORDS, k=words))
        metadata = {"model_slug": "gpt-4o", "citations": [], "attachments": []} if n % 2 else {}
        message = {"id": f"n{n}", "author": {"role": role, "name": None, "metadata": {}}, "create_time": 1.7e9 + n}
        message |= {"content": {"content_type": "text", "parts": [text]}, "weight": 1.0, "metadata": metadata}
        parent = "root" if n == 0 else f"n{n - 1}" if n % 10 else f"n{n - 2 + n % 2}"
        mapping[f"n{n}"] = {"id": f"n{n}", "parent": parent, "children": [f"n{n + 1}"], "message": message}
    about = {
        "title": f"Talk {number}",
        "create_time": 1.7e9,
        "update_time": 1.7e9 + 100,
        "current_node": f"n{MESSAGES - 1}",
    }
    return {"conversation_id": f"conversation-{number}", "mapping": mapping} | about


def written(path: Path, megabytes: float) -> int:
    """An export of that size; how many conversations it holds."""
    chance = random.Random(4)
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        while file.tell() < megabytes * 1e6:
            file.write(("," if count else "") + json.dumps(conversation(count, chance), ensure_ascii=count % 2 == 0))
            count += 1
        file.write("]")
    return count


def memory(kind: str) -> float:
    """VmRSS or VmHWM of this process, in MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) / 1000
    raise RuntimeError("this needs Linux")


@contextlib.contextmanager
def server(folder: Path, on_postgresql: bool) -> Iterator[Services]:
    """All services, over a database of their own."""
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder}/parley.db"
        if on_postgresql:
            cluster = Cluster(folder / "postgres")
            cluster.start()
            stack.callback(cluster.stop)
            url = cluster.url()
        values: dict[str, Any] = {"data_dir": folder, "database_url": url, **SECRETS}
        app = create_app(Settings(**values))
        stack.callback(app.extensions["parley_close"])
        yield app.extensions["parley"]


def measured(services: Services, path: Path, count: int) -> bool:
    """Whether all of it came in, within the memory that is promised."""
    user = services.accounts.register(NewAccount("ann@example.org", "ann", "correct horse battery"))
    who = Principal(user.id, user.username, user.role, ALL_SCOPES)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted from here
    idle, begun = memory("VmRSS"), time.perf_counter()
    with path.open("rb") as file:
        run = services.imports.whole(who, file, path.stat().st_size)
    seconds, above = time.perf_counter() - begun, memory("VmHWM") - idle
    kept = run.added == count and run.failed == 0 and above < PROMISE_MB
    print(
        f"import of {path.stat().st_size / 1e6:,.0f} MB, {run.added:,} of {count:,} conversations in {seconds:,.1f} s; "
        f"peak {above:,.0f} MB above idle ({idle:,.0f} MB), at most {PROMISE_MB:,.0f}: {'kept' if kept else 'NOT KEPT'}"
    )
    with path.open("rb") as file:
        again = services.imports.whole(who, file, path.stat().st_size)
    print(f"the same again: {again.unchanged:,} unchanged, {again.added:,} added")
    return kept and again.unchanged == count


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=float, default=300)
    arguments.add_argument("--postgresql", action="store_true")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        count = written(folder / "conversations.json", given.megabytes)
        with server(folder, given.postgresql) as services:
            return 0 if measured(services, folder / "conversations.json", count) else 1


if __name__ == "__main__":
    sys.exit(main())
