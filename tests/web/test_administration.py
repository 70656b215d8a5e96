"""/admin over HTTP: what it tells, what it changes at once, and that no secret and no text is among it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from api.app import DIALECTS
from api.domain.limit_rules import SURFACES
from api.domain.prompts import BUILT_IN
from tests.server import until
from tests.services.whole import Whole
from tests.upstream import Upstream
from tests.web.conftest import PASSWORD, Actor


@dataclass
class Pair:
    whole: Whole
    ann: Actor
    ben: Actor


def signed_in(whole: Whole, name: str) -> Actor:
    client = whole.app.test_client()
    return Actor(client, client.post("/auth/login", json={"username": name, "password": PASSWORD}).json)


@pytest.fixture
def both(make_app: Callable[..., Flask]) -> Iterator[Pair]:
    with Upstream() as up:
        whole = Whole(make_app(openai_base_url=f"{up.url}/v1", ollama_base_url="http://127.0.0.1:9"))
        yield Pair(whole, signed_in(whole, "ann"), signed_in(whole, "ben"))


def test_accounts(both: Pair) -> None:
    ann = both.ann
    new = {"email": "cleo@example.org", "username": "cleo", "password": PASSWORD, "role": "admin"}
    made = ann.post("/admin/users", new)
    assert (made.status_code, made.json["role"]) == (201, "admin")
    assert "password" not in made.text
    assert ann.post("/admin/users", new).status_code == 409
    found = ann.get("/admin/users?search=cle").json["items"]
    assert [one["username"] for one in found] == ["cleo"]
    page = ann.get("/admin/users?limit=2").json
    rest = ann.get(f"/admin/users?limit=2&cursor={page['next_cursor']}").json
    assert [one["username"] for one in page["items"] + rest["items"]] == ["cleo", "ben", "ann"]
    path = f"/admin/users/{made.json['id']}"
    assert ann.ask("PATCH", path, {"role": "member"}).json["role"] == "member"
    assert ann.ask("PUT", f"{path}/password", {"new_password": "another horse battery"}).status_code == 204
    assert ann.ask("PATCH", f"/admin/users/{ann.id}", {"role": "member"}).json["code"] == "last_admin"
    assert ann.ask("DELETE", path).status_code == 204
    assert ann.get(path).status_code == 404


def test_who_is_disabled_is_out_everywhere_and_the_reply_stops(both: Pair) -> None:
    whole, ann, ben = both.whole, both.ann, both.ben
    key = ben.key("chat")
    config = whole.config(whole.ben, model="count:100000:50")
    sent = whole.send(whole.ben, whole.chat(whole.ben, model_config_id=None), "go", model_config_id=_id(config))
    assert ann.ask("PATCH", f"/admin/users/{ben.id}", {"is_active": False}).status_code == 200
    assert ben.get("/auth/me").status_code == 401
    assert ben.client.get("/chats", headers=key).status_code == 401
    assert ben.client.post("/auth/login", json={"username": "ben", "password": PASSWORD}).status_code == 401
    until(lambda: not whole.services.generations.get(whole.ben, str(sent.generation_id)).active)
    assert whole.services.generations.get(whole.ben, str(sent.generation_id)).status == "stopped"


def _id(text: str) -> Any:
    from uuid import UUID

    return UUID(text)


def test_a_limit_of_ones_own_counts_at_the_next_request(both: Pair) -> None:
    path = f"/admin/users/{both.ben.id}"
    assert both.ann.ask("PATCH", path, {"limits": {"writes": 2}}).json["limits"] == {"writes": 2}
    answers = [both.ben.post("/chats").status_code for _ in range(3)]
    assert answers == [201, 201, 429]
    both.ann.ask("PATCH", path, {"limits": {"writes": 4}})
    assert [both.ben.post("/chats").status_code for _ in range(3)] == [201, 201, 429], "what was counted stays counted"


def test_settings(both: Pair) -> None:
    ann = both.ann
    assert ann.get("/admin/settings").json["registration"] == "open"
    assert ann.ask("PATCH", "/admin/settings", {"registration": "closed"}).json["registration"] == "closed"
    body = {"email": "d@example.org", "username": "dora", "password": PASSWORD}
    assert ann.client.post("/auth/register", json=body).json["code"] == "registration_closed"
    ann.ask("PATCH", "/admin/settings", {"reset": ["registration"], "default_model": "demo/demo-thinking"})
    assert ann.client.post("/auth/register", json=body).status_code == 201
    sent = both.whole.said(both.whole.ben, both.whole.chat(both.whole.ben), "hello")
    assert sent.model == "demo-thinking"


def test_usage_of_everyone_tells_no_text(both: Pair) -> None:
    whole, ann = both.whole, both.ann
    whole.said(whole.ben, whole.chat(whole.ben, title="A-SECRET-TITLE"), "demo:fast A-SECRET-TEXT", model="demo/demo")
    found = ann.get("/admin/usage?group_by=user")
    assert [(one["username"], one["calls"]) for one in found.json["items"]] == [("ben", 1)]
    export = ann.get("/admin/usage/export")
    assert "ben" in export.text
    assert ann.get("/admin/usage?group_by=chat").status_code == 422
    answers = found.text + export.text + ann.get("/admin/audit").text + ann.get("/admin/providers").text
    assert "A-SECRET" not in answers
    health = {one["provider"]: one for one in ann.get("/admin/providers").json["items"]}
    assert (health["demo"]["state"], health["demo"]["calls"]) == ("well", 1)


def test_the_log_tells_who_what_when_and_from_where(both: Pair) -> None:
    ann, ben = both.ann, both.ben
    ben.key("read")
    ben.client.post("/auth/login", json={"username": "ben", "password": "WRONG-PASSWORD-TYPED"})
    headers = ann.headers | {"X-Request-ID": "this-very-request"}
    ann.client.patch(f"/admin/users/{ben.id}", json={"limits": {"reads": 9000}}, headers=headers)
    log = ann.get("/admin/audit").json["items"]
    actions = [(one["action"], one["username"]) for one in log]
    assert actions[:2] == [("user.change", "ann"), ("account.sign_in_refused", "(not signed in)")]
    assert actions[2] == ("api_key.create", "ben")
    assert (log[1]["target"], log[1]["detail"]) == (ben.id, {"username": "ben"})
    assert ("account.sign_in", "ben") in actions
    assert (log[0]["request_id"], log[0]["address"], log[0]["target"]) == ("this-very-request", "127.0.0.1", ben.id)
    assert "WRONG-PASSWORD" not in str(log)
    assert PASSWORD not in str(log)
    his = ann.get(f"/admin/audit?user_id={ben.id}&action=api_key&limit=1").json["items"]
    assert [one["action"] for one in his] == ["api_key.create"]


def test_the_log_comes_page_by_page_to_its_end(both: Pair) -> None:
    def page(query: str) -> tuple[list[Any], str | None]:
        found = both.ann.get(f"/admin/audit?user_id={both.ben.id}{query}").json
        return found["items"], found["next_cursor"]

    both.ben.key("read")
    everything, _ = page("")
    first, cursor = page("&limit=1")
    rest, end = page(f"&cursor={cursor}&limit={len(everything) - 1}")
    assert (first + rest, end) == (everything, None)


def test_who_registers_is_named_and_what_is_typed_as_a_name_is_not_kept(both: Pair) -> None:
    client = both.whole.app.test_client()
    dora = {"email": "d@example.org", "username": "dora", "password": PASSWORD}
    assert client.post("/auth/register", json=dora).status_code == 201
    eve = {"username": "eve", "password": PASSWORD}
    assert client.post("/api/users/register", json=eve).status_code == 201
    for path in ("/auth/login", "/api/login", "/api/users/login"):
        assert client.post(path, json={"username": PASSWORD, "password": "dora"}).status_code == 401
        assert client.post(path, json={"username": "dora", "password": "not it"}).status_code == 401
    log = both.ann.get("/admin/audit").json["items"]
    refused = [one["detail"] for one in log if one["action"] == "account.sign_in_refused"]
    assert refused == [{"username": "dora"}, {}] * 3
    assert [one["username"] for one in log if one["action"] == "account.register"] == ["eve", "dora"]
    assert PASSWORD not in str(log)


def test_shared_model_configs(both: Pair) -> None:
    whole, ann = both.whole, both.ann
    config = whole.config(whole.ann, shared=True)
    listed = ann.get("/admin/model-configs")
    assert [one["id"] for one in listed.json["items"]] == [config]
    assert "CANARY" not in listed.text
    assert ann.ask("DELETE", f"/admin/model-configs/{config}").status_code == 204
    assert ann.ask("DELETE", f"/admin/model-configs/{config}").status_code == 404
    assert [one.name for one in whole.services.model_configs.list(whole.ben)] == []


def test_shared_prompts(both: Pair) -> None:
    """What another admin shares can be taken back from everybody; what nobody shares is nobody's business."""
    shared = both.ann.post("/prompts", {"name": "House style", "content": "Be brief.", "shared": True}).json["id"]
    own = both.ben.post("/prompts", {"name": "Mine", "content": "PRIVATE-CANARY"}).json["id"]
    assert both.ben.post(f"/prompts/{shared}/activate").status_code == 200
    listed = both.ann.get("/admin/prompts")
    assert [one["id"] for one in listed.json["items"] if one["user_id"]] == [shared]
    assert {one["slug"] for one in listed.json["items"] if one["user_id"] is None} == {one.slug for one in BUILT_IN}
    assert "PRIVATE-CANARY" not in listed.text
    assert both.ann.ask("DELETE", f"/admin/prompts/{shared}").status_code == 204
    assert both.ben.get(f"/prompts/{shared}").status_code == 404
    for gone in (shared, own, str(BUILT_IN[0].id)):
        assert both.ann.ask("DELETE", f"/admin/prompts/{gone}").status_code == 404
    audited = both.ann.get("/admin/audit").json["items"][0]
    assert (audited["action"], audited["target"]) == ("prompt.unshare", shared)


