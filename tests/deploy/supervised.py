"""Starts deploy/run.py the way a person does, and looks at what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


def free_port() -> int:
    """Below the range that outgoing connections use, so that nobody takes it meanwhile by accident."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience:.0f} s for: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Running; a zombie that its new parent has not collected yet is dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return not Path("/proc/self").exists()


def as_in_a_terminal() -> None:
    """Under `nohup` tests would inherit an ignored SIGHUP, which the supervisor respects."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@dataclass
class Run:
    """One run of the supervisor. stdout and stderr are collected as lines."""

    folder: Path
    api_port: int = field(default_factory=free_port)
    ui_port: int = field(default_factory=free_port)
    env: dict[str, str] = field(default_factory=dict)
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def stand_in(self, port_variable: str, path: str, *options: str) -> str:
        script = Path(__file__).with_name("standin.py")
        return shlex.join([sys.executable, str(script), str(self.folder), port_variable, path, *options])

    def with_stand_ins(self, api: tuple[str, ...] = (), ui: tuple[str, ...] = ()) -> Run:
        self.env["PARLEY_RUN_API_CMD"] = self.stand_in("API_PORT", "/health", *api)
        self.env["PARLEY_RUN_UI_CMD"] = self.stand_in("UI_PORT", "/_stcore/health", *ui)
        return self

    def start(self, *options: str, under: tuple[str, ...] = (), **env: str) -> Run:
        """`under`: a command that starts the supervisor as its child (as `make` does)."""
        data = {"DATA_DIR": str(self.folder / "data"), "PARLEY_RUN_ENV_FILE": os.devnull}
        return self.launch([*under, sys.executable, str(ROOT / "deploy" / "run.py"), *options], **data | env)

    def launch(self, command: list[str], at: Path | None = None, **env: str) -> Run:
        """Any command that starts the supervisor, in the folder `at`."""
        base = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}  # noqa: TID251
        ours = {
            "API_PORT": str(self.api_port),
            "UI_PORT": str(self.ui_port),
            "DRAIN_SECONDS": "5",
        }
        self.process = subprocess.Popen(
            command,
            cwd=at,
            env=base | ours | self.env | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=as_in_a_terminal,  # noqa: PLW1509  (it only resets a signal)
        )
        self.readers = [
            threading.Thread(target=lines.extend, args=(stream,), daemon=True)
            for lines, stream in ((self.out, self.process.stdout), (self.err, self.process.stderr))
        ]
        for reader in self.readers:
            reader.start()
        return self

    def wait_ready(self, lines: int = 2) -> Run:
        until(lambda: len(self.out) >= lines or self.process.poll() is not None, "the URLs")
        assert self.process.poll() is None, "".join(self.err)
        return self

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        for reader in self.readers:
            reader.join(PATIENCE)
        return code

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.wait()

    def pid(self, name: str) -> int:
        path = self.folder / f"{name}.pid"
        until(path.exists, f"{name} to start")
        return int(path.read_text())

    def pids(self) -> list[int]:
        return [int(path.read_text()) for path in self.folder.glob("*.pid")]

    def signals(self, name: str) -> list[str]:
        path = self.folder / f"{name}.signals"
        return path.read_text().split() if path.exists() else []

    def environment_of(self, name: str) -> dict[str, str]:
        return json.loads((self.folder / f"{name}.env").read_text())

    def all_gone(self) -> bool:
        return not any(alive(pid) for pid in self.pids())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for reader in self.readers:
            reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


@contextlib.contextmanager
def closing(run: Run) -> Iterator[Run]:
    try:
        yield run
    finally:
        if hasattr(run, "process"):
            run.close()
