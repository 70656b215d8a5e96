"""/slack/link: which Slack user acts as this account."""

from __future__ import annotations

from flask import Response

from api.web.answers import answer, no_content
from api.web.context import principal, services
from api.web.openapi import Access, Routes
from api.web.schemas.slack import SlackCodeAnswer, SlackLinkAnswer

routes = Routes("slack", "Linking a Slack user")


@routes.get("/slack/link", summary="The linked Slack user", access=Access.READ, returns={200: SlackLinkAnswer})
def get_slack_link() -> Response:
    link = services().slack.link(principal())
    named = {name: getattr(link, name, None) for name in ("team_id", "slack_user_id", "linked_at")}
    return answer({"available": services().slack.available, "linked": link is not None, **named})


@routes.post("/slack/link", summary="A one-time code", access=Access.ACCOUNT, returns={201: SlackCodeAnswer})
def new_slack_code() -> Response:
    code, expires_at = services().slack.new_code(principal())
    return answer({"code": code, "command": f"/link {code}", "expires_at": expires_at}, 201)


@routes.delete("/slack/link", summary="Unlink the Slack user", access=Access.ACCOUNT, returns={204: None})
def remove_slack_link() -> Response:
    services().slack.unlink(principal())
    return no_content()
