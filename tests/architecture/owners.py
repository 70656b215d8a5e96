"""Whose ids they are: for each prefix of a path and each field of a body, how somebody makes one of their own."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from api.domain.ids import new_id
from tests.architecture.surfaces import Account
from tests.extraction.made import PNG_1X1
from tests.image_router import kept_for
from tests.server import until

NOBODYS = {
    "/users/<id>": "profiles are public",
    "/users/<id>/avatar": "and so are their avatars",
    "/v1/providers/<provider>/models": "vendors belong to nobody",
    "/v1/models/<path:model>": "models belong to nobody; each account sees those that it can use",
    "/docs/assets/<name>": "files of the documentation",
    "/api/conversations/history/<id>": "numbers are each account's own; see tests/dialects",
    "/api/conversations/del/<id>": "numbers are each account's own; see tests/dialects",
    "/llm/config/<provider>": "vendors belong to nobody; each account has its own config",
    "/llm/chat/<provider>": "vendors belong to nobody; each account has its own chat",
    "/llm/history/<provider>": "vendors belong to nobody; each account has its own chat",
    "/api/chat/<id>": "numbers are each account's own; see tests/dialects",
}


def chat(who: Account) -> str:
    return who.made("/chats", {"slug": f"slug-{new_id().hex}"})


def generation(who: Account) -> str:
    message = {"content": "demo:fast hello", "model": "demo/demo"}
    return who.made(f"/chats/{chat(who)}/messages", message, "generation", "id")


def message(who: Account) -> str:
    message = {"content": "demo:fast hello", "model": "demo/demo"}
    return who.made(f"/chats/{chat(who)}/messages", message, "user_message", "id")


def prompt(who: Account) -> str:
    return who.made("/prompts", {"name": f"p{new_id().hex[20:]}", "content": "Be brief."})


def attachment(who: Account) -> str:
    answer = who.ask("POST", "/attachments", data=FORMS["POST", "/attachments"]())
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def import_of(who: Account) -> str:
    """Of a file with nothing in it, read to its end: one at a time."""
    made = who.ask("POST", "/imports", data=b"[]", content_type="application/json").get_json()["id"]
    until(lambda: who.ask("GET", f"/imports/{made}").get_json()["state"] != "running")
    return str(made)


FORMS: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
    ("POST", "/attachments"): lambda: {"file": (io.BytesIO(b"text"), "a.txt")},
    ("PUT", "/users/me/avatar"): lambda: {"file": (io.BytesIO(PNG_1X1), "a.png")},
}
"""Bodies of the routes that take no JSON."""
MAKERS: dict[str, Callable[[Account], str]] = {
    "/attachments/": attachment,
    "/api-keys/": lambda who: who.made("/api-keys", {"name": "mine", "scopes": ["read"]}),
    "/auth/sessions/": lambda who: str(who.ask("GET", "/auth/sessions").get_json()["items"][0]["id"]),
    "/chats/": chat,
    "/messages/": message,
    "/prompts/": prompt,
    "/system-prompts/": prompt,
    "/chat/history/": chat,
    "/api/sessions/": chat,
    "/api/roles/": prompt,
    "/chat/delete/": chat,
    "/generations/": generation,
    "/imports/": import_of,
    "/images/": lambda who: kept_for(who.client.application, who.ask("GET", "/auth/me").get_json()["id"]),
    "/model-configs/": lambda who: who.made("/model-configs", {"name": f"c{new_id().hex[20:]}", "provider": "demo"}),
}


NAMED: dict[str, Callable[[Account], str]] = {
    "attachments": attachment,
    "chat_id": chat,
    "expected_head_id": message,
    "ids": chat,
    "message_id": message,
    "model_config_id": MAKERS["/model-configs/"],
    "parent_id": message,
    "prompt_id": prompt,
}
"""What the fields of bodies name by an id."""
OTHERWISE = {
    ("/chat", "chat_id"): "begins a chat",
    ("/chats/bulk", "ids"): "200: what is not there is named",
    ("/chats/<id>/compare", "model_config_id"): "422: is always null there",
    ("/messages/<id>/continue", "model_config_id"): "422: a question cannot be continued",
    ("/messages/<id>/continue", "prompt_id"): "422: a question cannot be continued",
    ("/messages/<id>/execute", "model_config_id"): "422: a question is no plan",
    ("/messages/<id>/execute", "prompt_id"): "422: a question is no plan",
}
"""Where another answer than 404 comes first, alike for all ids."""
COMPLETE = {"/chats/<id>/compare": {"models": ["demo/demo", "demo/demo-thinking"]}}
"""What an example made of the schema alone lacks."""
