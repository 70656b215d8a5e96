"""The link between an account and a Slack user, as JSON."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from api.web.shapes import Shape


class SlackLinkAnswer(Shape):
    available: bool = Field(description="Whether Slack is set up on this server.")
    linked: bool
    team_id: str | None
    slack_user_id: str | None
    linked_at: dt.datetime | None


class SlackCodeAnswer(Shape):
    code: str = Field(description="Counts once.")
    command: str = Field(description="What to send in Slack.")
    expires_at: dt.datetime
