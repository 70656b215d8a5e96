"""Any text that a provider sends arrives byte-equal at the reader and in the database, but for one documented rule."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.config import Settings
from tests import hypothesis_profiles  # noqa: F401
from tests.conftest import SECRETS, TEMPLATE
from tests.domain.test_text import by_the_book
from tests.properties.provider import Script, ScriptedProvider
from tests.server import call, running_server

pytestmark = pytest.mark.xdist_group("properties")
ODD = ["\0", "\x1b", "\r", "\n\n", "\r\n", "data:", "\ndata: x\n\n", "id: 9\n", ": ping\n\n", "event: error\n"]
ODD += ["\u2028", "\u2029", "\x85", "\ufeff", "\ufffe", "\ud83d", "\ude00", "🦀", "[DONE]", "<b>", '"', "\\", "\u202e"]
anything = st.text(alphabet=st.characters(exclude_categories=[]), max_size=60)
units = st.text(st.sampled_from("a\ud83d\ude00\0é🦀\n"), max_size=8)
pieces = st.lists(anything | st.sampled_from(ODD) | units, max_size=12)
cuts = st.lists(st.integers(0, 4000), max_size=12)


class Line:
    """What Flask's client does, over the line to a real server, which hands sockets over."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, headers: dict[str, str] | None = None) -> Response:
        return self._ask("GET", path, None, headers)

    def post(self, path: str, json: Any = None, headers: dict[str, str] | None = None) -> Response:
        return self._ask("POST", path, json, headers)

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str] | None) -> Response:
        answer = call(self.port, method, path, body, **(headers or {}))
        return Response(answer.body, answer.status, mimetype=answer.headers["content-type"])


class Talk:
    """A server with one account, and the provider that it asks."""

    def __init__(self, client: FlaskClient | Line, provider: ScriptedProvider) -> None:
        self.client = client
        self.provider = provider
        person = {"email": "ann@example.org", "username": "ann", "password": "correct horse battery"}
        client.post("/auth/register", json=person)
        login = client.post("/auth/login", json={"username": "ann", "password": "correct horse battery"}).get_json()
        self.headers = {"Authorization": f"Bearer {login['access_token']}"}
        config = {"name": "mine", "provider": "openai", "api_key": "sk-0123456789abcdef", "model": "m"}
        assert client.post("/model-configs", json=config, headers=self.headers).status_code == 201

    def chat(self) -> str:
        return str(self.client.post("/chats", json={}, headers=self.headers).get_json()["id"])

    def stream(self, chat: str) -> bytes:
        headers = self.headers | {"Accept": "text/event-stream"}
        answer = self.client.post(f"/chats/{chat}/messages", json={"content": "go"}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.data

    def wait(self, chat: str) -> dict[str, Any]:
        answer = self.client.post(f"/chats/{chat}/messages", json={"content": "go"}, headers=self.headers)
        return dict(answer.get_json())

    def stored(self, chat: str) -> dict[str, Any]:
        return dict(self.client.get(f"/chats/{chat}", headers=self.headers).get_json()["messages"][-1])

    def followed(self, generation: str) -> bytes:
        return self.client.get(f"/generations/{generation}/events", headers=self.headers).data


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "handed over"])
def talk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("properties")
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder}/parley.db"
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgres").database(TEMPLATE))
        provider = stack.enter_context(ScriptedProvider())
        if request.param == "handed over":
            server = stack.enter_context(running_server(url, folder, OPENAI_BASE_URL=provider.url))
            yield Talk(Line(server.port), provider)
            return
        plenty: dict[str, Any] = {"rate_limit_per_hour": 10**7, "generation_limit_per_hour": 10**7}
        values: dict[str, Any] = {"data_dir": folder, "openai_base_url": provider.url, **SECRETS, **plenty}
        app = create_app(Settings(**values, database_url=url))
        app.extensions["parley_process"].start()
        stack.callback(app.extensions["parley_close"])
        yield Talk(app.test_client(), provider)


def parsed(data: bytes) -> list[tuple[str, str, str]]:
    """`(id, event, data)` as the WHATWG standard reads an event stream; written for this test alone."""
    events, fields = [], {"id": "", "event": "", "data": ""}
    for line in re.split("\r\n|\r|\n", data.decode("utf-8").removeprefix("\ufeff")):
        if not line:
            if fields["data"]:
                events.append((fields["id"], fields["event"], fields["data"].removesuffix("\n")))
            fields |= {"event": "", "data": ""}
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            fields["data"] += value + "\n"
        elif name in fields:
            fields[name] = value
    return events


def told(data: bytes, kind: str) -> str:
    return "".join(json.loads(value)["text"] for _, event, value in parsed(data) if event == kind)


def scripted(texts: list[str], escaped: bool, places: list[int], newline: str, name: str = "content") -> Script:
    whole = all(not "\ud800" <= char <= "\udfff" for text in texts for char in text)
    return Script(tuple(texts), escaped or not whole, tuple(places), newline, name)


EVERY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@EVERY
@given(texts=pieces, escaped=st.booleans(), places=cuts, newline=st.sampled_from(["\n", "\r\n"]))
@example(texts=ODD, escaped=True, places=list(range(0, 4000, 1)), newline="\n")
@example(texts=["🦀é中" * 20], escaped=False, places=list(range(2000)), newline="\r\n")
@example(texts=["\ud83d", "", "\ude00"], escaped=True, places=[], newline="\n")
@example(texts=["a\ud83d"], escaped=True, places=[], newline="\n")
def test_a_stream(talk: Talk, texts: list[str], escaped: bool, places: list[int], newline: str) -> None:
    expected = by_the_book("".join(texts))
    talk.provider.script = scripted(texts, escaped, places, newline)
    chat = talk.chat()
    streamed = talk.stream(chat)
    events = parsed(streamed)
    assert [int(number) for number, _, _ in events] == list(range(1, len(events) + 1))
    assert {event for _, event, _ in events} <= {"started", "delta", "usage", "finished"}
    assert told(streamed, "delta") == expected
    finished = json.loads(events[-1][2])
    assert (finished["status"], finished["message"]["content"]) == ("complete", expected)
    assert talk.stored(chat)["content"] == expected
    again = talk.followed(json.loads(events[0][2])["generation_id"])
    assert told(again, "delta") == expected
    assert [event[:2] for event in parsed(again)] == [event[:2] for event in events]


@EVERY
@given(texts=pieces, escaped=st.booleans(), places=cuts)
def test_reasoning(talk: Talk, texts: list[str], escaped: bool, places: list[int]) -> None:
    expected = by_the_book("".join(texts))
    talk.provider.script = scripted(texts, escaped, places, "\n", "reasoning_content")
    chat = talk.chat()
    assert told(talk.stream(chat), "reasoning") == expected
    assert (talk.stored(chat)["reasoning"] or "") == expected


@EVERY
@given(texts=pieces, escaped=st.booleans(), places=cuts)
def test_json(talk: Talk, texts: list[str], escaped: bool, places: list[int]) -> None:
    expected = by_the_book("".join(texts))
    talk.provider.script = scripted(texts, escaped, places, "\n")
    chat = talk.chat()
    assert talk.wait(chat)["message"]["content"] == expected
    assert talk.stored(chat)["content"] == expected


def test_the_parser_of_this_test() -> None:
    text = b"\xef\xbb\xbf: hi\n\nid: 1\nevent: a\ndata: x\ndata:y\n\ndata\n\nid: 2\r\ndata:  z\r\n\r\n"
    assert parsed(text) == [("1", "a", "x\ny"), ("1", "", ""), ("2", "", " z")]