def test_the_instances_system_prompt(both: Pair) -> None:
    """For whoever has no other, from the next message on; taken back, the environment's counts again."""

    def told() -> str | None:
        chat = both.ben.post("/chats").json["id"]
        body = {"content": "demo:fast hello", "model": "demo/demo"}
        generation = both.ben.post(f"/chats/{chat}/messages", body).json["generation"]["id"]
        notes = both.ben.get(f"/generations/{generation}").json["notes"]
        return notes.get("system_prompt_from")

    assert told() is None
    set_to = both.ann.ask("PATCH", "/admin/settings", {"system_prompt": "Answer in verse."})
    assert set_to.json["system_prompt"] == "Answer in verse."
    assert told() == "instance"
    assert both.ann.ask("PATCH", "/admin/settings", {"reset": ["system_prompt"]}).json["system_prompt"] == ""
    assert told() is None


def test_limits_by_rule(both: Pair) -> None:
    rule = {"kind": "model", "name": "demo/demo", "measure": "requests", "per_hour": 1}
    assert both.ann.ask("PUT", "/admin/limits", {"items": [rule]}).json["items"] == [rule]
    assert both.ann.ask("PUT", "/admin/limits", {"items": [rule | {"kind": "moon"}]}).status_code == 422
    assert both.ann.get("/admin/limits").json["items"] == [rule]
    body = {"content": "demo:fast hello", "model": "demo/demo"}
    statuses = []
    for _ in range(2):
        chat = both.ben.post("/chats").json["id"]
        answer = both.ben.post(f"/chats/{chat}/messages", body)
        statuses.append(answer.status_code)
    assert statuses == [201, 429]
    assert '"requests-model";r=0' in answer.headers["RateLimit"]
    assert both.ben.get("/usage/limits").status_code == 200
    both.ann.ask("PUT", "/admin/limits", {"items": []})
    assert both.ben.post(f"/chats/{chat}/messages", body).status_code == 201


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("model", "gpt-4o"),
        ("model", "opnai/gpt-4o"),
        ("model", "openai/"),
        ("surface", "/v1"),
        ("user", "ben"),
        ("key", "01A1FE72-E60E-7EAB-9613-FFDB0D6E64B8"),  # not as the ledger has it
    ],
)
def test_a_rule_that_would_limit_nobody_is_refused(both: Pair, kind: str, name: str) -> None:
    good = {"kind": "user", "name": both.ben.id, "measure": "tokens", "per_hour": 1}
    answer = both.ann.ask("PUT", "/admin/limits", {"items": [good, good | {"kind": kind, "name": name}]})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/items/1/name")
    assert both.ann.get("/admin/limits").json["items"] == []


def test_two_rules_for_one_thing_are_refused(both: Pair) -> None:
    rule = {"kind": "surface", "name": "openai", "measure": "tokens", "per_hour": 1}
    answer = both.ann.ask("PUT", "/admin/limits", {"items": [rule, rule | {"per_hour": 2}]})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/items/1")
    assert set(SURFACES) >= {dialect.SURFACE.name for dialect in DIALECTS} | {"native"}
