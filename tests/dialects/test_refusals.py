"""Every refusal of the services, in each surface's own form of error. One application, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from api.domain.audit import Actor
from api.domain.budgets import Budget
from api.domain.ids import new_id
from api.domain.principal import Principal
from tests.conftest import ON_SQLITE
from tests.dialects.slack import SECRET, SlackUser, headers
from tests.services.whole import PASSWORD, Whole
from tests.upstream import Upstream

pytestmark = [
    pytest.mark.xdist_group("refusals"),
    ON_SQLITE,
]
ROOT = Actor(None, "root")


@dataclass
class Asker:
    """One account that has OpenAI configured with a model that misbehaves, asking through any surface."""

    whole: Whole
    who: Principal
    token: str = ""
    slack: SlackUser | None = None

    @classmethod
    def of(cls, whole: Whole, name: str, model: str = "text", **config: Any) -> Asker:
        made = cls(whole, whole.account(name))
        whole.config(made.who, "openai", model=model, is_default=True, **config)
        made.token = made.ask("POST", "/auth/login", {"username": name, "password": PASSWORD}).get_json()[
            "access_token"
        ]
        made.slack = SlackUser(0)
        code, _ = whole.services.slack.new_code(made.who)
        made.form("/link", code)
        return made

    def ask(self, method: str, path: str, body: Any = None, **more: str) -> TestResponse:
        given = {"Authorization": f"Bearer {self.token}"} | more
        return self.whole.app.test_client().open(path, method=method, json=body, headers=given)

    def form(self, command: str, text: str) -> TestResponse:
        assert self.slack is not None
        body = self.slack.form(command, text)
        return self.whole.app.test_client().post("/slack/command", data=body, headers=headers(body))

    def slug(self) -> str:
        return str(self.whole.services.chats.create(self.who, {"slug": f"s{new_id().hex[10:]}"}).slug)


Ask = Callable[[Asker, str], TestResponse]


def _openai(asker: Asker, text: str) -> TestResponse:
    messages = [{"role": "user", "content": text}]
    return asker.ask("POST", "/v1/chat/completions", {"model": "openai", "messages": messages})


def _openai_stream(asker: Asker, text: str) -> TestResponse:
    messages = [{"role": "user", "content": text}]
    return asker.ask("POST", "/v1/chat/completions", {"model": "openai", "messages": messages, "stream": True})


def _openai_chat(asker: Asker, text: str) -> TestResponse:
    body = {"model": "openai", "messages": [{"role": "user", "content": text}]}
    return asker.ask("POST", "/v1/chat/completions", body, **{"X-Parley-Chat": "llm-openai"})


def _session(asker: Asker, text: str) -> TestResponse:
    return asker.ask("POST", "/api/sessions/llm-openai/chat/stream", {"model": "openai", "message": text})


def _any_completion(asker: Asker, text: str) -> TestResponse:
    messages = [{"role": "user", "content": text}]
    return asker.ask("POST", "/api/chat/completions", {"model": "openai", "messages": messages})


def _any_stream(asker: Asker, text: str) -> TestResponse:
    messages = [{"role": "user", "content": text}]
    return asker.ask("POST", "/api/chat/completions/stream", {"model": "openai", "messages": messages})


def _demo(asker: Asker, text: str) -> TestResponse:
    return asker.ask("POST", "/chat", {"message": text, "chat_id": "llm-openai"})


def _backend(asker: Asker, text: str) -> TestResponse:
    return asker.ask("POST", "/api/chat/1", {"message": text})


def _service(asker: Asker, text: str) -> TestResponse:
    return asker.ask("POST", "/llm/chat/openai", {"message": text})


def _slack(asker: Asker, text: str) -> TestResponse:
    assert asker.slack is not None
    asker.slack.channel = "openai"
    return asker.form("/ask", text)


IN_A_CHAT: dict[str, Ask] = {
    "openai in a chat": _openai_chat,
    "chat2anyllm": _session,
    "fastapi_demo": _demo,
    "llm_backend": _backend,
    "llm_service": _service,
    "slack": _slack,
}
STATELESS: dict[str, Ask] = {
    "openai": _openai,
    "openai stream": _openai_stream,
    "chat2anyllm completion": _any_completion,
    "chat2anyllm stream": _any_stream,
}
OLDER = ("chat2anyllm", "llm_backend", "llm_service")


def check(surface: str, answer: TestResponse, status: int, code: str, retry: bool) -> None:
    """The refusal in this surface's own form; `status` is the native one."""
    told = json.loads(answer.data)
    if surface == "slack":
        assert (answer.status_code, told["response_type"]) == (200, "ephemeral"), surface
        assert len(told["text"]) > 10
        return
    older = surface.startswith(OLDER)
    status = 400 if status == 422 and not surface.startswith("fastapi") else status
    status = 409 if status == 403 and surface.startswith("chat2anyllm") else status
    assert answer.status_code == status, f"{surface}: {answer.status_code} {told}"
    assert answer.content_type == "application/json", surface
    assert ("Retry-After" in answer.headers) is retry, surface
    assert "X-Request-ID" in answer.headers
    if surface.startswith("openai"):
        assert list(told) == ["error"]
        assert set(told["error"]) == {"message", "type", "param", "code"}
        assert told["error"]["code"] == code, surface
    else:
        assert list(told) == (["error"] if older else ["detail"]), surface
        assert len(next(iter(told.values()))) > 10


