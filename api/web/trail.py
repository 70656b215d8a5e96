"""Lines of the audit log for what people do with their own accounts; what administrators do is noted with the deed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Flask, Response, g, request

from api.domain.accounts import User
from api.domain.audit import Entry
from api.web.auth import actor
from api.web.context import behind, services

ACTIONS: Final = {
    ("POST", "/auth/register"): "account.register",
    ("POST", "/auth/login"): "account.sign_in",
    ("POST", "/api/login"): "account.sign_in",
    ("POST", "/api/users/login"): "account.sign_in",
    ("POST", "/api/users/register"): "account.register",
    ("POST", "/auth/logout-all"): "account.sign_out_everywhere",
    ("PUT", "/users/me/password"): "account.change_password",
    ("DELETE", "/users/me"): "account.delete",
    ("POST", "/api-keys"): "api_key.create",
    ("DELETE", "/api-keys/<id>"): "api_key.revoke",
    ("POST", "/slack/link"): "slack.code",
    ("DELETE", "/slack/link"): "slack.unlink",
    ("POST", "/model-configs"): "model_config.create",
    ("PATCH", "/model-configs/<id>"): "model_config.change",
    ("DELETE", "/model-configs/<id>"): "model_config.delete",
    ("POST", "/providers/ollama/pull"): "provider.pull",
}
NOTED_REFUSALS: Final = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN))


def install(app: Flask) -> None:
    """Before the answer's last hooks, so that a fault here still has an answer's headers."""

    @app.after_request
    def _note(response: Response) -> Response:
        asked = behind(request)
        action = ACTIONS.get((asked.method, asked.url_rule.rule)) if asked.url_rule else None
        if action is None:
            return response
        if response.status_code < HTTPStatus.BAD_REQUEST:
            services().audit.note(actor().did(action, (asked.view_args or {}).get("id")))
        elif response.status_code in NOTED_REFUSALS and action == "account.sign_in":
            services().audit.note(_refused())
        return response


def _refused() -> Entry:
    """With the account that was meant, where there is one. Never with what was typed: it may be a password."""
    meant: User | None = g.get("meant")
    if meant is None:
        return actor().did("account.sign_in_refused")
    return actor().did("account.sign_in_refused", meant.id, username=meant.username)
