"""A small application over real parts: our hooks, the routes of `meta`, and a few routes to try the hooks on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from uuid import UUID

from flask import Flask, Response, g, request

from api.domain.errors import NotFound, Unauthenticated
from api.domain.instance import InstanceSettings
from api.domain.principal import ALL_SCOPES, Principal
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.health import HealthService
from api.services.rate_limits import LimitState, RateLimitService, told
from api.web import errors, limits, observe
from api.web.answers import answer
from api.web.context import WebSettings, principal, services
from api.web.openapi import Access, Body, Routes, make_app
from api.web.routes import meta
from tests.rate_limits.parts import storage_over

SETTINGS = WebSettings(
    page_secret="p" * 32,
    metrics_token="",
    cors_origins=frozenset(("https://app.example.org",)),
    trusted_proxies=0,
    max_upload_bytes=2048,
    max_avatar_bytes=2048,
    max_body_bytes=2000,
    max_import_bytes=1_000_000,
    access_token_minutes=10,
    client_token_hours=24,
    refresh_token_days=30,
)
ANN = {"Authorization": "Bearer ann"}
USERS = {"Bearer ann": UUID(int=1), "Bearer ben": UUID(int=2)}


class Note(Body):
    text: str


def probe_routes(store: Store) -> Routes:
    routes = Routes("probe", "Routes of this test")

    @routes.get("/things", access=Access.READ)
    def things() -> Response:
        return answer({"who": principal().username})

    @routes.post("/things", access=Access.CHAT)
    def add(body: Note) -> Response:
        return answer({"text": body.text}, 201)

    @routes.post("/replies", access=Access.CHAT, generates=True)
    def reply(body: Note) -> Response:
        limits_, who = services().rate_limits, principal()

        def begin(work: UnitOfWork) -> tuple[LimitState, ...]:
            states = limits_.count_within(work, who, 1)
            if body.text == "to nobody":
                raise NotFound
            return states

        if body.text != "again":
            told(store.write(begin))
        return answer({"text": body.text}, 201)

    @routes.get("/stream", access=Access.READ)
    def stream() -> Response:
        return Response(iter(("data: 1\n\n", "data: 2\n\n")), content_type="text/event-stream")

    @routes.post("/sign-in", access=Access.PUBLIC)
    def sign_in(body: Note) -> Response:
        services().rate_limits.count_login(body.text, "192.0.2.1")
        return answer({})

    def form() -> Response:
        return answer(request.form.to_dict())

    form.accepts = frozenset(("application/x-www-form-urlencoded",))  # type: ignore[attr-defined]
    routes.post("/form", access=Access.PUBLIC)(form)

    @routes.get("/broken", access=Access.PUBLIC)
    def broken() -> Response:
        raise RuntimeError("the text of a fault: Bearer abcdefgh12345678")

    return routes


def probe_app(
    store: Store,
    *,
    per_hour: int = 5,
    generations_per_hour: int = 2,
    loop_age: Callable[[], float] = lambda: 0.1,
    draining: Callable[[], bool] = lambda: False,
    **web: object,
) -> Flask:
    app = make_app("1.2.3")
    instance = InstanceSettings(requests_per_hour=per_hour, generations_per_hour=generations_per_hour)
    app.extensions["parley"] = SimpleNamespace(
        rate_limits=RateLimitService(storage_over(store), 3, lambda: instance),
        health=HealthService(store, loop_age, draining),
    )
    app.extensions["parley_web"] = dataclasses.replace(SETTINGS, **web)  # type: ignore[arg-type]
    errors.install(app)
    observe.install(app)

    @app.before_request
    def _who() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if getattr(view, "access", Access.PUBLIC) in (Access.PUBLIC, Access.METRICS):
            return
        user_id = USERS.get(request.headers.get("Authorization", ""))
        if user_id is None:
            raise Unauthenticated
        g.principal = Principal(user_id, "ann", "member", ALL_SCOPES)

    limits.install(app)
    app.register_api(meta.routes)
    app.register_api(probe_routes(store))
    return app
