"""`make bench`: one table of what a reply costs, ours beside a reference line, in under four minutes.

python -m bench.run                        everything
python -m bench.run --quick                shorter, without the 1,000 streams
python -m bench.run --only sqlite paced-200   named rows and cells only (with direct and reference)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec

from bench import decode, parley
from bench.load import Order, Report, Seat
from bench.postgres import Cluster, NoPostgres
from bench.processes import REPOSITORY, DidNotStart, Server, Watch, free_port, memory_mib, pss_mib
from bench.report import DIRECT, REFERENCE, Measure, Results, Start
from bench.workload import CELLS, Cell

WIRES = ("openai", "anthropic", "gemini", "ollama")
WIRE_CELL = Cell("wires", "100 streams of 200 tokens x 10 ms", 100, 200, 10, 0.5)
MOST_OF_OPENAI = 1.5
CHATS = 1000
"""Chats a server; cells use them in turn: each has a few turns of context and never two replies at once."""
SETTLE = 0.6
"""Seconds after a load that still count: the last flush and what is closed late."""
IDLE = 2.0
FILES = 4096
"""Open files that 1,000 streams need: two sockets each in the server."""
TITLES = {
    DIRECT: "direct (mock, absolute)",
    REFERENCE: "reference",
    "sqlite": "ours, SQLite",
    "sqlite-v1": "ours, SQLite, /v1",
    "postgres": "ours, PostgreSQL x2",
    "postgres-v1": "ours, PostgreSQL x2, /v1",
}


@dataclass(slots=True)
class Row:
    """A line of every cell: where its load goes."""

    id: str
    server: Server
    form: Literal["openai", "native"] = "openai"
    path: str = "/v1/chat/completions"
    prefix: str = ""
    seats: list[Seat] = field(default_factory=list)
    database: Cluster | None = None
    sent: int = 0


class Bench:
    """One run: measures each server's start alone, then every cell with all servers side by side."""

    def __init__(self, rows: list[str], cells: list[Cell], folder: Path, stack: ExitStack) -> None:
        self._wanted = rows
        self._cells = cells
        self.folder = folder
        self._stack = stack
        self._absent: dict[str, str] = {}
        self._starts: dict[str, Start] = {}
        self._speeds: list[float] = []

    def run(self) -> None:
        began = time.perf_counter()
        rows = self._prepare()
        titles = {row: title for row, title in TITLES.items() if row in self._wanted}
        results = Results(titles, self._starts, self._absent)
        for row in rows:
            self._warm(row)
        for cell in self._cells:
            for row in _order(rows, cell):
                _say(f"{cell.id}: {row.id}")
                results.add(self.measure(cell, row))
        print("\n".join(results.table(self._cells)))
        for line in self._by_wire(rows):
            print(line)
        print("\nFirst targets")
        print("\n".join(results.targets()) or "nothing of ours was measured")
        speeds = f"{min(self._speeds):.1f} / {median(self._speeds):.1f} / {max(self._speeds):.1f}"
        print(f"\nMachine: {os.cpu_count()} cores; a fixed piece of work took {speeds} ms (best, median, worst)")
        print(f"Whole run: {time.perf_counter() - began:.0f} s")

    def _prepare(self) -> list[Row]:
        """Every wanted row whose server runs, in the table's order; all are up when this returns."""
        port = free_port()
        command = [sys.executable, "-m", "bench.mock_provider", "--port", str(port)]
        mock = Server(DIRECT, command, port, self.folder / "mock.log", health="/v1/models")
        self._stack.callback(mock.stop)
        mock.start()
        rows = [Row(DIRECT, mock)]
        if REFERENCE in self._wanted:
            rows.append(Row(REFERENCE, self._reference(port)))
        for name in ("sqlite", "postgres"):
            rows += self._ours(name, f"http://127.0.0.1:{port}")
        for server in {id(row.server): row.server for row in rows if row.server is not mock}.values():
            server.start()
        return [row for row in rows if row.id in self._wanted]

    def _reference(self, upstream: int) -> Server:
        port = free_port()
        app = f"bench.reference:create_app('http://127.0.0.1:{upstream}/v1')"
        options = ["-k", "gthread", "-w", "1", "--threads", "1050", "--worker-connections", "1200"]
        command = [parley.GUNICORN, *options, "-b", f"127.0.0.1:{port}", "--no-control-socket", app]
        server = Server(REFERENCE, command, port, self.folder / "reference.log")
        self._stack.callback(server.stop)
        server.start()
        server.stop()
        self._starts[REFERENCE] = _measured_start(server)
        return server

    def _ours(self, name: str, upstream: str) -> list[Row]:
        """The native row and the /v1 row of one database, or none with the reason noted."""
        names = (name, f"{name}-v1")
        if not set(names) & set(self._wanted):
            return []
        try:
            database = self._database() if name == "postgres" else None
            server = parley.server(name, free_port(), upstream, self.folder / name, database)
            self._stack.callback(server.stop)
            _say(f"{name}: the first start migrates; then accounts and chats")
            server.start()
            seats = parley.prepare(server.port, CHATS)
            speaks_openai = parley.speaks_openai(server.port, seats[0].key)
            server.stop()
            start = _measured_start(server)
        except (NoPostgres, DidNotStart, parley.Refused) as error:
            _say(f"{name}: {error}")
            self._absent |= dict.fromkeys(names, str(error).splitlines()[0])
            return []
        self._starts |= dict.fromkeys(names, start)
        native = Row(names[0], server, "native", "/chats/{chat}/messages", "openai/", seats, database)
        if not speaks_openai:
            self._absent[names[1]] = "/v1/chat/completions answers 404"
            return [native]
        return [native, replace(native, id=names[1], form="openai", path="/v1/chat/completions")]

    def _database(self) -> Cluster:
        cluster = Cluster(self.folder / "cluster")
        self._stack.callback(cluster.stop)
        cluster.start()
        return cluster

    def _warm(self, row: Row) -> None:
        """Lazy imports and first connections belong to the start, not to the first cell."""
        for cell in (CELLS[0], CELLS[1]):
            self._load(replace(cell, seconds=0.2), row)

    def measure(self, cell: Cell, row: Row) -> Measure:
        self._speeds.append(_speed())
        with Watch(row.server.pid, row.database.pid if row.database else None) as watch:
            report = self._load(cell, row)
            time.sleep(SETTLE)
        return Measure(row.id, cell, report, watch.cpu, watch.database_cpu, watch.peak_pss)

    def _by_wire(self, rows: list[Row]) -> Iterator[str]:
        """What a token of each wire costs from end to end, beside the openai wire's before and after."""
        for row in (row for row in rows if row.id == "sqlite"):
            found: dict[str, list[float]] = {}
            for vendor in (*WIRES, WIRES[0]):
                _say(f"end to end: {vendor}")
                measure = self.measure(WIRE_CELL, replace(row, prefix=f"{vendor}/"))
                complete, cpu = measure.report.complete, measure.cpu
                if complete < measure.report.started:
                    yield f"{vendor}: {complete} of {measure.report.started} replies complete"
                found.setdefault(vendor, []).append(cpu * 1e6 / max(1, complete * WIRE_CELL.tokens))
            base = min(found[WIRES[0]])
            yield f"\nEnd to end, CPU us a token, SQLite, {WIRE_CELL.title} (at most {MOST_OF_OPENAI} of openai's):"
            for vendor, figures in found.items():
                kept = "" if min(figures) <= MOST_OF_OPENAI * base else "  MISSED"
                yield f"{vendor.ljust(14)}{min(figures):8.1f}{min(figures) / base:8.2f}{kept}"

    def _load(self, cell: Cell, row: Row) -> Report:
        """The load generator in a process of its own."""
        turn = row.sent % len(row.seats) if row.seats else 0
        seats = row.seats[turn:] + row.seats[:turn]
        model = row.prefix + cell.model
        run = f"bench-{os.getpid()}-{time.monotonic_ns()}"
        order = Order(row.form, row.server.port, row.path, model, cell, seats, run=run)
        command = [sys.executable, "-m", "bench.load"]
        said = json.dumps(asdict(order)).encode()
        done = subprocess.run(command, input=said, capture_output=True, cwd=REPOSITORY, check=False)
        if done.returncode:
            raise SystemExit(f"the load generator failed: {done.stderr.decode(errors='replace')[-1500:]}")
        report = msgspec.json.decode(done.stdout, type=Report)
        row.sent += report.started
        return report


