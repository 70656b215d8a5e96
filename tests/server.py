"""A real gunicorn with our worker, on a free port, with data of its own; and a small client that speaks to it.

with running_server(database_url, tmp_path, OPENAI_BASE_URL=upstream.url) as server:
    ann = server.person("ann")
    chat = ann.chat()
    for number, kind, value in ann.stream(chat, "hello"): ...
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import canary

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
Event = tuple[int, str, Any]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Any, seconds: float = PATIENCE, what: str = "") -> Any:
    """The first true value of `condition()`; fails after `seconds`."""
    limit = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        assert time.monotonic() < limit, f"waited {seconds:.0f} s in vain for {what or condition}"
        time.sleep(0.02)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class EventStream:
    """The events of one open stream; leaving the `with` closes the line."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self.connection = connection
        self.response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    def __iter__(self) -> Iterator[Event]:
        return events_of(self.response)

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.response.close()
        self.connection.close()


def events_of(lines: Any) -> Iterator[Event]:
    """`(number, kind, value)` for each complete frame (a comparison has places for a number); a cut line ends it."""
    number: Any = 0
    kind = ""
    try:
        for raw in lines:
            canary.check(raw, "a stream")
            line = raw.decode().rstrip("\n")
            if line.startswith("id: "):
                number = int(line[4:]) if line[4:].isdigit() else line[4:]
            elif line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                yield number, kind, json.loads(line[6:])
    except (http.client.IncompleteRead, ConnectionError, TimeoutError, ValueError):
        return


@dataclass
class Person:
    """An account's view of one server."""

    port: int
    token: str
    user: dict[str, Any] = field(default_factory=dict)

    def at(self, port: int) -> Person:
        """The same person at another process."""
        return Person(port, self.token, self.user)

    def call(self, method: str, path: str, body: Any = None, timeout: float = PATIENCE, **headers: str) -> Answer:
        return call(self.port, method, path, body, timeout, Authorization=f"Bearer {self.token}", **headers)

    def chat(self, **values: Any) -> str:
        answer = self.call("POST", "/chats", values)
        assert answer.status == 201, answer.body
        return str(answer.json["id"])

    def send(self, chat: str, content: str, key: str | None = None, **values: Any) -> Answer:
        """202 with the generation; the reply runs."""
        headers = {"Prefer": "respond-async", "Idempotency-Key": key or str(uuid.uuid4())}
        return self.call("POST", f"/chats/{chat}/messages", {"content": content} | values, **headers)

    def stream(self, chat: str, content: str, **values: Any) -> EventStream:
        body = json.dumps({"content": content} | values).encode()
        headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
        return self._open("POST", f"/chats/{chat}/messages", body, headers)

    def streamed(self, method: str, path: str, body: Any = None, **headers: str) -> EventStream:
        """Any request that is answered with events."""
        accept = {"Accept": "text/event-stream", "Content-Type": "application/json"}
        return self._open(method, path, json.dumps(body or {}).encode(), accept | headers)

    def follow(self, generation: str, after: int = 0) -> EventStream:
        return self._open("GET", f"/generations/{generation}/events?after={after}", None, {})

    def generation(self, generation: str) -> dict[str, Any]:
        answer = self.call("GET", f"/generations/{generation}")
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def messages(self, chat: str) -> list[dict[str, Any]]:
        answer = self.call("GET", f"/chats/{chat}")
        assert answer.status == 200, answer.body
        return list(answer.json["messages"])

    def openai(self, model: str = "text") -> None:
        """A default model config for the upstream behind OPENAI_BASE_URL."""
        values = {"name": "upstream", "provider": "openai", "api_key": canary.KEY, "model": model}
        answer = self.call("POST", "/model-configs", values | {"is_default": True})
        assert answer.status == 201, answer.body

    def _open(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> EventStream:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, body, headers | {"Authorization": f"Bearer {self.token}"})
        return EventStream(connection, connection.getresponse())


def call(port: int, method: str, path: str, body: Any = None, timeout: float = PATIENCE, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        canary.check(answer.body + repr(answer.headers).encode(), f"the answer to {method} {path}")
        return answer
    finally:
        connection.close()


class Server:
    """One gunicorn (arbiter and workers) in a process group of its own."""

    def __init__(self, database_url: str, folder: Path, port: int | None = None, **environment: str) -> None:
        self.port = port or free_port()
        self.folder = folder
        self.log_path = folder / f"server-{self.port}.log"
        self.environment = {
            "PATH": os.environ["PATH"],  # noqa: TID251
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "API_PORT": str(self.port),
            "DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            "LOGIN_LIMIT": "1000",
            "RATE_LIMIT_PER_HOUR": "1000000",
            "GENERATION_LIMIT_PER_HOUR": "1000000",
            "DRAIN_SECONDS": "10",
        } | environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        """Start and wait until /health answers."""
        self.launch()
        self.healthy()
        return self

    def launch(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "api.wsgi:app"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def healthy(self) -> None:
        until(self._answers, what=f"the server's /health\n{self.log()}")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended\n{self.log()}"
        try:
            return call(self.port, "GET", "/health", timeout=5).status == 200
        except OSError:
            return False

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-5000:] if self.log_path.exists() else ""

    def workers(self) -> list[int]:
        """The pids of the processes that serve."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def search(self) -> None:
        """Raises AssertionError where the provider key that tests use stands in what this server said or stored."""
        canary.check_folder(self.folder)
        canary.check_database(self.environment["DATABASE_URL"])

    def kill(self) -> None:
        """SIGKILL for the arbiter and every worker, at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def terminate(self) -> int:
        """SIGTERM; the exit code once everything has ended."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def person(self, name: str = "ann") -> Person:
        """Register (or sign in) and get an access token."""
        password = f"{name} has a long password"
        account = {"email": f"{name}@b.example", "username": name, "password": password}
        call(self.port, "POST", "/auth/register", account)
        answer = call(self.port, "POST", "/auth/login", {"username": name, "password": password})
        assert answer.status == 200, answer.body
        return Person(self.port, answer.json["access_token"], answer.json["user"])


@contextlib.contextmanager
def running_server(database_url: str, folder: Path, **environment: str) -> Iterator[Server]:
    server = Server(database_url, folder, **environment)
    try:
        yield server.start()
        if server.process is not None and server.process.poll() is None:
            with contextlib.suppress(OSError):  # a frozen or full one
                call(server.port, "GET", "/metrics", timeout=2)
    finally:
        if server.process is not None and server.process.poll() is None:
            os.killpg(server.process.pid, signal.SIGCONT)  # a frozen one could not end
            server.process.send_signal(signal.SIGTERM)
            try:
                server.process.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
    server.search()
