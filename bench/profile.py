"""Where the time goes: py-spy over one row while one cell runs. Only threads that hold the interpreter's
lock are counted: what waits, and what runs in C without the lock (SQLite's own work, system calls), is not seen.

python -m bench.profile sqlite paced-200
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.processes import tree
from bench.report import DIRECT, Measure
from bench.run import TITLES, Bench, Row, open_files, temporary_folder
from bench.workload import CELLS, Cell

RATE = 200
SHOWN = 40
PY_SPY = str(Path(sys.executable).parent / "py-spy")
TICKS = os.sysconf("SC_CLK_TCK")
_THREAD = re.compile(r'^Thread (\d+) \([^)]*\)(?:: "(.*)")?$', re.MULTILINE)
_NUMBER = re.compile(r"[-_]?\d+")
_LINE_NUMBER = re.compile(r":\d+\)$")


class Profile(Bench):
    """A run of one row and one cell, sampled."""

    def measure(self, cell: Cell, row: Row) -> Measure:
        if row.id == DIRECT:
            return super().measure(cell, row)
        samples = self.folder / f"{row.id}.samples"
        spy = [PY_SPY, "record", "--subprocesses", "--nonblocking", "--gil"]
        options = ["-p", str(row.server.pid), "-r", str(RATE), "-f", "raw", "-o", str(samples)]
        before = thread_seconds(row.server.pid)
        recorder = subprocess.Popen([*spy, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return super().measure(cell, row)
        finally:
            spent = {name: at - before.get(name, 0.0) for name, at in thread_seconds(row.server.pid).items()}
            print("\nCPU by thread, user and system")
            for name, seconds in sorted(spent.items(), key=lambda item: -item[1])[:8]:
                print(f"{seconds:8.2f} s  {name}")
            recorder.send_signal(signal.SIGINT)
            recorder.wait(60)
            print("\n".join(summary(samples.read_text())))


def thread_seconds(pid: int) -> dict[str, float]:
    """CPU of the tree's living threads by their Python name, numbers in names left out."""
    seconds = defaultdict[str, float](float)
    for process in tree(pid):
        dump = subprocess.run([PY_SPY, "dump", "--nonblocking", "-p", str(process)], capture_output=True, check=False)
        for thread, name in _THREAD.findall(dump.stdout.decode()):
            fields = Path(f"/proc/{process}/task/{thread}/stat").read_text().rpartition(")")[2].split()
            seconds[_NUMBER.sub("", name)] += (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


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
