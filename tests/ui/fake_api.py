"""A small API of our own for the page's tests: the contract the page relies on, in memory, with faults on demand."""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import BaseWSGIServer, make_server

MARKDOWN = """## Retrying with patience

Wait **longer each time**, and add *jitter* so that clients do not all come back at once.

```python
def retry(call, attempts=5, base=0.25):
    for n in range(attempts):
        try:
            return call()
        except ConnectionError:
            time.sleep(min(8, base * 2**n))
```

| Attempt | Base wait | With jitter |
|--------:|----------:|------------:|
| 1 | 0.25 s | 0.13 – 0.38 s |
| 2 | 0.50 s | 0.25 – 0.75 s |

The expected wait is \\(E[w_n] = b \\cdot 2^n\\), so that

\\[ \\sum_{n=0}^{N} b \\cdot 2^n = b\\,(2^{N+1} - 1) \\]

1. Retry only calls that may be repeated.
2. It costs $5 to $10 a month, about ~3 % more. ![a beacon](http://127.0.0.1:9/beacon.png)
"""


@dataclass
class Run:
    id: str
    chat_id: str
    message: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    stopped: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def add(self, name: str, **data: Any) -> None:
        with self.changed:
            self.events.append((name, data))
            if name == "delta":
                self.message["content"] += data["text"]
            self.changed.notify_all()


