"""Clients that linger, dawdle, leave or talk nonsense: everybody else is served as if they were not there."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.handover.raw import Raw, request
from tests.server import Person, Server, call, until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("handover")
MANY = 50
LIMIT = 40.0  # seconds; what is tried here takes milliseconds, and would take minutes if it went wrong
MIB = 1 << 20
REPLY_MIB = 9


@pytest.fixture
def person(handing: Server, newcomer: Callable[[Server], Person]) -> Person:
    return newcomer(handing)


@contextlib.contextmanager
def lines(port: int, data: bytes, count: int = MANY) -> Iterator[list[Raw]]:
    """So many connections that have sent `data` and then neither read nor close."""
    opened: list[Raw] = []
    try:
        opened.extend(Raw(port, data) for _ in range(count))
        yield opened
    finally:
        for line in opened:
            line.close()


def streams_open(port: int) -> float:
    text = call(port, "GET", "/metrics").body.decode()
    return float(next(line for line in text.splitlines() if line.startswith("parley_streams_open ")).split()[1])


def memory(server: Server) -> int:
    """Resident bytes of the process that serves."""
    (pid,) = server.workers()
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def serves(person: Person) -> None:
    """Health, a list, and a whole reply, each within the limit."""
    assert person.call("GET", "/health", timeout=LIMIT).status == 200
    assert person.call("GET", "/chats", timeout=LIMIT).status == 200
    body = {"content": "hello", "model": "openai/count:5:0"}
    answer = person.call("POST", f"/chats/{person.chat()}/messages", body, timeout=LIMIT)
    assert answer.json["message"]["content"] == "1 2 3 4 5 "


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/health", Connection="close"),
        request("GET", "/nowhere", Connection="close"),
        request("POST", "/auth/login", body={}, Connection="close"),
        b"NONSENSE\r\n\r\n",
        b"",
        b"GET /hea",
        b"GET /health HTTP/1.1\r\nHost: test\r\n",
        request("POST", "/auth/login", body={})[:-1],
        b"POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["health", "404", "422", "nonsense", "silent", "half a line", "half a head", "half a body", "no chunk"],
)
def test_fifty_idle_clients_delay_nobody(handing: Server, person: Person, data: bytes) -> None:
    with person.stream(person.chat(), "go", model="openai/count:1000000:10") as stream:
        events = iter(stream)
        assert next(events)[1] == "started"
        with lines(handing.port, data) as idle:
            serves(person)
            for _ in range(20):
                assert next(events)[1] == "delta"
            serves(person)
            assert len(idle) == MANY, "all of them are still connected"
    serves(person)


def test_a_request_that_arrives_in_pieces_is_answered(handing: Server, person: Person) -> None:
    whole = request("GET", "/chats", person.token) + request("POST", "/chats", person.token, {"title": "x" * 150})
    with Raw(handing.port) as line:
        for at in range(0, len(whole), 7):
            line.send(whole[at : at + 7])
        assert line.head()[0] == "HTTP/1.1 200 OK"
        line.body()
        assert line.head()[0] == "HTTP/1.1 201 CREATED"
        assert json.loads(line.body())["title"] == "x" * 150


def test_bodies_larger_than_what_is_read_ahead(handing: Server, person: Person) -> None:
    content = "word " * 19_999
    for framing in ("length", "chunked", "expect"):
        chat = person.chat()
        data = json.dumps({"content": content, "model": "openai/count:1:0", "padding": "é" * 300_000}).encode()
        head = request("POST", f"/chats/{chat}/messages", person.token, Content_Type="application/json")[:-2]
        with Raw(handing.port) as line:
            if framing == "chunked":
                line.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
                for at in range(0, len(data), 50_000):
                    piece = data[at : at + 50_000]
                    line.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                line.send(b"0\r\n\r\n")
            elif framing == "expect":
                line.send(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(data))
                assert line.head() == ["HTTP/1.1 100 Continue"]
                line.send(data)
            else:
                line.send(head + b"Content-Length: %d\r\n\r\n" % len(data) + data)
            assert " 422 " in line.head()[0], framing
            assert json.loads(line.body())["errors"][0]["pointer"] == "/padding"


CHUNKED = {"Transfer_Encoding": "chunked", "Content_Type": "application/json"}


@pytest.mark.parametrize(
    "end", [b"0\r\nX-Sum: 1\r\n\r\n", b"0;x=y\r\n\r\n", b"000\r\n\r\n"], ids=["trailer", "extension", "zeros"]
)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_chunked_body_may_end_in_any_form(handing: Server, person: Person, end: bytes, at_once: bool) -> None:
    """With the next request right behind it, and in pieces."""
    whole = request("POST", "/chats", person.token, **CHUNKED) + b'f;a="b"\r\n{"title": "in"}\r\n' + end
    whole += request("GET", "/health")
    step = len(whole) if at_once else 11
    with Raw(handing.port) as line:
        for at in range(0, len(whole), step):
            line.send(whole[at : at + step])
        assert line.head()[0] == "HTTP/1.1 201 CREATED"
        assert json.loads(line.body())["title"] == "in"
        assert line.head()[0] == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    "body", [b"zz\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"2\r\n{}!!0\r\n\r\n", b'e\r\n{"title"'], ids=range(4)
)
def test_a_broken_chunked_body_is_the_clients_fault(handing: Server, person: Person, body: bytes) -> None:
    with Raw(handing.port, request("POST", "/chats", person.token, **CHUNKED) + body) as line:
        line.socket.shutdown(socket.SHUT_WR)
        assert line.head()[0] == "HTTP/1.1 400 BAD REQUEST"
        assert json.loads(line.body())["code"] == "bad_request"
        assert line.rest() == b"", "nothing else is read from it"
    assert person.call("GET", "/chats").json["items"] == []


def test_a_connection_is_kept_for_further_requests(handing: Server, person: Person) -> None:
    with Raw(handing.port) as line:
        for _ in range(3):
            line.send(request("GET", "/chats", person.token))
            assert line.head()[0] == "HTTP/1.1 200 OK"
            assert ("connection", "keep-alive") in line.headers
            assert json.loads(line.body())["items"] == []
        line.send(request("GET", "/nowhere") * 2)  # and two at once
        for _ in range(2):
            assert line.head()[0] == "HTTP/1.1 404 NOT FOUND"
            line.body()
        line.send(request("POST", f"/chats/{person.chat()}/messages", person.token, {"content": "a"}))
        assert line.head()[0] == "HTTP/1.1 201 CREATED"
        line.body()
        line.send(request("GET", "/chats", person.token, Connection="close"))
        line.head()
        line.body()
        assert line.rest() == b""


@pytest.mark.parametrize("junk", [b"\0\xff" * 8192, request("GET", "/health") * 20, b"\r\n\r\n"], ids=len)
def test_what_follows_a_request_for_a_stream_is_dropped(handing: Server, person: Person, junk: bytes) -> None:
    path = f"/chats/{person.chat()}/messages"
    body = {"content": "hello", "model": "openai/count:50:1"}
    with Raw(handing.port, request("POST", path, person.token, body, Accept="text/event-stream") + junk) as line:
        assert " 200 " in line.head()[0]
        events = iter(line.events())
        assert next(events)[1] == "started"
        line.send(junk)
        assert list(events)[-1][1] == "finished"
        assert line.rest() == b""
    serves(person)


def _leave(line: Raw) -> None:
    line.close()


def _half_close(line: Raw) -> None:
    line.socket.shutdown(socket.SHUT_WR)


def _reset(line: Raw) -> None:
    line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    line.close()


@pytest.mark.parametrize("how", [_leave, _half_close, _reset])
def test_a_reader_that_leaves_is_noticed_and_the_run_goes_on(
    handing: Server, person: Person, upstream: Upstream, how: Callable[[Raw], None]
) -> None:
    until(lambda: streams_open(handing.port) == 0)
    tag = how.__name__
    generation = person.send(person.chat(), "go", model=f"openai/stall:3#{tag}").json["generation"]["id"]
    with lines(handing.port, request("GET", f"/generations/{generation}/events", person.token), 5) as readers:
        for reader in readers:
            reader.head()
        assert streams_open(handing.port) == 5
        for reader in readers:
            how(reader)
        until(lambda: streams_open(handing.port) == 0)
    served = upstream.sent(tag)
    assert served is not None
    assert not served.left
    assert person.generation(generation)["status"] in ("queued", "running")
    person.call("POST", f"/generations/{generation}/stop", {})
    upstream.wait(lambda _: served.left)


def test_a_reader_that_stops_reading_is_dropped_and_harms_nobody(handing: Server, person: Person) -> None:
    """Replies larger than what all the sockets' buffers on the way can hold."""
    until(lambda: streams_open(handing.port) == 0)
    size = len(flood(person, []))
    assert size == REPLY_MIB * MIB
    before = memory(handing)
    with contextlib.ExitStack() as stack:

        def stall(path: str) -> None:
            for _ in range(5):
                data = request("GET", path, person.token)
                stack.enter_context(Raw(handing.port, data, receive_buffer=4096))
            until(lambda: streams_open(handing.port) == 6)

        size = len(flood(person, [stall]))
        assert size == REPLY_MIB * MIB, "who reads gets all of it"
        until(lambda: streams_open(handing.port) == 0, what="the write time-out")
        assert memory(handing) - before < 5 * REPLY_MIB * MIB / 2, "what the stalled ones did not take was not kept"
    serves(person)


def flood(person: Person, meanwhile: list[Callable[[str], None]]) -> str:
    """The text of a large reply, read to its end; `meanwhile` is called with its path when it has begun."""
    with person.stream(person.chat(), "go", model=f"openai/flood:{REPLY_MIB}") as reader:
        events = iter(reader)
        generation = next(events)[2]["generation_id"]
        for each in meanwhile:
            each(f"/generations/{generation}/events")
        told = list(events)
    assert told[-1][1] == "finished"
    return "".join(value["text"] for _, kind, value in told if kind == "delta")


def test_a_reader_that_stops_at_the_very_end_is_dropped_too(handing: Server, person: Person) -> None:
    """What is left waits below the high-water mark, and nothing more is to be written."""
    until(lambda: streams_open(handing.port) == 0)
    content = "x" * 99_999
    chat = person.chat()
    path = f"/chats/{chat}/messages"
    body = {"content": content, "model": "openai/text"}
    data = request("POST", path, person.token, body, Accept="text/event-stream")
    with Raw(handing.port, data, receive_buffer=2048) as line:
        line.head()
        until(lambda: person.messages(chat)[1]["status"] == "complete")
        until(lambda: streams_open(handing.port) == 0)
