"""Slack's side of an account, and what Slack asks for, as plain values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SlackLink:
    """The Slack user that acts as an account."""

    team_id: str
    slack_user_id: str
    linked_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SlackCommand:
    """A slash command; later answers go to `response_url`."""

    name: str
    text: str
    team_id: str
    user_id: str
    channel_id: str
    channel_name: str
    response_url: str


@dataclass(frozen=True, slots=True)
class PromisedAnswer:
    """What is still to be sent to a `response_url`: `token` is that address, sealed; `owner` the process that sends."""

    user_id: UUID
    id: UUID
    generation_id: UUID
    owner: UUID
    token: str = field(repr=False)
    created_at: dt.datetime
