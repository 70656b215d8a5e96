"""What holds for every route, generated from the route table: a new route is in these tests from its first day.

A route with an id in its path or body must say in `owners.py` whose ids those are, or that they belong to nobody.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api.app import create_app
from api.config import Settings
from api.domain.ids import new_id
from api.web.openapi import Access, Routes, access_of, make_app, refuse_undeclared
from tests.architecture.owners import COMPLETE, FORMS, MAKERS, NAMED, NOBODYS, OTHERWISE, chat, message
from tests.architecture.surfaces import Account, Route, example, fields_of, problem
from tests.conftest import SECRETS

pytestmark = pytest.mark.xdist_group("access")
OPEN = {Access.PUBLIC, Access.GUEST, Access.PAGE, Access.METRICS}
SCOPE_TOO_SMALL = {Access.READ: "", Access.CHAT: "read", Access.ACCOUNT: "chat", Access.ADMIN: "chat"}
MAX_BODY = 4096
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
NAMES_IDS = re.compile(r"(\w+_)?ids?|attachments")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder: Path = tmp_path_factory.mktemp("access")
    limits: dict[str, Any] = {"rate_limit_per_hour": 10**6, "generation_limit_per_hour": 10**6, "login_limit": 1000}
    limits |= {"max_import_bytes": MAX_BODY}
    values: dict[str, Any] = {"data_dir": folder, "max_body_bytes": MAX_BODY, **SECRETS, **limits}
    app = create_app(Settings(**values, database_url=f"sqlite:///{folder}/parley.db"))
    app.extensions["parley_process"].start()
    yield app
    app.extensions["parley_close"]()


@pytest.fixture(scope="module")
def ann(app: Flask) -> Account:
    """The admin, so that nothing but the owner can make the difference."""
    return Account(app, "ann")


@pytest.fixture(scope="module")
def ben(app: Flask, ann: Account) -> Account:
    return Account(app, "ben")


@pytest.fixture(scope="module")
def routes(app: Flask) -> list[Route]:
    found = []
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        assert access is not None, rule
        found += [Route(method, rule.rule, access) for method in sorted(rule.methods - {"OPTIONS"})]
    return sorted(found, key=str)


def _documented(route: Route) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.rule)


@pytest.fixture(scope="module")
def bodies(app: Flask, routes: list[Route]) -> dict[Route, dict[str, Any]]:
    """A body that each route takes, for those that take one."""
    document = app.test_client().get("/openapi.json").get_json()
    found = {}
    for route in routes:
        operation = document["paths"].get(_documented(route), {}).get(route.method.lower(), {})
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        if schema and schema.get("format") != "binary":  # a file is taken as it is
            found[route] = example(schema, document)
    assert len(found) > 10
    return found


@pytest.fixture(scope="module")
def named(app: Flask, bodies: dict[Route, dict[str, Any]]) -> dict[Route, dict[str, bool]]:
    """The fields of each route's body that name things by their ids, and whether several at once. What only
    administrators may do knows no owner."""
    document = app.test_client().get("/openapi.json").get_json()
    found = {}
    for route in bodies:
        if route.access is not Access.ADMIN:
            fields = fields_of(document["paths"][_documented(route)][route.method.lower()], document)
            found[route] = {name: kind == "array" for name, kind in fields.items() if NAMES_IDS.fullmatch(name)}
    return found


def test_without_credentials(app: Flask, routes: list[Route]) -> None:
    client = app.test_client()
    for route in routes:
        options = {"data": FORMS[key]()} if (key := (route.method, route.rule)) in FORMS else {"json": {}}
        answer = client.open(route.path(str(new_id())), method=route.method, **options)
        if route.access is Access.PAGE:
            problem(route, answer, 403, "forbidden")
        elif route.access not in OPEN:
            assert answer.status_code == 401, route
            assert answer.headers["WWW-Authenticate"] == "Bearer", route
            if route.method != "HEAD":
                problem(route, answer, 401, "unauthenticated")
        else:
            assert answer.status_code != 401, route


@pytest.mark.parametrize("credential", ["eyJhbGciOiJub25lIn0.e30.", "pk_nonsense", "Bearer", "x" * 5000, "é"])
def test_with_a_false_credential(app: Flask, routes: list[Route], credential: str) -> None:
    client = app.test_client()
    for route in routes:
        if route.access not in OPEN:
            headers = {"Authorization": f"Bearer {credential}"}
            answer = client.open(route.path(str(new_id())), method=route.method, headers=headers)
            assert answer.status_code == 401, route


def test_keys_with_too_small_a_scope(app: Flask, ann: Account, routes: list[Route]) -> None:
    keys = {scope: ann.key(scope) for scope in ("read", "chat")} | {"session": ann.key("admin")}
    client = app.test_client()
    for route in routes:
        scope = "session" if route.access is Access.SESSION else SCOPE_TOO_SMALL.get(route.access)
        if scope:
            answer = client.open(route.path(str(new_id())), method=route.method, headers=keys[scope])
            assert answer.status_code == route.forbids, route
            if route.method != "HEAD":
                problem(route, answer, route.forbids, "forbidden" if scope == "session" else "insufficient_scope")


def test_administrators_routes_are_refused_to_members(
    ann: Account, ben: Account, bodies: dict[Route, dict[str, Any]], routes: list[Route]
) -> None:
    """By a session and by a key of every scope; whatever the id, so that none can be guessed."""
    keys = [{}, *(ben.key(scope) for scope in ("read", "chat", "admin"))]
    own = ben.ask("GET", "/auth/me").get_json()["id"]
    admins = [route for route in routes if route.access is Access.ADMIN]
    assert len(admins) > 15
    for route, value, headers in itertools.product(admins, (str(new_id()), own), keys):
        options = {"json": bodies[route]} if route in bodies else {}
        answer = ben.ask(route.method, route.path(value), headers=headers, **options)
        assert answer.status_code == 403, f"{route}: {answer.text}"
    assert ann.ask("GET", "/admin/users").status_code == 200


def test_another_users_id_is_like_an_id_that_never_existed(
    ann: Account, ben: Account, bodies: Any, routes: Any
) -> None:
    tried = 0
    for route in routes:
        if "<" not in route.rule or route.rule in NOBODYS or route.access is Access.ADMIN:
            continue  # what only administrators may do knows no owner
        prefix = next((prefix for prefix in MAKERS if route.rule.startswith(prefix)), None)
        assert prefix is not None, f"{route}: whose ids are these? Say so in MAKERS"
        own = MAKERS[prefix](ann)
        answers = []
        for value in (own, str(new_id()), "nonsense", "x" * 300):
            options = {"json": bodies[route]} if route in bodies else {}
            answer = ben.ask(route.method, route.path(value), **options)
            headers = {name: text for name, text in answer.headers.items() if name != "RateLimit"}
            headers.pop("Content-Length")  # the path is in the body
            assert answer.status_code == 404, f"{route} {value[:40]}: {answer.text}"
            answers.append((answer.data.replace(route.path(value).encode(), b"PATH"), headers))
        assert all(answer == answers[0] for answer in answers), route
        tried += 1
        if route.method in ("GET", "PATCH"):
            mine = ann.ask(route.method, route.path(own), **({"json": bodies[route]} if route in bodies else {}))
            assert mine.status_code in (200, 201, 422), f"{route}: its owner has it still"
            mine.close()
    assert tried > 15


def test_other_users_ids_in_bodies(
    ann: Account, ben: Account, bodies: dict[Route, dict[str, Any]], named: dict[Route, dict[str, bool]]
) -> None:
    tried = 0
    for route, fields in named.items():
        for field, several in fields.items():
            assert field in NAMED, f"{route}: whose are {field}? Say so in NAMED"
            own = _some_id(ben, route)
            answers = []
            for value in (NAMED[field](ann), str(new_id())):
                body = bodies[route] | COMPLETE.get(route.rule, {}) | {field: [value] if several else value}
                answer = ben.ask(route.method, route.path(own), json=body)
                assert answer.status_code == 404 or (route.rule, field) in OTHERWISE, f"{route} {field}: {answer.text}"
                answers.append(ID.sub("ID", answer.text))
            assert answers[0] == answers[1], f"{route} {field}"
            tried += 1
    assert tried > 15


def test_other_users_ids_in_queries(ann: Account, ben: Account) -> None:
    path, answers = f"/chats/{chat(ben)}/messages", []
    for value in (message(ann), str(new_id())):
        answers += [ben.ask("GET", f"{path}?{where}={value}") for where in ("before", "after", "around")]
    assert {answer.status_code for answer in answers} == {404}
    assert [answer.data for answer in answers[:3]] == [answer.data for answer in answers[3:]]


def test_unknown_fields(ann: Account, bodies: dict[Route, dict[str, Any]]) -> None:
    for route, body in bodies.items():
        path = route.path(_some_id(ann, route))
        answer = ann.ask(route.method, path, json=body | {"unknown": 1})
        if route.surface == "native":
            error = problem(route, answer, 422)
            assert [entry["pointer"] for entry in error["errors"]] == ["/unknown"], route
        else:  # other systems' clients may send more than we know
            assert "unknown" not in answer.text, f"{route}: {answer.text}"


def test_bodies_that_are_no_object(ann: Account, bodies: dict[Route, dict[str, Any]]) -> None:
    for route in bodies:
        path = route.path(_some_id(ann, route))
        for text in ("[]", "null", "1", '"text"'):
            problem(route, ann.ask(route.method, path, data=text, content_type="application/json"), 422)


def test_malformed_json(ann: Account, bodies: dict[Route, dict[str, Any]]) -> None:
    for route, body in bodies.items():
        path = route.path(_some_id(ann, route))
        whole = json.dumps(body | {"x": "é"}, ensure_ascii=False)
        for data in (
            "{",
            "{]}",
            whole[:-1],
            whole.encode("latin-1"),
            whole.encode("utf-16"),
            "[" * 3000,
            '{"a":"\\ud800"}',
        ):
            answer = ann.ask(route.method, path, data=data, content_type="application/json")
            problem(route, answer, 400, "bad_request")


def test_other_media_types(ann: Account, bodies: dict[Route, dict[str, Any]]) -> None:
    for route, body in bodies.items():
        path = route.path(_some_id(ann, route))
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
            answer = ann.ask(route.method, path, data=json.dumps(body), content_type=kind)
            problem(route, answer, 415, "unsupported_media_type")


def test_bodies_over_the_limit(ann: Account, routes: list[Route]) -> None:
    for route in routes:
        if route.method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = ann.ask(route.method, route.path("x"), data="x" * (MAX_BODY + 1), content_type="application/json")
            problem(route, answer, 413, "body_too_large")


def test_preflight_everywhere(app: Flask, routes: list[Route]) -> None:
    client = app.test_client()
    for path in {route.path("x") for route in routes} | {"/nowhere", "/v1/nowhere"}:
        answer = client.options(path)
        assert (answer.status_code, answer.data) == (204, b""), path
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE"
        assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/v1/nowhere",
        "/v1/providers/nowhere",
        "/v1/nowhere/x/y",
        "/api/chat/1/x",
        "/chat/x",
        "/chats-not/x",
        "/api/sessions/1/x",
    ],
)
def test_unknown_paths_answer_in_the_form_of_their_surface(ann: Account, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        problem(Route(method, path, Access.PUBLIC), ann.ask(method, path), 404, "not_found")


def test_other_methods(ann: Account, routes: list[Route]) -> None:
    known: dict[str, set[str]] = {}
    for route in routes:
        known.setdefault(route.rule, set()).add(route.method)
    for rule, methods in known.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            route = Route(method, rule, Access.PUBLIC)
            answer = ann.ask(method, route.path(str(new_id())))
            if answer.status_code != 404:  # /users/me is a path of /users/<id> too
                problem(route, answer, 405, "method_not_allowed")
                assert set(answer.headers["Allow"].split(", ")) >= methods - {"HEAD"}


def _some_id(who: Account, route: Route) -> str:
    return next((make(who) for prefix, make in MAKERS.items() if route.rule.startswith(prefix)), "demo")


def test_a_route_that_does_not_say_who_may_use_it_stops_the_start() -> None:
    app = make_app("0")
    app.add_url_rule("/secret", view_func=lambda: "told")
    with pytest.raises(RuntimeError, match="routes without an access rule: /secret"):
        refuse_undeclared(app)
    with pytest.raises(KeyError, match="access"):
        Routes("secret", "Told to everybody").get("/secret")


def test_the_server_itself_refuses(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path) -> None:
    from api import app as factory

    def undeclared(version: str) -> Any:
        app = make_app(version)
        app.add_url_rule("/secret", view_func=lambda: "told")
        return app

    monkeypatch.setattr(factory, "make_app", undeclared)
    values: dict[str, Any] = {"data_dir": tmp_path, "database_url": sqlite_url, **SECRETS}
    with pytest.raises(RuntimeError, match="/secret"):
        create_app(Settings(**values))
