"""What is deleted is stopped first; who may no longer read is cut, and the reply goes on."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa

from api.models.chats import CHATS, MESSAGES
from api.models.generations import GENERATION_EVENTS, GENERATIONS
from tests.server import Person, call, until
from tests.survival.parts import ENDS, Pair, Reader, assert_whole, ended, join


@pytest.mark.parametrize("remote", [False, True], ids=["same process", "other process"])
def test_a_deleted_chat(pair: Pair, remote: bool) -> None:
    ann = pair.person()
    there = pair.elsewhere(ann) if remote else ann
    chat, generation, tag = pair.begin(ann, 3000, 10, seen=5)
    readers = [Reader(join(ann, generation)), Reader(join(pair.elsewhere(ann), generation))]
    assert there.call("DELETE", f"/chats/{chat}").status == 204
    pair.upstream.wait(lambda up: up.sent(tag).left, 60)  # type: ignore[union-attr]
    for reader in readers:
        assert [kind for _, kind, _ in reader.wait() if kind in ENDS] in ([], ["finished"])
    assert there.call("GET", f"/chats/{chat}").status == 404
    assert pair.stored.rows(sa.select(MESSAGES.c.id).where(MESSAGES.c.chat_id == uuid.UUID(chat))) == []
    assert pair.stored.generation(generation).status == "stopped"  # the ledger stays


@pytest.mark.parametrize("remote", [False, True], ids=["same process", "other process"])
def test_a_deleted_account(pair: Pair, remote: bool) -> None:
    pair.person()  # the first one is the admin, who may not go
    ann = pair.person()
    there = pair.elsewhere(ann) if remote else ann
    _, generation, tag = pair.begin(ann, 3000, 10, seen=5)
    readers = [Reader(join(ann, generation)), Reader(join(pair.elsewhere(ann), generation))]
    password = f"{ann.user['username']} has a long password"
    answer = there.call("DELETE", "/users/me", {"password": password})
    assert answer.status == 204, answer.body
    pair.upstream.wait(lambda up: up.sent(tag).left, 60)  # type: ignore[union-attr]
    for reader in readers:
        reader.wait()
    user_id = uuid.UUID(ann.user["id"])
    for table in (CHATS, MESSAGES, GENERATIONS, GENERATION_EVENTS):
        assert pair.stored.rows(sa.select(table.c.user_id).where(table.c.user_id == user_id)) == []
    assert there.call("GET", "/chats").status == 401


def test_a_revoked_session_and_a_revoked_key(pair: Pair) -> None:
    """Their open streams are cut at every process; the reply goes on, and another reader has all of it."""
    ann = pair.person()
    password = f"{ann.user['username']} has a long password"
    made = ann.call("POST", "/api-keys", {"name": "script", "scopes": ["chat"]})
    assert made.status == 201, made.body
    script = Person(ann.port, made.json["key"], ann.user)
    login = call(ann.port, "POST", "/auth/login", {"username": ann.user["username"], "password": password})
    tab = Person(ann.port, login.json["access_token"], ann.user)
    _, generation, tag = pair.begin(ann, 1500, 10)
    watching = Reader(join(ann, generation))
    lines = [Reader(join(who.at(server.port), generation)) for who in (tab, script) for server in pair.servers]
    until(lambda: all(line.events for line in lines), what="the first events")
    assert tab.call("POST", "/auth/logout").status == 204
    assert ann.call("DELETE", f"/api-keys/{made.json['id']}").status == 204
    for line in lines:
        assert not any(kind in ENDS for _, kind, _ in line.wait())
    assert tab.call("GET", "/chats").status == script.call("GET", "/chats").status == 401
    assert not pair.upstream.sent(tag).left  # type: ignore[union-attr]
    assert ann.call("POST", f"/generations/{generation}/stop").status == 200
    ended(ann, generation)
    assert_whole(watching.wait(), pair.stored.answer(generation).content, "stopped")
