"""Files over the line: in pieces, without a length, broken off."""

from __future__ import annotations

import json
import select

import pytest

from tests.handover.raw import Raw, request
from tests.server import Person, Server, call, until

pytestmark = pytest.mark.xdist_group("handover")
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
TAIL = b"\r\n--b--\r\n"
FORM = {"Content_Type": "multipart/form-data; boundary=b"}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_in_pieces_with_a_length(server: Server, person: Person) -> None:
    """More than the poller waits for: a thread reads the rest."""
    data = b"x" * 180_000
    size = str(len(HEAD) + len(data) + len(TAIL))
    with Raw(server.port, request("POST", "/attachments", person.token, Content_Length=size, **FORM)) as line:
        for piece in (HEAD, data[:100_000], data[100_000:], TAIL[:4], TAIL[4:]):
            line.send(piece)
        assert line.head()[0].split()[1] == "201"
        told = json.loads(line.body())
    assert (told["size"], told["chars"]) == (180_000, 180_000)
    assert person.call("GET", f"/attachments/{told['id']}/content").body == data


def test_without_a_length(server: Server, person: Person) -> None:
    with Raw(server.port, request("POST", "/attachments", person.token, Transfer_Encoding="chunked", **FORM)) as line:
        for piece in (HEAD[:10], HEAD[10:], b"x" * 150_000, TAIL):
            line.send(chunk(piece))
        line.send(b"0\r\n\r\n")
        assert line.head()[0].split()[1] == "201"
        assert json.loads(line.body())["size"] == 150_000


@pytest.mark.parametrize("chunked", [False, True])
def test_broken_off(server: Server, person: Person, chunked: bool) -> None:
    """Refused, and never taken for whole."""
    headers = FORM | ({"Transfer_Encoding": "chunked"} if chunked else {"Content_Length": "200000"})
    data = HEAD + b"x" * 140_000
    with Raw(server.port, request("POST", "/attachments", person.token, **headers)) as line:
        line.send(chunk(data) if chunked else data)
        line.socket.shutdown(1)
        assert line.head()[0].split()[1] in ("400", "408")
    assert "request failed" not in server.log()


@pytest.mark.parametrize(
    ("method", "path", "kind", "begin"),
    [
        ("POST", "/attachments", FORM["Content_Type"], HEAD),
        ("PUT", "/users/me/avatar", FORM["Content_Type"], HEAD),
        ("POST", "/imports", "application/zip", b"PK"),
    ],
)
def test_whoever_is_signed_out_meanwhile_is_refused(
    server: Server, person: Person, method: str, path: str, kind: str, begin: bytes
) -> None:
    login = {"username": person.user["username"], "password": f"{person.user['username']} has a long password"}
    token = call(server.port, "POST", "/auth/login", login).json["access_token"]
    with Raw(server.port, request(method, path, token, Content_Type=kind, Content_Length="9000000")) as line:
        line.send(begin + b"x" * 200_000)  # a thread reads it by now, or soon
        assert call(server.port, "POST", "/auth/logout", Authorization=f"Bearer {token}").status == 204

        def answered() -> bool:
            line.send(b"x" * 4096)
            return bool(select.select([line.socket], [], [], 0)[0])

        until(answered, what="the upload to be refused")
        assert line.head()[0].split()[1] == "401"
        assert json.loads(line.body())["code"] == "session_ended"


def test_more_than_it_may_have(server: Server, person: Person) -> None:
    with Raw(server.port, request("POST", "/attachments", person.token, Transfer_Encoding="chunked", **FORM)) as line:
        line.send(chunk(HEAD))
        try:
            for _ in range(20):
                line.send(chunk(b"x" * 1_000_000))
        except OSError:
            pass  # it has answered already, and closed
        else:
            line.send(b"0\r\n\r\n")
            assert line.head()[0].split()[1] in ("413", "422")
    assert "request failed" not in server.log()