class FakeApi:
    """Start it with `with FakeApi() as api`. Set the attributes to make it fail; read the counters afterwards."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}  # handle → user, access, refresh
        self.chats: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, Run] = {}
        self.configs: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.sent: dict[str, str] = {}  # idempotency key → generation
        self.cut_every = 0  # a stream is cut after that many events
        self.refuse: dict[str, tuple[int, dict[str, Any]]] = {}  # "POST /path" → the problem to answer
        self.sets_cookies = False
        self.slow_refresh = 0.0
        self.refreshes = 0
        self._numbers = itertools.count(1)
        self._server: BaseWSGIServer | None = None
        self.app = _app(self)

    def __enter__(self) -> FakeApi:
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for run in self.runs.values():
            run.stopped = True
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.port}"

    def new_session(self, user: dict[str, Any]) -> dict[str, Any]:
        handle = uuid.uuid4().hex
        self.sessions[handle] = {"user": user, "access": "", "refresh": ""}
        return {**self.rotate(handle), "handle": handle}

    def rotate(self, handle: str) -> dict[str, Any]:
        session = self.sessions[handle]
        number = next(self._numbers)
        session["access"], session["refresh"] = f"access-{number}", f"refresh-{number}"
        return {
            "access_token": session["access"],
            "refresh_token": session["refresh"],
            "token_type": "bearer",
            "expires_in": 900,
            "user": session["user"],
        }

    def add_chat(self, title: str = "New chat") -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        chat = {"id": str(uuid.uuid4()), "number": len(self.chats) + 1, "slug": "c", "title": title, "model": "demo"}
        chat |= {"pinned": False, "archived": False, "created_at": now, "updated_at": now, "messages": []}
        self.chats[chat["id"]] = chat
        return chat

    def start(self, chat: dict[str, Any], content: str) -> Run:
        user = {"id": str(uuid.uuid4()), "role": "user", "content": content, "status": "complete", "metadata": {}}
        answer = {"id": str(uuid.uuid4()), "role": "assistant", "content": "", "status": "running", "metadata": {}}
        answer |= {"model": "demo", "provider": "demo", "reasoning": ""}
        chat["messages"] += [user, answer]
        if chat["title"] == "New chat":
            chat["title"] = content[:60]
        run = Run(str(uuid.uuid4()), chat["id"], answer)
        self.runs[run.id] = run
        threading.Thread(target=_write, args=(run, content), daemon=True).start()
        return run

    def running(self, chat_id: str) -> str | None:
        for run in self.runs.values():
            if run.chat_id == chat_id and run.message["status"] == "running":
                return run.id
        return None


def _write(run: Run, prompt: str) -> None:
    """The scripted model."""
    pieces, pause = _script(prompt)
    run.add("started", generation_id=run.id)
    time.sleep(0.6 if "slow" in prompt else 0.05)
    if "reason" in prompt:
        for word in ["First", "the", "question,", "then", "what", "is", "known,", "then", "the", "answer."]:
            run.message["reasoning"] += word + " "
            run.add("reasoning", text=word + " ")
            time.sleep(0.05)
    for piece in pieces:
        if run.stopped:
            break
        run.add("delta", text=piece)
        time.sleep(pause)
    if "demo:fail" in prompt:
        problem = {"status": 502, "code": "provider_auth_failed", "detail": "The provider refused the key."}
        run.message |= {"status": "error", "metadata": {"error": problem}}
        run.add("error", problem=problem)
        return
    while "demo:stall" in prompt and not run.stopped:
        time.sleep(0.05)
    run.message["status"] = "stopped" if run.stopped else "complete"
    run.message["metadata"] = {"usage": {"completion_tokens": len(pieces)}}
    run.add("finished", status=run.message["status"])


def _script(prompt: str) -> tuple[list[str], float]:
    if "demo:count" in prompt:
        return [f"{n} " for n in range(1, int(prompt.split("demo:count")[1].split(maxsplit=1)[0]) + 1)], 0.02
    if "demo:markdown" in prompt or "retries" in prompt:
        return [MARKDOWN[i : i + 8] for i in range(0, len(MARKDOWN), 8)], 0.01
    if "demo:fail" in prompt:
        return ["It begins well, "], 0.02
    return [word + " " for word in ("This is a demo reply to: " + prompt).split()], 0.03


def _problem(status: int, code: str, detail: str = "", **extra: Any) -> Response:
    body = {"status": status, "code": code, "title": code, "detail": detail, "request_id": "req-1", **extra}
    return Response(json.dumps(body), status, content_type="application/problem+json")


def _app(api: FakeApi) -> Flask:  # noqa: PLR0915
    app = Flask("fake")

    def session() -> dict[str, Any] | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return next((s for s in api.sessions.values() if token and s["access"] == token), None)

    @app.before_request
    def guard() -> Response | None:
        api.calls.append((request.method, request.path))
        api.headers.append(dict(request.headers))
        fault = api.refuse.get(f"{request.method} {request.path}") or api.refuse.get(f"{request.method} *")
        if fault:
            return _problem(fault[0], **fault[1])
        public = request.path.startswith("/auth/") and request.path != "/auth/logout"
        if not public and request.path != "/ready" and session() is None:
            return _problem(401, "unauthenticated", "Sign in first.")
        return None

    @app.after_request
    def cookie(response: Response) -> Response:
        if api.sets_cookies:
            response.set_cookie("somebody", "else")
        return response

    @app.get("/ready")
    def ready() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/auth/register")
    def register() -> Any:
        body = request.get_json()
        if len(body["password"]) < 8:
            errors = [{"pointer": "/password", "detail": "Use at least 8 characters.", "code": "too_short"}]
            return _problem(422, "invalid", "Check the fields.", errors=errors)
        user = {"id": str(uuid.uuid4()), "username": body["username"], "email": body["email"]}
        user |= {"role": "member" if api.users else "admin", "full_name": ""}
        api.users[body["email"]] = {**user, "password": body["password"]}
        return user, 201

    @app.post("/auth/login")
    def login() -> Any:
        body = request.get_json()
        for user in api.users.values():
            names = (user["email"], user["username"])
            if (body.get("email") or body.get("username")) in names and user["password"] == body["password"]:
                return api.new_session({k: v for k, v in user.items() if k != "password"})
        return _problem(401, "unauthenticated", "Wrong.")

    @app.post("/auth/resume")
    def resume() -> Any:
        handle = request.get_json()["handle"]
        return api.rotate(handle) if handle in api.sessions else _problem(401, "unauthenticated", "Ended.")

    @app.post("/auth/refresh")
    def refresh() -> Any:
        api.refreshes += 1
        time.sleep(api.slow_refresh)
        token = request.get_json()["refresh_token"]
        for handle, found in api.sessions.items():
            if found["refresh"] == token:
                return api.rotate(handle)
        return _problem(401, "unauthenticated", "Ended.")

    @app.post("/auth/logout")
    def logout() -> Any:
        mine = session()
        for handle in [h for h, s in api.sessions.items() if s is mine]:
            del api.sessions[handle]
        return "", 204

    @app.get("/v1/models")
    def models() -> Any:
        found = [{"id": "demo/demo", "name": "demo", "provider": "demo", "context_window": 8000}]
        found += [
            {"id": f"{c['provider']}/{c['model']}", "name": c["model"], "provider": c["provider"]} for c in api.configs
        ]
        return {"models": found, "configured_providers": [{"provider": "demo", "title": "Demo"}]}

    @app.route("/model-configs", methods=["GET", "POST"])
    def configs() -> Any:
        if request.method == "GET":
            return {"items": api.configs}
        body = request.get_json()
        api.configs.append({"id": str(uuid.uuid4()), **{k: v for k, v in body.items() if k != "api_key"}})
        return api.configs[-1], 201

    @app.delete("/model-configs/<config_id>")
    def drop_config(config_id: str) -> Any:
        api.configs[:] = [c for c in api.configs if c["id"] != config_id]
        return "", 204

    def shown(chat: dict[str, Any]) -> dict[str, Any]:
        listed = {k: v for k, v in chat.items() if k != "messages"}
        return {**listed, "active_generation_id": api.running(chat["id"])}

    @app.route("/chats", methods=["GET", "POST"])
    def chats() -> Any:
        if request.method == "POST":
            return shown(api.add_chat()), 201
        start, limit = int(request.args.get("cursor", 0)), int(request.args.get("limit", 30))
        found = sorted(api.chats.values(), key=lambda c: c["updated_at"], reverse=True)
        more = str(start + limit) if len(found) > start + limit else None
        return {"items": [shown(c) for c in found[start : start + limit]], "next_cursor": more}

    @app.route("/chats/<chat_id>", methods=["GET", "PATCH", "DELETE"])
    def chat(chat_id: str) -> Any:
        found = api.chats.get(chat_id)
        if found is None:
            return _problem(404, "not_found", "Not found")
        if request.method == "DELETE":
            del api.chats[chat_id]
            return "", 204
        if request.method == "PATCH":
            found |= request.get_json()
        return {**shown(found), "messages": found["messages"]}

    @app.post("/chats/<chat_id>/messages")
    def send(chat_id: str) -> Any:
        key = request.headers["Idempotency-Key"]
        if key not in api.sent:
            busy = api.running(chat_id)
            if busy:
                return _problem(409, "chat_busy", "A reply is running.", generation_id=busy)
            api.sent[key] = api.start(api.chats[chat_id], request.get_json()["content"]).id
        return {"generation": {"id": api.sent[key]}}, 202

    @app.post("/generations/<run_id>/stop")
    def stop(run_id: str) -> Any:
        api.runs[run_id].stopped = True
        return {"id": run_id}, 202

    @app.get("/generations/<run_id>/events")
    def events(run_id: str) -> Any:
        after = int(request.headers.get("Last-Event-ID") or request.args.get("after", 0))
        return Response(_events(api, api.runs[run_id], after), content_type="text/event-stream")

    return app


def _events(api: FakeApi, run: Run, after: int) -> Iterator[str]:
    given = 0
    while True:
        with run.changed:
            while len(run.events) <= after:
                run.changed.wait(1.0)
            name, data = run.events[after]
        after += 1
        yield f"id: {after}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
        if name in {"finished", "error"}:
            return
        given += 1
        if api.cut_every and given >= api.cut_every:
            return
