"""Where the time goes: py-spy over one row while one cell runs. Only threads that hold the interpreter's
lock are counted: what waits, and what runs in C without the lock (SQLite's own work, system calls), is not seen.

python -m bench.profile sqlite paced-200
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.report import DIRECT, Measure
from bench.run import TITLES, Bench, Row, open_files, temporary_folder
from bench.workload import CELLS, Cell

RATE = 200
SHOWN = 40
_LINE_NUMBER = re.compile(r":\d+\)$")


class Profile(Bench):
    """A run of one row and one cell, sampled."""

    def measure(self, cell: Cell, row: Row) -> Measure:
        if row.id == DIRECT:
            return super().measure(cell, row)
        samples = self.folder / f"{row.id}.samples"
        spy = [str(Path(sys.executable).parent / "py-spy"), "record", "--subprocesses", "--nonblocking", "--gil"]
        options = ["-p", str(row.server.pid), "-r", str(RATE), "-f", "raw", "-o", str(samples)]
        recorder = subprocess.Popen([*spy, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return super().measure(cell, row)
        finally:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(60)
            print("\n".join(summary(samples.read_text())))


def summary(raw: str) -> Iterator[str]:
    """Collapsed stacks → the functions that used the CPU, alone and with what they call."""
    alone: Counter[str] = Counter()
    within: Counter[str] = Counter()
    threads: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_LINE_NUMBER.sub(")", frame) for frame in stack.split(";")]
        frames = [frame for frame in frames if not frame.startswith("process ")]
        if not frames:
            continue
        alone[frames[-1]] += int(count)
        threads[frames[0]] += int(count)
        for frame in set(frames):
            within[frame] += int(count)
    total = sum(alone.values()) or 1
    for title, counter in (("by thread's root", threads), ("alone", alone), ("with callees", within)):
        yield f"\n{title} ({total} samples)"
        for name, seen in counter.most_common(SHOWN):
            yield f"{100 * seen / total:6.1f} %  {name}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.profile")
    parser.add_argument("row", choices=[row for row in TITLES if row != DIRECT])
    parser.add_argument("cell", choices=[cell.id for cell in CELLS])
    options = parser.parse_args()
    open_files()
    with ExitStack() as stack:
        cells = [cell for cell in CELLS if cell.id == options.cell]
        Profile([DIRECT, options.row], cells, temporary_folder(stack), stack).run()


if __name__ == "__main__":
    main()
