"""Starts and ends the servers, and reads what they use from /proc: CPU with all children, memory."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

REPOSITORY = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")


class DidNotStart(Exception):
    """A server ended, or said nothing, before it was ready."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tree(pid: int) -> list[int]:
    """`pid` and all its living descendants."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        try:
            for task in Path(f"/proc/{current}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:  # it ended while we looked
            continue
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the tree, with the children that have ended and were reaped."""
    total = 0
    for each in tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / _TICKS


def pss_mib(pid: int) -> float:
    """PSS of the tree in MiB, as the kernel counts it: a page that n processes share is 1/n in each."""
    total = 0
    for each in tree(pid):
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def memory_mib(pid: int) -> float:
    """What PSS would be if the tree were alone on the machine: what its processes share counts once, and no
    stranger that happens to map the same files (another Python, a test run) makes it look smaller."""
    anonymous, files = 0, dict[str, int]()
    for each in tree(pid):
        mapped: Counter[str] = Counter()
        try:
            anonymous += _add_mappings(Path(f"/proc/{each}/smaps").read_text(), mapped)
        except OSError:
            continue
        for name, size in mapped.items():
            files[name] = max(files.get(name, 0), size)
    return (anonymous + sum(files.values())) / 1024


def _add_mappings(smaps: str, files: Counter[str]) -> int:
    """KiB of file pages into `files`, by name; returns the KiB that no file backs (forks share them: PSS)."""
    anonymous = rss = pss = 0
    name = ""
    for line in smaps.splitlines():
        key, _, rest = line.partition(":")
        if key == "Rss":
            rss = int(rest.split()[0])
        elif key == "Pss":
            pss = int(rest.split()[0])
        elif key == "Anonymous":
            own = int(rest.split()[0])
            files[name] += rss - own
            anonymous += pss if own == rss else min(own, pss)
        elif "-" in key.partition(" ")[0]:
            name = line[line.index("/") :] if "/" in line else ""
    return anonymous


@dataclass(slots=True)
class Server:
    """One server as the bench runs it. Its environment is exactly `env`: nothing leaks in from the shell."""

    name: str
    command: Sequence[str]
    port: int
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    health: str = "/health"
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} is not running"
        return self.process.pid

    def start(self, within: float = 60.0) -> float:
        """Start and return the seconds until /health answers 200."""
        env = {"PATH": f"{Path(self.command[0]).parent}:{os.defpath}", "LANG": "C.UTF-8", **self.env}
        with self.log.open("ab") as log:
            began = time.perf_counter()
            self.process = subprocess.Popen(
                self.command, cwd=REPOSITORY, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        while not self._healthy():
            if self.process.poll() is not None or time.perf_counter() - began > within:
                self.stop()
                raise DidNotStart(f"{self.name} did not answer {self.health}\n{self._tail()}")
            time.sleep(0.005)
        return time.perf_counter() - began

    def stop(self, patience: float = 15.0) -> None:
        """SIGTERM, and SIGKILL to whatever of its tree is left after `patience` seconds."""
        if self.process is None:
            return
        family = tree(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            for pid in family:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.process.wait()
        self.process = None

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", self.health, headers={"Connection": "close"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class Watch:
    """Measures one tree (and its database's, if it has one) while the block runs: CPU and the peak of PSS."""

    def __init__(self, pid: int, database: int | None = None, every: float = 1.0) -> None:
        self.cpu = self.database_cpu = self.peak_pss = 0.0
        self._pid = pid
        self._database = database
        self._every = every
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Watch:
        self._cpu = cpu_seconds(self._pid)
        self._database_cpu = cpu_seconds(self._database) if self._database else 0.0
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._sampler.join()
        self.cpu = cpu_seconds(self._pid) - self._cpu
        if self._database:
            self.database_cpu = cpu_seconds(self._database) - self._database_cpu

    def _sample(self) -> None:
        while not self._ended.wait(self._every):
            self.peak_pss = max(self.peak_pss, memory_mib(self._pid))
