"""Requests that arrive too slowly: 408 in the form of their path, and the connection ends. Strangers hold no thread."""

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


@pytest.fixture(scope="module")
def token(hurried: Server) -> str:
    return hurried.person().token


def head_of(path: str, size: int | None, token: str | None = None, **headers: str) -> bytes:
    """Of a request with a body of that size, or of one that does not say it."""
    about = {"Transfer_Encoding": "chunked"} if size is None else {"Content_Length": str(size)}
    return request("POST", path, token, Content_Type="application/json", Origin=ORIGIN, **about, **headers)


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
    "none of it": ("/auth/login", 10, b""),
    "half of it": ("/auth/login", 10, b'{"pass'),
    "a chunk": ("/auth/login", None, b'6\r\n{"pass\r\n'),
    "half of a large one": ("/chats", LARGE, b'"' + b"x" * 150_000),
    "some chunks": ("/chats", None, b"%x\r\n%b\r\n" % (LARGE, b'"' + b"x" * (LARGE - 1))),
}


@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("asks_first", [False, True])
def test_half_a_body(hurried: Server, token: str, case: str, asks_first: bool) -> None:
    path, size, body = BODIES[case]
    with Raw(hurried.port, head_of(path, size, token, **({"Expect": "100-Continue"} if asks_first else {}))) as line:
        if asks_first:
            assert line.head() == ["HTTP/1.1 100 Continue"]
        line.send(body)
        told = refused(line)
        assert dict(line.headers)["access-control-allow-origin"] == ORIGIN
    assert (told["code"], told["instance"]) == ("request_timeout", path)


def test_in_the_form_of_its_path(hurried: Server) -> None:
    with Raw(hurried.port, head_of("/v1/chat/completions", 10) + b"{") as line:
        told = refused(line)
    assert told["error"]["code"] == "request_timeout"


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_connection_on_which_nothing_came_is_closed_in_silence(hurried: Server, sent: bytes) -> None:
    with Raw(hurried.port, sent) as line:
        assert line.rest() == b""


def test_the_second_request_of_a_connection(hurried: Server) -> None:
    with Raw(hurried.port, request("GET", "/health")) as line:
        assert line.head()[0] == "HTTP/1.1 200 OK"
        line.body()
        line.send(b"GET /hea")
        refused(line)


DRIPPING = {
    "a head": (b"GET /health HTTP/1.1\r\nX-Drip: ", b""),
    "line ends": (b"\r\n\r\nGET /health HTTP/1.1\r\nX-Drip: ", b""),
    "a body": (head_of("/auth/login", 60_000, Expect="100-continue"), b'"'),
    "a large body": (head_of("/chats", 1_000_000), b'"' + b"x" * 150_000),
    "a large chunk": (head_of("/chats", None), b"f4240\r\n" + b"x" * 150_000),
}


@pytest.mark.parametrize("case", DRIPPING)
def test_a_byte_now_and_then_puts_nothing_off(hurried: Server, token: str, case: str) -> None:
    """Also where newer connections wait as well."""
    head, begun = DRIPPING[case]
    others: list[Raw] = []
    with Raw(
        hurried.port, head.replace(b"\r\nOrigin", b"\r\nAuthorization: Bearer %b\r\nOrigin" % token.encode())
    ) as line:
        if b"Expect" in head:
            assert line.head() == ["HTTP/1.1 100 Continue"]
        line.send(begun)

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


HALF = b'"' + b"x" * 150_000
STRANGERS = {
    "a large body to sign in with": (head_of("/auth/login", LARGE), HALF, 413),
    "the same in chunks": (head_of("/auth/login", None), b"%x\r\n%b" % (LARGE, HALF), 413),
    "the same in crumbs": (head_of("/auth/login", None), b"1\r\nx\r\n" * 30_000, 413),
    "a large body for an account": (head_of("/chats", LARGE), HALF, 401),
    "the same in chunks ": (head_of("/chats", None), b"%x\r\n%b" % (LARGE, HALF), 401),
    "with a key that is none": (head_of("/chats", LARGE, "wrong"), HALF, 401),
    "for nobody": (head_of("/nowhere", None), b"%x\r\n%b" % (LARGE, HALF), 404),
}


@pytest.mark.parametrize("case", STRANGERS)
def test_nobody_waits_for_what_a_stranger_still_has_to_send(handing: Server, case: str) -> None:
    """The connection ends, since where the next request begins is not known."""
    head, sent, status = STRANGERS[case]
    with Raw(handing.port, head + sent) as line:
        assert line.head()[0].startswith(f"HTTP/1.1 {status} ")
        assert dict(line.headers)["connection"] == "close"
        assert json.loads(line.rest())["status"] == status


@pytest.mark.parametrize("size", [1000, None], ids=["length", "chunked"])
def test_a_refused_body_that_is_here_costs_no_connection(handing: Server, size: int | None) -> None:
    body = b"x" * 1000 if size else b"3e8\r\n%b\r\n0\r\n\r\n" % (b"x" * 1000)
    with Raw(handing.port, head_of("/chats", size) + body + request("GET", "/health")) as line:
        assert line.head()[0].startswith("HTTP/1.1 401 ")
        line.body()
        assert line.head()[0] == "HTTP/1.1 200 OK"
