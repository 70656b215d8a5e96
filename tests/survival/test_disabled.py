"""Who is disabled is out of every surface at every process, whatever was open; who is signed out hears why."""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from contextlib import closing
from typing import Any

import sqlalchemy as sa

from api.domain.generations import ACTIVE
from tests import canary
from tests.server import PATIENCE, Person, call, until
from tests.survival.parts import GENERATION, Pair, new_tag

WITHIN = 10.0
"""A second is promised."""


class Line(threading.Thread):
    """One request that is answered when its reply ends, or never; `ended` is when its line was over."""

    def __init__(self, who: Person, path: str, body: Any, **headers: str) -> None:
        super().__init__(daemon=True)
        self.path = path
        self.status = 0
        self.body = b""
        self.ended = 0.0
        self._who = who
        self._request = json.dumps(body).encode()
        self._headers = headers | {"Content-Type": "application/json", "Authorization": f"Bearer {who.token}"}
        self.start()

    def run(self) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._who.port, timeout=PATIENCE)) as connection:
            try:
                connection.request("POST", self.path, self._request, self._headers)
                response = connection.getresponse()
                self.status = response.status
                while piece := response.read1():
                    self.body += piece
            except (http.client.HTTPException, ConnectionError):
                pass  # cut
        self.ended = time.monotonic()


def key_of(person: Person) -> Person:
    made = person.call("POST", "/api-keys", {"name": "script", "scopes": ["chat"]})
    assert made.status == 201, made.body
    return Person(person.port, made.json["key"], person.user)


def lines_of(pair: Pair, ben: Person, model: str) -> list[Line]:
    """One of each kind, by session and by key, at both processes."""
    session, key = pair.elsewhere(ben), key_of(ben)
    events, turns = {"Accept": "text/event-stream"}, [{"role": "user", "content": "go"}]
    older = ben.call("POST", "/api/conversations/create", {"title": "Ours", "model": "openai"}).json["conversation_id"]
    once = ben.call("POST", "/api/sessions", {}).json["id"]
    named = {"content": "go", "model": model}
    silent = model.replace(":3", "")  # not asked for a stream, the other answers at once
    two = {"content": "go", "models": [model, model.replace(":3", ":2")]}
    return [
        Line(key, f"/chats/{ben.chat()}/messages", named, **events),
        Line(session, f"/chats/{ben.chat()}/messages", named),
        Line(session, f"/chats/{ben.chat()}/compare", two, **events),
        Line(key, "/v1/chat/completions", {"messages": turns, "model": model, "stream": True}),
        Line(session, "/v1/chat/completions", {"messages": turns, "model": silent}),
        Line(session, f"/api/sessions/{once}/chat/stream", {"model": "openai", "message": "go"}),
        Line(ben, f"/api/chat/{older}", {"message": "go"}),
        Line(key, "/chat", {"message": "go", "chat_id": "once"}),
        Line(session, "/llm/chat/openai", {"message": "go"}),
        Line(key, "/v1/embeddings", {"input": "go", "model": silent}),
        Line(session, "/images/generations", {"prompt": "go", "model": silent}),
    ]


def test_nobody_who_is_disabled_holds_a_line(pair: Pair) -> None:
    """Replies that never end by themselves: with a stream, a comparison, a waiter, on the older surfaces, and calls
    that hold a thread."""
    root, ben, tag = pair.person(), pair.servers[0].person(f"p{uuid.uuid4().hex[:12]}"), new_tag()
    root_id, ben_id = uuid.UUID(root.user["id"]), uuid.UUID(ben.user["id"])
    pair.stored.store.write(lambda work: work.accounts.update(root_id, {"role": "admin"}))
    config = {"name": "openai", "provider": "openai", "api_key": canary.KEY, "model": f"stall:3#{tag}"}
    assert ben.call("POST", "/model-configs", config | {"is_default": True}).status == 201
    lines = lines_of(pair, ben, f"openai/stall:3#{tag}")
    watched = pair.elsewhere(ben)
    active = sa.select(GENERATION.id).where(GENERATION.user_id == ben_id, GENERATION.status.in_(ACTIVE))
    until(
        lambda: len(pair.stored.rows(active)) == len(lines) + 1 or any(line.ended for line in lines),
        what="every reply, two of the comparison",
    )
    (first, *_) = pair.stored.rows(active)
    follower = watched.follow(str(first.id))
    assert [(line.path, line.status, line.body) for line in lines if not line.is_alive()] == []

    answer = pair.elsewhere(root).call("PATCH", f"/admin/users/{ben.user['id']}", {"is_active": False})
    disabled = time.monotonic()
    assert answer.status == 200, answer.body
    for line in lines:
        line.join(PATIENCE)
        assert line.ended, f"{line.path} is still open"
        assert line.ended - disabled < WITHIN, line.path
    list(follower)
    assert time.monotonic() - disabled < WITHIN
    until(lambda: not pair.stored.rows(active), what="nothing is paid for any longer")
    ends = {line.path: (line.status, line.body) for line in lines}
    for path in ("/v1/embeddings", "/images/generations"):
        assert ends[path][0] == 401, ends[path]
    for path in ("/chats", "/v1/models", "/api/sessions", "/chat/history/once", "/llm/configs"):
        assert watched.call("GET", path).status == 401, path


def test_who_is_signed_out_while_he_waits_is_told_so(pair: Pair) -> None:
    """The reply goes on; what it says is for those who are signed in."""
    ann, tag = pair.person(), new_tag()
    login = {"username": ann.user["username"], "password": f"{ann.user['username']} has a long password"}
    tab = Person(ann.port, call(ann.port, "POST", "/auth/login", login).json["access_token"], ann.user)
    chat = ann.chat()
    line = Line(tab, f"/chats/{chat}/messages", {"content": "go", "model": f"openai/stall:3#{tag}"})
    pair.upstream.wait(lambda up: up.sent(tag), 60)
    assert tab.call("POST", "/auth/logout").status == 204
    line.join(PATIENCE)
    assert line.status == 401
    assert json.loads(line.body)["code"] == "session_ended"
    assert not pair.upstream.sent(tag).left  # type: ignore[union-attr]
    (generation,) = pair.stored.rows(sa.select(GENERATION.id).where(GENERATION.user_id == uuid.UUID(ann.user["id"])))
    assert ann.call("POST", f"/generations/{generation.id}/stop").status == 200