def all_refuse(
    asker: Asker, status: int, code: str, *, retry: bool = False, text: str = "hello", stateless: bool = True
) -> None:
    for surface, ask in (IN_A_CHAT | (STATELESS if stateless else {})).items():
        check(surface, ask(asker, text), status, code, retry)


@pytest.fixture
def served(make_app: Callable[..., Flask], upstream: Upstream) -> Callable[..., Whole]:
    base = {"slack_signing_secret": SECRET, "openai_base_url": f"{upstream.url}/v1", "login_limit": 1000}
    return lambda **settings: Whole(make_app(**base, **settings))


@pytest.fixture
def whole(served: Callable[..., Whole]) -> Whole:
    return served()


def opened(asker: Asker) -> Asker:
    """With the chat that each surface names, by slug or as number 1."""
    asker.whole.services.chats.create(asker.who, {"slug": "llm-openai"})
    asker.whole.services.chats.create(asker.who, {"slug": "slack-openai"})
    return asker


PROVIDER_FAILURES = [
    ("status:400", 400, "provider_refused"),
    ("status:401", 502, "provider_auth_failed"),
    ("status:404", 404, "model_not_found"),
    ("status:429:30", 429, "provider_rate_limited"),
    ("status:500", 502, "provider_unavailable"),
    ("html", 502, "provider_bad_response"),
    ("drop", 502, "provider_unavailable"),
]


def test_the_providers_failures(whole: Whole) -> None:
    for number, (model, status, code) in enumerate(PROVIDER_FAILURES):
        asker = opened(Asker.of(whole, f"failing{number}", model))
        all_refuse(asker, status, code, retry=model == "status:429:30")


def test_a_provider_that_says_nothing(served: Callable[..., Whole]) -> None:
    whole = served(provider_first_timeout=1.0, provider_total_timeout=2.0)
    all_refuse(opened(Asker.of(whole, "patient", "stall")), 504, "provider_timeout")


def test_who_may_not(whole: Whole) -> None:
    asker = opened(Asker.of(whole, "small"))
    whole_token, slack = asker.token, IN_A_CHAT["slack"]
    key = asker.ask("POST", "/api-keys", {"name": "read", "scopes": ["read"]}).get_json()["key"]
    for token, status, code in (
        ("nonsense", 401, "unauthenticated"),
        ("eyJhbGciOiJub25lIn0.e30.", 401, "unauthenticated"),
        (key, 403, "insufficient_scope"),
    ):
        asker.token = token
        for surface, ask in (IN_A_CHAT | STATELESS).items():
            if ask is not slack:  # who is known by Slack's signature
                check(surface, ask(asker, "hello"), status, code, retry=False)
    asker.token = whole_token
    asker.ask("DELETE", "/slack/link")
    check("slack", slack(asker, "hello"), 401, "", retry=False)


