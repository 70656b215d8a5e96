"""A provider's key is nowhere in what a server says or stores, whatever goes wrong; and the search would find it."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests import canary, hypothesis_profiles  # noqa: F401
from tests.answers import Answers
from tests.server import Person, Server, call, running_server
from tests.test_cli import _flask
from tests.upstream import Upstream

WIRES = {"openai": "/v1", "anthropic": "", "gemini": "", "mistral": "/v1"}
SECRET = canary.KEY.removeprefix("sk-canary-").encode()


# The search


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, len(SECRET) - 12), st.sampled_from(range(6)))
def test_a_part_is_found_wherever_it_stands(before: bytes, after: bytes, start: int, spelling: int) -> None:
    part = SECRET[start : start + 12]
    spelled = [
        part,
        part.hex().encode(),
        part.hex().upper().encode(),
        base64.b64encode(before + SECRET + after),
        base64.b64encode(SECRET),
        canary.KEY.encode(),
    ][spelling]
    assert canary.found_in(before + spelled + after)
    large = b"\0" * canary._SMALL
    assert canary.found_in(large + before + spelled + after)


@given(st.binary(max_size=3000))
def test_other_bytes_are_not_taken_for_it(data: bytes) -> None:
    assert canary.found_in(data) is None
    assert canary.found_in(SECRET[:11] + b"-" + data) is None


def test_a_part_is_found_across_two_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "_STEP", 1000)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "log").write_bytes(b"." * 990 + SECRET[:20] + b"." * 990)
    with pytest.raises(AssertionError, match="inner/log"):
        canary.check_folder(tmp_path)


def test_an_answer_and_a_folder_are_searched(tmp_path: Path) -> None:
    with (
        Answers({"/told": {"detail": SECRET[:20].decode()}}) as elsewhere,
        pytest.raises(AssertionError, match="GET /told"),
    ):
        call(elsewhere.port, "GET", "/told")
    server = Server(f"sqlite:///{tmp_path}/parley.db", tmp_path)
    server.search()
    (tmp_path / "planted").write_bytes(SECRET[5:25])
    with pytest.raises(AssertionError, match="planted"):
        server.search()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_row_is_searched(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> None:
    url: str = request.getfixturevalue(f"{kind}_url")
    canary.check_database(url)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE notes (id INTEGER, body TEXT)"))
        connection.execute(sa.text("INSERT INTO notes VALUES (1, :body)"), {"body": f"a {SECRET[9:30].decode()} b"})
    engine.dispose()
    with pytest.raises(AssertionError, match="stands in"):
        canary.check_database(url)


# The server


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as up:
        yield up


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("canary")
    bases = {f"{vendor.upper()}_BASE_URL": upstream.url + path for vendor, path in WIRES.items()}
    bases["LOG_LEVEL"] = "debug"
    if request.param == "sqlite":
        with running_server(f"sqlite:///{folder}/parley.db", folder, **bases) as started:
            yield started
        return
    with request.getfixturevalue("postgres").database() as url, running_server(url, folder, **bases) as started:
        yield started


def config(person: Person, provider: str, **values: Any) -> str:
    asked = {"name": provider, "provider": provider, "api_key": canary.KEY, "model": "text"} | values
    answer = person.call("POST", "/model-configs", asked)
    assert answer.status == 201, answer.body
    assert answer.json["api_key"].endswith(canary.KEY[-4:]), "the last four are shown, and no more"
    return str(answer.json["id"])


def test_a_key_is_told_to_nobody(server: Server, upstream: Upstream) -> None:
    """Every answer is searched as it is read (`tests.server`), and the rest here and at the server's end."""
    ann = server.person("ann")
    chat = ann.chat()
    for provider in WIRES:
        made = config(ann, provider)
        ann.call("PATCH", f"/model-configs/{made}", {"api_key": canary.KEY, "temperature": 0.5})
        for model in ("text", "status:401", "status:500", "error-in-stream:3", "html", "badjson", "redirect"):
            name = f"{provider}/{model}"
            ann.call("POST", f"/chats/{chat}/messages", {"content": "hello", "model": name})
            with ann.stream(chat, "hello", model=name) as stream:
                list(stream)
            asked = {"model": name, "messages": [{"role": "user", "content": "hello"}]}
            ann.call("POST", "/v1/chat/completions", asked)
            with ann.streamed("POST", "/v1/chat/completions", asked | {"stream": True}) as stream:
                list(stream)
        assert ann.call("POST", f"/model-configs/{made}/test").status in (200, 502)
        ann.call("PATCH", f"/model-configs/{made}", {"base_url": "http://127.0.0.1:9"})
        ann.call("PATCH", f"/model-configs/{made}", {"base_url": "http://127.0.0.1:9", "api_key": canary.KEY})
        ann.call("POST", f"/model-configs/{made}/test")
    sent = {value for served in upstream.served for value in served.headers.values() if canary.KEY in value}
    assert len(sent) > 1, "the providers did get it"
    for path in ("/model-configs", "/v1/models", "/usage?group_by=key", "/admin/audit", f"/chats/{chat}", "/metrics"):
        assert ann.call("GET", path).status == 200, path
    server.search()


def test_a_key_in_the_wrong_place_is_not_repeated(server: Server) -> None:
    ann = server.person("ann")
    key, escaped = canary.KEY, quote(canary.KEY)
    asked: list[tuple[str, str, Any, dict[str, str]]] = [
        ("POST", "/model-configs", {"name": "x", "provider": "openai", "apikey": key}, {}),
        ("POST", "/model-configs", {"name": "x", "provider": "openai", "api_key": [key]}, {}),
        ("POST", "/model-configs", {"name": "x", "provider": key, "api_key": key}, {}),
        ("POST", "/model-configs", {"name": "x" * 200 + key, "provider": "openai"}, {}),
        (
            "POST",
            "/model-configs",
            {"name": "x", "provider": "openai", "base_url": f"http://{key}@[", "api_key": key},
            {},
        ),
        ("POST", "/v1/chat/completions", {"messages": [], "api_key": key}, {}),
        ("POST", "/auth/login", {"username": key, "password": key}, {}),
        ("GET", f"/chats?api_key={escaped}", None, {}),
        ("GET", "/chats", None, {"X-Api-Key": key, "Referer": key, "User-Agent": key}),
    ]
    for method, path, body, headers in asked:
        ann.call(method, path, body, **headers)
    assert Person(server.port, key).call("GET", "/chats").status == 401
    server.search()


def test_a_backup_holds_no_key(server: Server, tmp_path: Path) -> None:
    if not server.environment["DATABASE_URL"].startswith("sqlite"):
        return  # the same rows, and searched as such
    config(server.person("eve"), "openai")
    done = _flask(server.folder, "backup", str(tmp_path / "one.zip"), DATABASE_URL=server.environment["DATABASE_URL"])
    assert done.returncode == 0, done.stderr
    canary.check((done.stdout + done.stderr).encode(), "what the command says")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        for name in archive.namelist():
            canary.check(archive.read(name), name)
