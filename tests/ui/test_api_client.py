"""The page's HTTP client against a real server: results, errors, and replies over lines that break."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import hypothesis_profiles  # noqa: F401
from tests.loopback import Handler, Loopback
from tests.server import free_port, until
from tests.ui.fake_api import FakeApi
from tests.ui.fake_model import MARKDOWN
from ui.api_client import ApiClient, ApiError, Transport
from ui.api_client.model_records import ModelCatalogue
from ui.api_client.sse import EventParser
from ui.sign_in.sessions import SessionStore


@pytest.fixture
def client(fake: FakeApi, anonymous: ApiClient, person: tuple[str, str]) -> ApiClient:
    session = SessionStore(anonymous).add(anonymous.login(*person))
    return ApiClient(Transport(fake.url, "the-page's-secret"), session, "203.0.113.9")


def test_models_that_do_not_converse_are_no_choice() -> None:
    said = {"a": ["chat", "vision"], "b": ["images"], "c": None, "d": []}
    models = [{"id": f"p/{name}", "abilities": abilities} for name, abilities in said.items()]
    assert [m.id for m in ModelCatalogue.read({"models": [*models, {"id": "p/e"}, 7]}).models] == ["p/a", "p/c", "p/e"]


def sent(client: ApiClient, text: str, key: str = "k1") -> str:
    return client.send(client.create_chat().id, text, key=key).generation_id


def test_every_call_carries_the_pages_secret_and_the_browsers_address(fake: FakeApi, client: ApiClient) -> None:
    client.chats()
    assert fake.headers
    for headers in fake.headers:
        assert headers["X-Page-Secret"] == "the-page's-secret"
        assert headers["X-Client-Address"] == "203.0.113.9"


def test_chats_are_made_listed_renamed_and_deleted(client: ApiClient) -> None:
    chat = client.create_chat()
    assert client.update_chat(chat.id, title="Mine").title == "Mine"
    assert [one.title for one in client.chats().items] == ["Mine"]
    client.delete_chat(chat.id)
    assert client.chats().items == []
    with pytest.raises(ApiError) as gone:
        client.chat(chat.id)
    assert (gone.value.status, gone.value.code) == (404, "not_found")


def test_lists_are_paged(fake: FakeApi, client: ApiClient) -> None:
    for number in range(5):
        fake.add_chat(f"chat {number}")
    first = client.chats(limit=3)
    second = client.chats(limit=3, cursor=first.next_cursor)
    assert (len(first.items), len(second.items), second.next_cursor) == (3, 2, None)


def test_an_id_from_the_address_bar_stays_one_path_segment(fake: FakeApi, client: ApiClient) -> None:
    for odd in ("../users/me", "..", "a/b", "x?y=1", "#"):
        with pytest.raises(ApiError):
            client.chat(odd)
    paths = [path for method, path in fake.calls if method == "GET"]
    assert all(path.startswith("/chats/") for path in paths), paths


def test_a_problem_becomes_one_error(anonymous: ApiClient) -> None:
    with pytest.raises(ApiError) as short:
        anonymous.register(email="b@example.com", username="b", password="short")
    assert short.value.fields == {"password": "Use at least 8 characters."}
    assert short.value.extra["request_id"] == "req-1"


def test_a_limit_tells_when(fake: FakeApi, client: ApiClient) -> None:
    fake.refuse["GET /chats"] = (429, {"code": "rate_limited", "detail": "Limit.", "retry_after": 42})
    with pytest.raises(ApiError) as limited:
        client.chats()
    assert limited.value.retry_after == 42


def test_an_api_that_is_away_is_told_from_one_that_refuses() -> None:
    with pytest.raises(ApiError) as away:
        ApiClient(Transport(f"http://127.0.0.1:{free_port()}")).login("ada", "x")
    assert away.value.away
    assert not ApiClient(Transport(f"http://127.0.0.1:{free_port()}")).healthy()


def test_only_what_may_be_repeated_is_sent_again_over_a_line_that_broke() -> None:
    asked: list[str] = []

    class Breaking(Handler):
        """Hangs up at the first request of each method."""

        def do_GET(self) -> None:
            asked.append(self.command)
            if asked.count(self.command) > 1:
                self.say(200, {"asked": asked})

        do_POST = do_GET

    with Loopback(Breaking) as server:
        transport = Transport(server.origin)
        assert transport.call("GET", "/", {}, repeatable=True) == {"asked": ["GET", "GET"]}
        with pytest.raises(ApiError) as broken:
            transport.call("POST", "/", {})
    assert broken.value.away
    assert asked == ["GET", "GET", "POST"]


def test_no_cookie_is_kept_between_calls(fake: FakeApi, anonymous: ApiClient, person: tuple[str, str]) -> None:
    fake.sets_cookies = True
    anonymous.login(*person)
    anonymous.login(*person)
    assert not any("Cookie" in headers for headers in fake.headers)


def test_the_same_key_posts_once(fake: FakeApi, client: ApiClient) -> None:
    chat = client.create_chat().id
    ids = {client.send(chat, "hello", key="one-key").generation_id for _ in range(3)}
    assert len(ids) == len(fake.runs) == 1


def test_a_reply_is_followed_from_its_start_to_its_end(client: ApiClient) -> None:
    batches = list(client.follow(sent(client, "demo:markdown")))
    assert "".join(batch.text for batch in batches) == MARKDOWN
    assert batches[-1].end is not None
    assert batches[-1].end.status == "complete"


def test_reasoning_comes_apart_from_text(client: ApiClient) -> None:
    batches = list(client.follow(sent(client, "reason about this")))
    assert "".join(batch.reasoning for batch in batches).startswith("First the question")
    assert "First" not in "".join(batch.text for batch in batches)


@pytest.mark.parametrize("cut_every", [1, 7])
def test_a_cut_line_is_joined_without_gap_or_repeat(fake: FakeApi, client: ApiClient, cut_every: int) -> None:
    fake.cut_every = cut_every
    batches = list(client.follow(sent(client, "demo:count 40")))
    assert "".join(batch.text for batch in batches) == "".join(f"{n} " for n in range(1, 41))
    assert sum(path.endswith("/events") for _, path in fake.calls) >= 40 // cut_every


def test_what_arrives_together_travels_together(client: ApiClient) -> None:
    batches = [batch for batch in client.follow(sent(client, "demo:count 100")) if batch.text]
    assert len(batches) < 60


def test_a_silent_provider_does_not_silence_the_follower(client: ApiClient) -> None:
    """Whoever draws must notice a click while nothing arrives; leaving then takes no time."""
    with closing(client.follow(sent(client, "demo:stall"))) as batches:  # type: ignore[type-var]
        silent = list(itertools.islice((batch for batch in batches if not batch.text), 5))
        started = time.monotonic()
    assert len(silent) == 5
    assert time.monotonic() - started < 20


def test_a_failed_reply_ends_with_its_problem(client: ApiClient) -> None:
    *_, last = client.follow(sent(client, "demo:fail"))
    assert last.end is not None
    assert last.end.error is not None
    assert (last.end.status, last.end.error.code) == ("error", "provider_auth_failed")


def test_stop_ends_the_reply_for_whoever_follows(client: ApiClient) -> None:
    generation = sent(client, "demo:count 5000")
    batches = client.follow(generation)
    until(lambda: next(batches).text, what="the first text")
    client.stop(generation)
    *_, last = batches
    assert last.end is not None
    assert last.end.status == "stopped"


def test_following_what_is_not_there_is_an_error(fake: FakeApi, client: ApiClient) -> None:
    fake.refuse["GET /generations/x/events"] = (404, {"code": "not_found"})
    with pytest.raises(ApiError) as gone:
        list(client.follow("x"))
    assert gone.value.status == 404


def frames(events: list[tuple[int, str]], newline: str) -> bytes:
    lines = (
        f"id: {n}{newline}event: delta{newline}data: {json.dumps({'text': t})}{newline}{newline}" for n, t in events
    )
    return (": ping" + newline + newline + "".join(lines)).encode()


@given(st.lists(st.text(), max_size=8), st.sampled_from(["\n", "\r\n"]), st.integers(1, 9))
def test_events_are_read_however_the_bytes_were_cut(texts: list[str], newline: str, size: int) -> None:
    raw = frames(list(enumerate(texts, 1)), newline)
    parser = EventParser()
    found: Iterator[str] = (
        event.data["text"] for at in range(0, len(raw), size) for event in parser.feed(raw[at : at + size])
    )
    assert list(found) == texts