def test_messages_that_are_none(whole: Whole) -> None:
    asker = opened(Asker.of(whole, "blank"))
    all_refuse(asker, 422, "invalid", text=" ", stateless=False)
    all_refuse(asker, 422, "invalid", text="x" * 100_001, stateless=False)


def test_a_busy_chat(whole: Whole) -> None:
    asker = opened(Asker.of(whole, "busy", "stall:2"))
    whole.send(asker.who, "llm-openai", "take your time")
    whole.send(asker.who, "slack-openai", "take your time")
    all_refuse(asker, 409, "chat_busy", stateless=False)
    whole.services.generations.stop_all(asker.who.user_id)


def test_models_and_providers_that_are_not_there(whole: Whole) -> None:
    asker = Asker.of(whole, "modelless")
    for slug in ("llm-openai", "slack-openai"):
        whole.services.chats.create(asker.who, {"slug": slug, "model": "nothing-like-it"})
    for surface in ("fastapi_demo", "llm_backend", "slack"):
        check(surface, IN_A_CHAT[surface](asker, "hello"), 404, "model_not_found", retry=False)
    config = whole.services.model_configs.list(asker.who)[0]
    whole.services.model_configs.delete(asker.who, str(config.id))
    for surface, ask in (IN_A_CHAT | STATELESS).items():
        if surface == "llm_service":
            check(surface, ask(asker, "hello"), 422, "provider_not_configured", retry=False)
        else:
            check(surface, ask(asker, "hello"), 404, "model_not_found", retry=False)


def test_the_limit_of_an_hour(whole: Whole) -> None:
    asker = opened(Asker.of(whole, "limited"))
    whole.services.administration.change(ROOT, asker.who.user_id, {"limits": {"generations": 1}})
    assert _openai(asker, "hello").status_code == 200
    all_refuse(asker, 429, "rate_limited", retry=True)


def test_a_budget(whole: Whole) -> None:
    asker = opened(Asker.of(whole, "budgeted"))
    budget = Budget(id=new_id(), amount=1, scope="user", user_id=asker.who.user_id, unit="tokens", period="month")
    whole.services.budgets.put(ROOT, budget)
    all_refuse(asker, 429, "budget_exceeded", retry=True)


@contextmanager
def full_disk(whole: Whole) -> Iterator[None]:
    """Let the file have no more pages than it has, none of them free."""
    store = whole.services.chats._store

    def limit(most: int) -> None:
        statement = f"PRAGMA max_page_count = {most}"
        store.write(lambda work: work.connection.exec_driver_sql(statement).scalar())

    with store.database.writer.connect() as connection:
        free, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("freelist_count", "page_size"))
        connection.exec_driver_sql("CREATE TABLE ballast AS SELECT zeroblob(?) AS content", (free * size,))
        connection.commit()
    limit(1)
    try:
        yield
    finally:
        limit(1_000_000)


def test_a_full_disk(whole: Whole) -> None:
    asker = opened(Asker.of(whole, "diskless"))
    with full_disk(whole):
        text = "x" * 90_000  # more than the free places within the pages take
        for surface, ask in IN_A_CHAT.items():
            if surface == "slack":
                answer = ask(asker, text)
                assert answer.status_code in (200, 503), "a request that cannot be remembered is not obeyed"
            else:
                check(surface, ask(asker, text), 503, "store_unavailable", retry=True)
    for surface, ask in IN_A_CHAT.items():
        answer = ask(asker, "hello")
        answer.get_data()  # to its end: the next surface writes to the same chat
        assert answer.status_code == 200, f"{surface}: afterwards all is well"


def test_a_server_that_is_about_to_stop(whole: Whole) -> None:
    asker = opened(Asker.of(whole, "drained"))
    whole.services.generations.draining = True
    all_refuse(asker, 503, "overloaded", retry=True)
    whole.services.generations.draining = False
