"""Requests that arrive too slowly: 408 in the form of their path, and the connection ends."""

from __future__ import annotations

import json
import select
from collections.abc import Iterator
from typing import Any

import pytest

from tests.handover.conftest import SETTINGS
from tests.handover.raw import Raw, request
from tests.server import PATIENCE, Server, running_server, until

pytestmark = pytest.mark.xdist_group("handover")
LARGE = 200_000  # more than the poller reads: a thread waits for the rest
ORIGIN = SETTINGS["CORS_ORIGINS"]


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hurried")
    worker = {"GUNICORN_CMD_ARGS": "--worker-class tests.handover.hurried.HurriedWorker"}
    with running_server(f"sqlite:///{folder}/parley.db", folder, **SETTINGS, **worker) as server:
        yield server
        assert "Traceback" not in server.log()


def head_of(path: str, size: int | None, **headers: str) -> bytes:
    """Of a request with a body of that size, or of one that does not say it."""
    about = {"Transfer_Encoding": "chunked"} if size is None else {"Content_Length": str(size)}
    return request("POST", path, Content_Type="application/json", Origin=ORIGIN, **about, **headers)


def refused(line: Raw) -> Any:
    """The answer: 408, and nothing after it."""
    assert line.head()[0].startswith("HTTP/1.1 408 ")
    headers = dict(line.headers)
    assert headers["connection"] == "close"
    assert headers["cache-control"] == "no-store"
    body = line.rest()
    assert int(headers["content-length"]) == len(body)
    told = json.loads(body)
    if "type" in told:
        assert told["request_id"] == headers["x-request-id"]
    return told


@pytest.mark.parametrize(
    "sent", ["G", "GET /health HTTP/1.1\r\nHost: te", "POST /auth/login HTTP/1.1\r\nX-Secret: planted\r\n"]
)
def test_half_a_head(hurried: Server, sent: str) -> None:
    with Raw(hurried.port, sent.encode()) as line:
        told = refused(line)
    assert (told["code"], told["status"]) == ("request_timeout", 408)
    assert "Send it again" in told["detail"]
    assert "planted" not in json.dumps(told) + hurried.log()


BODIES = {
    "none of it": (head_of("/auth/login", 10), b""),
    "half of it": (head_of("/auth/login", 10), b'{"pass'),
    "a chunk": (head_of("/auth/login", None), b'6\r\n{"pass\r\n'),
    "half of a large one": (head_of("/auth/login", LARGE), b'"' + b"x" * 150_000),
    "some chunks": (head_of("/auth/login", None), b"%x\r\n%b\r\n" % (LARGE, b'"' + b"x" * (LARGE - 1))),
    "after 100 Continue": (head_of("/auth/login", 10, Expect="100-continue"), b"{"),
}


@pytest.mark.parametrize("case", BODIES)
def test_half_a_body(hurried: Server, case: str) -> None:
    head, body = BODIES[case]
    with Raw(hurried.port, head + body) as line:
        if "Expect" in head.decode():
            assert line.head() == ["HTTP/1.1 100 Continue"]
        told = refused(line)
        assert dict(line.headers)["access-control-allow-origin"] == ORIGIN
    assert (told["code"], told["instance"]) == ("request_timeout", "/auth/login")


def test_in_the_form_of_its_path(hurried: Server) -> None:
    with Raw(hurried.port, head_of("/v1/chat/completions", 10) + b"{") as line:
        told = refused(line)
    assert told["error"]["code"] == "request_timeout"


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_a_connection_on_which_nothing_came_is_closed_in_silence(hurried: Server, sent: bytes) -> None:
    with Raw(hurried.port, sent) as line:
        assert line.rest() == b""


def test_the_second_request_of_a_connection(hurried: Server) -> None:
    with Raw(hurried.port, request("GET", "/health")) as line:
        assert line.head()[0] == "HTTP/1.1 200 OK"
        line.body()
        line.send(b"GET /hea")
        refused(line)


def test_a_byte_now_and_then_puts_nothing_off(hurried: Server) -> None:
    """Also where newer connections wait as well."""
    others: list[Raw] = []
    with Raw(hurried.port, b"GET /health HTTP/1.1\r\nX-Drip: ") as line:

        def answered() -> bool:
            others.append(Raw(hurried.port))
            if not select.select([line.socket], [], [], 0.05)[0]:
                line.send(b"x")
                return False
            return True

        until(answered, PATIENCE)
        refused(line)
    for other in others:
        other.close()
    with Raw(hurried.port, request("GET", "/health")) as line:
        assert line.head()[0] == "HTTP/1.1 200 OK"
