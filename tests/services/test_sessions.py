from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
import time_machine

from api.domain.accounts import User
from api.domain.errors import NotFound, SessionEnded
from api.domain.ids import new_id
from api.repositories.unit_of_work import Store
from api.services.sessions import SessionService

Register = Callable[[str], User]
START = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def user(register: Register) -> User:
    return register("ann")


def test_a_session_makes_a_principal(sessions: SessionService, user: User) -> None:
    session, handle = sessions.start(user, "Firefox\n" + "x" * 400)
    who = sessions.check(session.id, user.id)
    assert (who.username, who.role, who.session_id, who.scopes) == (
        "ann",
        "admin",
        session.id,
        {"read", "chat", "admin"},
    )
    assert handle is None
    assert session.user_agent == "Firefox" + "x" * 293


def test_the_principal_carries_the_default_model(store: Store, sessions: SessionService, user: User) -> None:
    session, _ = sessions.start(user)
    store.write(lambda work: work.accounts.update(user.id, {"preferences": {"default_model": "demo/demo"}}))
    assert sessions.check(session.id, user.id).default_model == "demo/demo"


def test_a_check_is_one_query(store: Store, sessions: SessionService, user: User) -> None:
    session, _ = sessions.start(user)
    seen: list[str] = []
    listen = sa.event.listens_for(store.database.reader, "before_cursor_execute")
    listen(lambda conn, cursor, statement, *rest: seen.append(statement))
    sessions.check(session.id, user.id)
    assert len(seen) == 1


def test_what_does_not_count(store: Store, sessions: SessionService, user: User, register: Register) -> None:
    session, _ = sessions.start(user)
    other = register("ben")
    for session_id, user_id in ((new_id(), user.id), (session.id, other.id), (session.id, new_id())):
        with pytest.raises(SessionEnded):
            sessions.check(session_id, user_id)
    store.write(lambda work: work.accounts.update(user.id, {"is_active": False}))
    with pytest.raises(SessionEnded):
        sessions.check(session.id, user.id)
    with pytest.raises(SessionEnded):
        sessions.refresh(session.id, session.refresh_jti)


def test_ending_bites_at_the_next_check(sessions: SessionService, user: User, register: Register) -> None:
    one, two, three = (sessions.start(user)[0] for _ in range(3))
    with pytest.raises(NotFound):
        sessions.revoke(register("ben").id, one.id)
    sessions.revoke(user.id, one.id)
    with pytest.raises(NotFound):
        sessions.revoke(user.id, one.id)
    assert [session.id for session in sessions.list(user.id)] == [three.id, two.id]
    assert sessions.open_among({one.id, two.id, new_id()}) == {two.id}
    assert sessions.revoke_all(user.id) == 2
    for session in (one, two, three):
        with pytest.raises(SessionEnded):
            sessions.check(session.id, user.id)
        with pytest.raises(SessionEnded):
            sessions.refresh(session.id, session.refresh_jti)


def test_refreshing_gives_a_new_token_each_time(sessions: SessionService, user: User) -> None:
    session, _ = sessions.start(user)
    seen = {session.refresh_jti}
    for _ in range(3):
        session, again = sessions.refresh(session.id, session.refresh_jti)
        assert again == user
        seen.add(session.refresh_jti)
    assert len(seen) == 4


def test_the_token_before_is_good_for_30_seconds_with_the_same_successor(sessions: SessionService, user: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        session, _ = sessions.start(user)
        first, _ = sessions.refresh(session.id, session.refresh_jti)
        clock.shift(30)
        second, _ = sessions.refresh(session.id, session.refresh_jti)
        assert second.refresh_jti == first.refresh_jti
        clock.shift(1)
        with pytest.raises(SessionEnded):
            sessions.refresh(session.id, session.refresh_jti)
        for jti in (first.refresh_jti, session.refresh_jti):  # thief and owner are both out
            with pytest.raises(SessionEnded):
                sessions.refresh(session.id, jti)
        with pytest.raises(SessionEnded):
            sessions.check(session.id, user.id)


def test_a_token_older_than_the_one_before_ends_the_session_at_once(sessions: SessionService, user: User) -> None:
    session, _ = sessions.start(user)
    other, _ = sessions.start(user)
    later, _ = sessions.refresh(session.id, session.refresh_jti)
    sessions.refresh(later.id, later.refresh_jti)
    with pytest.raises(SessionEnded):
        sessions.refresh(session.id, session.refresh_jti)
    with pytest.raises(SessionEnded):
        sessions.check(session.id, user.id)
    assert sessions.check(other.id, user.id)


def test_parallel_refreshes_agree_on_one_successor(sessions: SessionService, user: User) -> None:
    session, _ = sessions.start(user)
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda _: sessions.refresh(session.id, session.refresh_jti), range(10)))
    assert len({successor.refresh_jti for successor, _ in found}) == 1


def test_a_session_unused_for_its_life_has_ended(sessions: SessionService, user: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        session, handle = sessions.start(user, with_handle=True)
        clock.shift(dt.timedelta(days=29))
        session, _ = sessions.refresh(session.id, session.refresh_jti)
        clock.shift(dt.timedelta(days=30))
        assert handle
        with pytest.raises(SessionEnded):
            sessions.resume(handle)
        with pytest.raises(SessionEnded):
            sessions.refresh(session.id, session.refresh_jti)
        assert sessions.list(user.id) == []
        sessions.start(user)
        with pytest.raises(NotFound):
            sessions.revoke(user.id, session.id)  # its row went with the next sign-in


def test_the_page_resumes_by_its_handle_without_a_rotation(store: Store, sessions: SessionService, user: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        session, handle = sessions.start(user, with_handle=True)
        assert handle
        assert handle.startswith("parley_page_")
        clock.shift(120)
        resumed, again = sessions.resume(handle)
        assert (resumed, again) == (session, user)
        stored = store.read(lambda work: work.sessions.get(session.id))
        assert stored
        assert stored.last_used_at == START + dt.timedelta(seconds=120)
        rotated, _ = sessions.refresh(session.id, session.refresh_jti)
        assert sessions.resume(handle)[0].refresh_jti == rotated.refresh_jti
        for wrong in ("", "x", handle[:-1], handle[:-1] + "é", handle[:20] + "A" + handle[21:]):
            with pytest.raises(SessionEnded):
                sessions.resume(wrong)
        sessions.revoke(user.id, session.id)
        with pytest.raises(SessionEnded):
            sessions.resume(handle)


def test_a_handle_is_not_stored(store: Store, sessions: SessionService, user: User) -> None:
    _, handle = sessions.start(user, with_handle=True)
    rows = store.read(lambda work: work.connection.execute(sa.text("SELECT * FROM sessions")).all())
    assert handle
    assert handle not in str(rows)
