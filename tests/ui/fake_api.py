"""A small API of our own for the page's tests: the contract the page relies on, in memory, with faults on demand."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import BaseWSGIServer, make_server

from tests.ui.fake_model import Run, events, write

TITLES = [{"provider": "demo", "title": "Demo"}, {"provider": "openai", "title": "OpenAI"}]


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
        self.refuse: dict[
            str, tuple[int, dict[str, Any]]
        ] = {}  # "POST /path", with ids or with * → the problem to answer
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
        threading.Thread(target=write, args=(run, content), daemon=True).start()
        return run

    def running(self, chat_id: str) -> str | None:
        for run in self.runs.values():
            if run.chat_id == chat_id and run.message["status"] == "running":
                return run.id
        return None


def _problem(status: int, code: str, detail: str = "", **extra: Any) -> Response:
    body = {"status": status, "code": code, "title": code, "detail": detail, "request_id": "req-1", **extra}
    return Response(json.dumps(body), status, content_type="application/problem+json")


def _app(api: FakeApi) -> Flask:
    app = Flask("fake")
    for routes in (_guards, _accounts, _models, _chats, _replies):
        routes(app, api)
    return app


def _session(api: FakeApi) -> dict[str, Any] | None:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return next((s for s in api.sessions.values() if token and s["access"] == token), None)


def _guards(app: Flask, api: FakeApi) -> None:
    @app.before_request
    def guard() -> Response | None:
        api.calls.append((request.method, request.path))
        api.headers.append(dict(request.headers))
        paths = (request.path, re.sub(r"[0-9a-f-]{36}", "*", request.path), "*")
        fault = next((api.refuse[one] for path in paths if (one := f"{request.method} {path}") in api.refuse), None)
        if fault:
            return _problem(fault[0], **fault[1])
        public = request.path.startswith("/auth/") and request.path != "/auth/logout"
        if not public and request.path != "/ready" and _session(api) is None:
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


def _accounts(app: Flask, api: FakeApi) -> None:
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
        mine = _session(api)
        for handle in [h for h, s in api.sessions.items() if s is mine]:
            del api.sessions[handle]
        return "", 204


def _models(app: Flask, api: FakeApi) -> None:
    @app.get("/v1/models")
    def models() -> Any:
        found = [{"id": "demo/demo", "name": "demo", "provider": "demo", "context_window": 8000}]
        found += [
            {"id": f"{c['provider']}/{c['model']}", "name": c["model"], "provider": c["provider"]} for c in api.configs
        ]
        return {"models": found, "configured_providers": TITLES}

    @app.route("/model-configs", methods=["GET", "POST"])
    def configs() -> Any:
        if request.method == "GET":
            return {"items": api.configs}
        body = request.get_json()
        api.configs.append({"id": str(uuid.uuid4()), **{k: v for k, v in body.items() if k != "api_key"}})
        return api.configs[-1], 201

    @app.get("/commands")
    def commands() -> Any:
        return {"items": [{"name": "help", "arguments": "", "description": "Show all commands", "takes": None}]}

    @app.get("/prompts")
    def prompts() -> Any:
        return {"items": []}

    @app.delete("/model-configs/<config_id>")
    def drop_config(config_id: str) -> Any:
        api.configs[:] = [c for c in api.configs if c["id"] != config_id]
        return "", 204


def _chats(app: Flask, api: FakeApi) -> None:
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

    @app.get("/search")
    def search() -> Any:
        words = request.args["q"]
        hits = [
            {"kind": "message", "chat_id": chat["id"], "chat_title": chat["title"], "message_id": message["id"]}
            | {"role": message["role"], "snippet": f"<mark>{words}</mark> &amp; more", "is_shown": False}
            | {"at": chat["updated_at"]}
            for chat in api.chats.values()
            for message in chat["messages"]
            if words in message["content"]
        ]
        return {"items": hits, "next_cursor": None, "notes": []}

    @app.get("/usage/limits")
    def limits() -> Any:
        hour = {"reset_seconds": 60, "window_seconds": 3600}
        return {"limits": [{"name": "generations", "limit": 60, "remaining": 57, **hour}]}

    @app.get("/folders")
    def folders() -> Any:
        return {"folders": [], "tags": []}

    @app.get("/chats/<chat_id>/usage")
    def usage(chat_id: str) -> Any:
        return {
            "calls": len(api.chats[chat_id]["messages"]) // 2,
            "prompt_tokens": 5,
            "completion_tokens": 9,
            "cost": "0",
        }

    @app.put("/chats/<chat_id>/head")
    def head(chat_id: str) -> Any:
        return shown(api.chats[chat_id])

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


def _replies(app: Flask, api: FakeApi) -> None:
    @app.post("/chats/<chat_id>/messages")
    def send(chat_id: str) -> Any:
        key = request.headers["Idempotency-Key"]
        if key not in api.sent:
            busy = api.running(chat_id)
            if busy:
                return _problem(409, "chat_busy", "A reply is running.", generation_id=busy)
            api.sent[key] = api.start(api.chats[chat_id], request.get_json()["content"]).id
        return {"generation": {"id": api.sent[key]}}, 202

    @app.post("/chats/<chat_id>/commands")
    def command(chat_id: str) -> Any:
        text = request.get_json()["text"]
        if text.startswith("//"):
            return {"command": None, "text": "", "items": [], "chat": None, "generations": [], "send": text[1:]}
        if text != "/help":
            return _problem(422, "invalid", "There is no such command. Did you mean /help?")
        return {"command": "help", "text": "Commands:", "items": ["/help: Show all"], "chat": None, "generations": []}

    @app.get("/generations/<run_id>")
    def generation(run_id: str) -> Any:
        run = api.runs[run_id]
        named = {"chat_id": run.chat_id, "message_id": run.message["id"], "provider": "demo", "model": "demo"}
        counts = {"completion_tokens": 1, "estimated": True}
        return {"id": run_id, "status": run.message["status"], **named, **counts}

    @app.post("/generations/<run_id>/stop")
    def stop(run_id: str) -> Any:
        api.runs[run_id].stopped = True
        return {"id": run_id}, 202

    @app.get("/generations/<run_id>/events")
    def follow(run_id: str) -> Any:
        after = int(request.headers.get("Last-Event-ID") or request.args.get("after", 0))
        return Response(events(api.runs[run_id], after, api.cut_every), content_type="text/event-stream")
