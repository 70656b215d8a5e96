"""/slack/command: what Slack calls."""

from __future__ import annotations

from flask import Response, request

from api.web.context import services
from api.web.dialects.slack import wire
from api.web.openapi import ERROR_TEXT, Access, Routes
from api.web.surfaces import Surface

SURFACE = Surface("slack", "Slack's slash commands", ("/slack/command",), wire.error_form)
FORM = frozenset(("application/x-www-form-urlencoded",))
SAID = {
    "description": "a message for the asker",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"response_type": {"type": "string"}, "text": {"type": "string"}},
                "required": ["response_type", "text"],
            }
        }
    },
}
routes = Routes("slack-command", SURFACE.about, ERROR_TEXT)


@routes.post(
    "/slack/command",
    summary="A slash command, signed by Slack: /roles, /role, /ask, /link",
    access=Access.PUBLIC,
    accepts=FORM,
    returns={200: SAID},
)
def slack_command() -> Response:
    body = request.get_data()
    headers = request.headers
    signed = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
    services().slack.verify(body, *signed)
    said = services().slack.obey(wire.command(body))
    return Response(wire.message(said), content_type="application/json")
