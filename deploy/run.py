"""The supervisor behind `make run` and `make api`: starts the API and the page, and ends what it started.

Standard library only. It refuses in one line (exit code 2) what cannot work, prints the URLs when both
servers really answer, and ends everything on Ctrl-C, SIGTERM and SIGHUP, when one of the two dies, and (on
Linux) when this process itself is killed.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import http.client
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy.preflight import (
    ROOT,
    Refused,
    check_data_dir,
    check_port,
    check_python,
    ensure_secrets,
    environment,
    seconds,
)

PR_SET_PDEATHSIG = 1
NOT_FOR_THE_PAGE = {"JWT_SECRET", "ENCRYPTION_KEY", "TOKEN_PEPPER"}


class Failed(Exception):
    """Something that was started did not work; one line for a person, exit code 1."""


def tie_to_parent(parent: int) -> Callable[[], None] | None:
    """A function that asks the kernel for a SIGTERM when `parent` dies (Linux only)."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def write(*lines: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # a closed terminal must not stop a server
        sys.stderr.buffer.writelines(lines)
        sys.stderr.buffer.flush()


class Server:
    """A child in a session of its own; its output is held back until both answer, then goes to stderr."""

    process: subprocess.Popen[bytes]

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], url: tuple[str, int, str]) -> None:
        self.name, self.command, self.env, self.url = name, command, env, url
        self.ready = self.live = False
        self.lines: deque[bytes] = deque(maxlen=400)
        self.lock = threading.Lock()
        self.pump = threading.Thread(target=self._pump, daemon=True)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            env=dict(self.env),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=tie_to_parent(os.getpid()),  # noqa: PLW1509  (no thread runs yet)
        )

    def _pump(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self.lock:
                self.lines.append(line)
                if self.live:
                    write(line)

    def release(self) -> None:
        with self.lock:
            write(*self.lines)
            self.live = True

    def answers(self) -> bool:
        host, port, path = self.url
        connection = http.client.HTTPConnection(host, port, timeout=2)
        try:
            connection.request("GET", path)
            self.ready = connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            self.ready = False
        finally:
            connection.close()
        return self.ready

    def last_words(self) -> None:
        self.pump.join(1)
        with self.lock:
            write(*list(self.lines)[-20:])

    def how_it_ended(self) -> str:
        code = self.process.returncode
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    def kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    def __init__(self, servers: list[Server], grace: float) -> None:
        self.servers, self.grace = servers, grace
        self.started: list[Server] = []
        self.asked_at = 0.0
        self.at_once = False

    def listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
                signal.signal(number, self._asked)

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        # The terminal and `make` may both deliver the first request; only a later Ctrl-C means "now".
        if self.asked_at and number == signal.SIGINT and time.monotonic() - self.asked_at > 1:
            self.at_once = True
        self.asked_at = self.asked_at or time.monotonic()

    def run(self, words: str, patience: float) -> None:
        try:
            self._start()
            if self._wait(patience):
                for server in self.started:
                    server.release()
                print(words, flush=True)
                while not self.asked_at:
                    self._check_alive("stopped")
                    time.sleep(0.2)
        finally:
            self._end()

    def _start(self) -> None:
        for server in self.servers:
            try:
                server.start()
            except OSError as error:
                raise Failed(f"the {server.name} could not be started: {error}") from error
            self.started.append(server)
        for server in self.started:
            server.pump.start()

    def _wait(self, patience: float) -> bool:
        """True when all answer; False when the end was asked for meanwhile."""
        deadline = time.monotonic() + patience
        while not self.asked_at:
            if all(server.ready or server.answers() for server in self.started):
                self._check_alive("did not start")
                return True
            self._check_alive("did not start")
            if time.monotonic() > deadline:
                late = next(server for server in self.started if not server.ready)
                late.last_words()
                raise Failed(f"the {late.name} did not answer within {patience:.0f} s")
            time.sleep(0.05)
        return False

    def _check_alive(self, what: str) -> None:
        for server in self.started:
            if server.process.poll() is not None and not self.asked_at:
                if not server.live:
                    server.last_words()
                raise Failed(f"the {server.name} {what}: it {server.how_it_ended()}")

    def _end(self) -> None:
        for server in self.started:
            if server.process.poll() is None:
                server.process.terminate()
        deadline = time.monotonic() + self.grace
        while any(server.process.poll() is None for server in self.started):
            if self.at_once or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        for server in self.started:
            if server.process.poll() is None and not self.at_once:
                write(f"parley: the {server.name} did not end in time and is killed\n".encode())
            server.kill_group()  # what would not end, and what a dead child left behind
            server.process.wait()


def python() -> str:
    if sys.prefix != sys.base_prefix:
        return sys.executable
    if not (path := ROOT / ".venv" / "bin" / "python").exists():
        raise Refused("there is no .venv yet: use `make run`, which makes it")
    return str(path)


def plan(env: dict[str, str], parts: set[str], reload: bool) -> tuple[list[Server], str]:
    """Check everything; then what to start, and what to print when it answers."""
    host = env.get("API_HOST", "127.0.0.1")
    api_port, ui_port = env.setdefault("API_PORT", "8000"), env.setdefault("UI_PORT", "8501")
    check_port("API_PORT", api_port, host if "api" in parts else "")
    ui_host = env.get("UI_HOST", "127.0.0.1")
    check_port("UI_PORT", ui_port, ui_host if "ui" in parts else "")
    if parts == {"api", "ui"} and int(api_port) == int(ui_port):
        raise Refused(f"API_PORT and UI_PORT are both {ui_port}: set UI_PORT to another port")
    env["DATA_DIR"] = str(check_data_dir(env.get("DATA_DIR", "data")))
    env["PYTHONUNBUFFERED"] = "1"
    secrets = ensure_secrets(Path(env["DATA_DIR"]), env) if env.get("PARLEY_ENV") != "production" else env

    reach, url = reached(host, api_port)
    page_reach, page_at = reached(ui_host, ui_port)
    api = Server("API", api_command(env, reload), env, (reach, int(api_port), "/health"))
    page_env = {name: value for name, value in env.items() if name not in NOT_FOR_THE_PAGE}
    page_env |= {"API_URL": env.get("API_URL", url), "PAGE_SECRET": secrets.get("PAGE_SECRET", "")}
    page_env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    page_url = (page_reach, int(ui_port), "/_stcore/health")
    page = Server("page", page_command(env, ui_host, ui_port, reload), page_env, page_url)
    words = {"ui": f"Page: {page_at}", "api": f"API:  {url}  (documentation: {url}/docs)"}
    servers = {"api": api, "ui": page}
    return [servers[part] for part in sorted(parts)], "\n".join(words[part] for part in words if part in parts)


def reached(host: str, port: str) -> tuple[str, str]:
    """The address at which a server on `host` is reached from here, and its URL."""
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return reach, f"http://[{reach}]:{port}" if ":" in reach else f"http://{reach}:{port}"


def api_command(env: Mapping[str, str], reload: bool) -> list[str]:
    if stand_in := env.get("PARLEY_RUN_API_CMD"):
        return shlex.split(stand_in)
    options = ["--reload"] if reload else []
    return [python(), "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", *options, "api.wsgi:app"]


def page_command(env: Mapping[str, str], host: str, port: str, reload: bool) -> list[str]:
    if stand_in := env.get("PARLEY_RUN_UI_CMD"):
        return shlex.split(stand_in)
    options = {
        "server.port": port,
        "server.address": host,
        "server.headless": "true",
        "server.runOnSave": str(reload).lower(),
        "logger.hideWelcomeMessage": "true",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [python(), "-m", "streamlit", "run", "ui/asgi.py", *arguments]


def main() -> int:
    parser = argparse.ArgumentParser(description="Serve Parley until Ctrl-C.")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--api-only", action="store_const", dest="parts", const={"api"}, default={"api", "ui"})
    only.add_argument("--ui-only", action="store_const", dest="parts", const={"ui"})
    parser.add_argument("--reload", action="store_true", help="restart when the code changes")
    parser.add_argument("--die-with-parent", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    try:
        check_python(sys.version_info[:3])
        if options.die_with_parent and (tie := tie_to_parent(os.getppid())):
            tie()
        env = environment(os.environ)  # noqa: TID251  (it cannot import api.config)
        grace = seconds(env, "DRAIN_SECONDS", 20) + seconds(env, "PARLEY_RUN_GRACE", 30)  # gunicorn's is shorter
        patience = seconds(env, "PARLEY_RUN_PATIENCE", 120)
        servers, words = plan(env, options.parts, options.reload)
        supervisor = Supervisor(servers, grace)
        supervisor.listen()
        supervisor.run(words, patience)
    except Refused as refusal:
        print(f"parley: {refusal}", file=sys.stderr)
        return 2
    except Failed as failure:
        print(f"parley: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
