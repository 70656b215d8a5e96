"""The store of token pairs: renewed once however many tabs ask, resumed where the process does not know a handle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ui.fake_api import FakeApi
from ui.api_client import ApiClient, ApiError, Transport
from ui.sign_in import sessions
from ui.sign_in.sessions import Session, SessionStore


@pytest.fixture
def store(anonymous: ApiClient) -> SessionStore:
    return SessionStore(anonymous)


@pytest.fixture
def session(store: SessionStore, anonymous: ApiClient, person: tuple[str, str]) -> Session:
    return store.add(anonymous.login(*person))


def expire(fake: FakeApi, session: Session) -> None:
    fake.sessions[session.handle]["access"] = "another"


def client(fake: FakeApi, session: Session) -> ApiClient:
    return ApiClient(Transport(fake.url), session)


def test_two_tabs_spend_one_refresh_token(fake: FakeApi, session: Session) -> None:
    expire(fake, session)
    fake.slow_refresh = 0.3
    with ThreadPoolExecutor(2) as tabs:
        pages = list(tabs.map(lambda _: client(fake, session).chats(), range(2)))
    assert len(pages) == 2
    assert fake.refreshes == 1


def test_a_refused_token_is_renewed_and_the_call_made_again(fake: FakeApi, session: Session) -> None:
    old = session.access()
    expire(fake, session)
    client(fake, session).create_chat()
    assert session.access() != old
    assert len(fake.chats) == 1


def test_a_lost_refresh_token_is_made_good_by_the_handle(fake: FakeApi, session: Session) -> None:
    """Another process of the page has renewed the pair meanwhile."""
    fake.rotate(session.handle)
    client(fake, session).chats()
    assert ("POST", "/auth/resume") in fake.calls


def test_an_ended_session_is_401(fake: FakeApi, session: Session) -> None:
    fake.sessions.clear()
    with pytest.raises(ApiError) as ended:
        client(fake, session).chats()
    assert ended.value.status == 401


def test_a_restarted_page_resumes_a_handle_once(fake: FakeApi, anonymous: ApiClient, session: Session) -> None:
    restarted = SessionStore(anonymous)
    with ThreadPoolExecutor(4) as tabs:
        found = list(tabs.map(lambda _: restarted.find(session.handle), range(4)))
    assert len({id(one) for one in found}) == 1
    assert found[0].user.username == "ada"
    assert fake.calls.count(("POST", "/auth/resume")) == 1


def test_an_unknown_handle_is_401(store: SessionStore) -> None:
    with pytest.raises(ApiError) as ended:
        store.find("never-issued")
    assert ended.value.status == 401


def test_the_store_is_bounded(
    monkeypatch: pytest.MonkeyPatch, fake: FakeApi, store: SessionStore, anonymous: ApiClient, person: tuple[str, str]
) -> None:
    monkeypatch.setattr(sessions, "KEEP", 2)
    first, second, third = (store.add(anonymous.login(*person)) for _ in range(3))
    fake.calls.clear()
    assert store.find(second.handle) is second
    assert store.find(third.handle) is third
    assert fake.calls == []
    assert store.find(first.handle) is not first


def test_a_login_without_a_handle_lives_as_long_as_the_process(fake: FakeApi, store: SessionStore) -> None:
    login = ApiClient(Transport(fake.url))
    login.register(email="b@example.com", username="b", password="long enough")
    pair = login.login("b", "long enough")
    session = store.add(type(pair)(pair.tokens, pair.user))
    assert len(session.handle) > 30
    assert store.find(session.handle) is session
    assert store.forget(session.handle) is session
