"""No socket is given to the loop whose bytes gunicorn itself makes: TLS, and HTTP/2."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn

from api.web.worker import Worker
from tests.server import PATIENCE, Server, events_of, until


class _Told(Worker):
    """A worker that is told which connection its thread serves."""

    def __init__(self, config: Config, conn: TConn) -> None:
        self.cfg = config
        self._current: Any = SimpleNamespace(conn=conn)
        self._late, self._partial = set(), set()


@pytest.mark.parametrize(
    ("settings", "is_http2", "offered"),
    [
        ({}, False, True),
        ({"certfile": "one.crt", "keyfile": "one.key"}, False, False),
        ({}, True, False),
    ],
    ids=["plain", "TLS", "HTTP/2"],
)
def test_which_sockets_are_offered(settings: dict[str, str], is_http2: bool, offered: bool) -> None:
    config = Config()
    for name, value in settings.items():
        config.set(name, value)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = TConn(config, ours, "", None)
        conn.is_http2 = is_http2
        environ: dict[str, Any] = {}
        _Told(config, conn).offer(environ, SimpleNamespace(force_close=lambda: None))
    assert ("parley.hand_over" in environ) is offered
    assert environ["parley.late"] is environ["parley.partial"] is False


class _Secure:
    """A server that speaks TLS by itself, as its client sees it."""

    def __init__(self, port: int, certificate: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(certificate))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=PATIENCE, context=self._context)
        with contextlib.closing(connection):
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"} | headers)
            response = connection.getresponse()
            return response.status, response.read()

    def answers(self) -> bool:
        try:
            return self.call("GET", "/health")[0] == 200
        except OSError:
            return False


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[_Secure]:
    certificate, key = tmp_path / "one.crt", tmp_path / "one.key"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made += ["-subj", "/CN=parley", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    made += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    arguments = {"GUNICORN_CMD_ARGS": f"--certfile {certificate} --keyfile {key}", "DRAIN_SECONDS": "1"}
    server = Server(f"sqlite:///{tmp_path}/parley.db", tmp_path, **arguments)
    server.launch()
    try:
        client = _Secure(server.port, certificate)
        until(client.answers, what=f"the server's /health over TLS\n{server.log()}")
        yield client
    finally:
        server.terminate()


def test_a_stream_over_tls(secure: _Secure) -> None:
    """Handed over, its bytes would go out unencrypted."""
    account = {"username": "ann", "password": "ann has a long password"}
    assert secure.call("POST", "/auth/register", account | {"email": "ann@b.example"})[0] == 201
    token = json.loads(secure.call("POST", "/auth/login", account)[1])["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    chat = json.loads(secure.call("POST", "/chats", {}, **headers)[1])["id"]
    body = {"content": "demo:count 20", "model": "demo/demo"}
    status, answer = secure.call(
        "POST", f"/chats/{chat}/messages", body, **headers, Accept="text/event-stream", **{"Idempotency-Key": "one"}
    )
    assert status == 200
    events = list(events_of(iter(answer.splitlines(keepends=True))))
    assert [kind for _, kind, _ in events][-1] == "finished"
    assert "20" in "".join(str(data) for _, kind, data in events if kind == "delta")
