"""The application factory. Nothing runs at import; threads start with `services.generations.start()`."""

from __future__ import annotations

import sys

from flask import Flask

from api import wiring
from api.config import ConfigError, Settings
from api.db import Database, upgrade
from api.domain.errors import Invalid
from api.domain.version import VERSION
from api.services.avatars import UPLOAD_BYTES
from api.services.registry import Services
from api.services.vault import KeyMissing
from api.streams.loop import LoopThread
from api.web import auth, bodies, errors, forwarded, limits, observe, trail
from api.web.context import WebSettings
from api.web.dialects.chat2anyllm import routes as chat2anyllm
from api.web.dialects.fastapi_demo import routes as fastapi_demo
from api.web.dialects.llm_backend import routes as llm_backend
from api.web.dialects.llm_service import routes as llm_service
from api.web.dialects.openai import routes as openai
from api.web.dialects.slack import routes as slack_command
from api.web.files import TransferSlots
from api.web.handover import Carrier
from api.web.openapi import Application, make_app, refuse_undeclared
from api.web.replies import WaitSlots
from api.web.routes import (
    accounts,
    administration,
    api_keys,
    attachments,
    avatars,
    catalogue,
    chats,
    commands,
    exports,
    folders,
    generations,
    images,
    imports,
    messages,
    meta,
    model_configs,
    prompts,
    pulls,
    search,
    slack,
    tree,
    usage,
)
from api.web.routes import auth as auth_routes

ROUTES = (
    meta,
    auth_routes,
    accounts,
    avatars,
    api_keys,
    chats,
    folders,
    search,
    messages,
    tree,
    attachments,
    prompts,
    commands,
    exports,
    imports,
    generations,
    model_configs,
    catalogue,
    pulls,
    images,
    slack,
    usage,
    administration,
)
DIALECTS = (openai, chat2anyllm, fastapi_demo, llm_backend, llm_service, slack_command)


def create_app(settings: Settings, *, migrate: bool = True) -> Flask:
    """Build the server for `settings`. Raises ConfigError, SchemaError, and RuntimeError over an undeclared route."""
    database = Database(settings.sqlalchemy_url, settings.db_pool_size)
    if migrate:
        upgrade(database)
    loop = LoopThread()
    services = wiring.build(settings, database, loop)
    app = make_app(VERSION)
    app.config["JWT_SECRET_KEY"] = settings.jwt_secret.get_secret_value()
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["parley"] = services
    app.extensions["parley_web"] = _web_settings(settings)
    app.extensions["parley_process"] = services.generations
    app.extensions["parley_carrier"] = Carrier(loop, settings.stream_write_timeout, settings.max_streams)
    app.extensions["parley_wait_slots"] = WaitSlots(max(1, settings.threads // 2))
    app.extensions["parley_transfer_slots"] = TransferSlots(max(1, settings.threads // 4))
    app.extensions["parley_close"] = lambda: _close(services, database)
    _install(app)
    if migrate:
        _prepare(settings, services)
    return app


def _install(app: Application) -> None:
    forwarded.install(app)
    errors.install(app, [dialect.SURFACE for dialect in DIALECTS])
    observe.install(app)
    auth.install(app)
    bodies.install(app)
    limits.install(app)
    trail.install(app)
    for module in (*ROUTES, *DIALECTS):
        app.register_api(module.routes)
    refuse_undeclared(app)


def _web_settings(settings: Settings) -> WebSettings:
    return WebSettings(
        page_secret=settings.page_secret.get_secret_value(),
        metrics_token=settings.metrics_token.get_secret_value(),
        cors_origins=frozenset(settings.cors_origins),
        trusted_proxies=settings.trusted_proxies,
        max_body_bytes=settings.max_body_bytes,
        max_upload_bytes=settings.max_attachment_bytes,
        max_avatar_bytes=UPLOAD_BYTES,
        max_import_bytes=settings.max_import_bytes,
        access_token_minutes=settings.access_token_minutes,
        client_token_hours=settings.client_token_hours,
        refresh_token_days=settings.refresh_token_days,
    )


def _prepare(settings: Settings, services: Services) -> None:
    """What the database must hold before the first request."""
    try:
        services.vault.check()
    except KeyMissing as error:
        raise ConfigError(str(error)) from error
    services.model_configs.remember_origins()
    services.instance.refresh()
    services.prices.refresh()
    services.budgets.refresh()
    services.api_keys.bootstrap(settings.api_key.get_secret_value())
    try:
        services.declared.declare([model.model_dump(exclude_none=True) for model in settings.model_configs])
    except Invalid as error:
        raise ConfigError(f"MODEL_CONFIGS {error.detail}") from error
    services.legacy.at_start()
    code = settings.setup_code
    if code is not None and services.accounts.waits_for_admin():
        # straight to the terminal: whatever is logged, this must be seen
        sys.stderr.write(f"parley: nobody is admin yet; register the first account with the set-up code {code}\n")


def _close(services: Services, database: Database) -> None:
    services.imports.stop()
    services.generations.stop()
    services.catalogue.close()
    services.titles.close()
    database.dispose()