def _order(rows: list[Row], cell: Cell) -> list[Row]:
    """The reference runs before ours and after it, because the machine's speed drifts; not where it takes long."""
    ours = any(row.id not in (DIRECT, REFERENCE) for row in rows)
    again = [row for row in rows if row.id == REFERENCE] if ours and cell.streams < 1000 else []
    return rows + again


def _measured_start(server: Server) -> Start:
    """With a migrated database and compiled bytecode, twice; the quicker one, because others use the machine."""
    seconds = server.start()
    server.stop()
    seconds = min(seconds, server.start())
    time.sleep(IDLE)
    start = Start(seconds, memory_mib(server.pid), pss_mib(server.pid))
    server.stop()
    return start


def _speed() -> float:
    """CPU milliseconds of a fixed piece of work: how noisy the machine is right now."""
    began = time.process_time()
    sum(i * i % 7 for i in range(200_000))
    return 1000 * (time.process_time() - began)


def open_files() -> int:
    """Raise the limit of open files as far as we may; the servers inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def temporary_folder(stack: ExitStack) -> Path:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-bench-")))
    folder.chmod(0o755)  # PostgreSQL may run as another user
    return folder


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter, and without the 1,000 streams")
    names = [*TITLES, *(cell.id for cell in CELLS)]
    parser.add_argument("--only", nargs="+", default=[], choices=names, metavar="NAME", help=", ".join(names))
    return parser.parse_args()


def _cells(options: argparse.Namespace, files: int) -> list[Cell]:
    chosen = [cell for cell in CELLS if cell.id in options.only]
    if not chosen:
        chosen = list(CELLS[:3] if options.quick else CELLS)
    if files < FILES:
        _say(f"ulimit -n is {files}: 1,000 streams need {FILES}; that cell is left out")
        chosen = [cell for cell in chosen if cell.streams < 1000]
    return [replace(cell, seconds=1.0) if options.quick and not cell.interval_ms else cell for cell in chosen]


def main() -> None:
    options = _options()
    rows = {row for row in TITLES if row in options.only} or set(TITLES)
    wanted = [row for row in TITLES if row in rows | {DIRECT, REFERENCE}]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        Bench(wanted, _cells(options, open_files()), temporary_folder(stack), stack).run()
    print("\nDecoding alone, CPU:")
    for line in decode.lines(reads=(1, 10), rounds=3):
        print(line, flush=True)


if __name__ == "__main__":
    main()
