"""The Slack user who acts as this account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ui.api_client.calls import Caller
from ui.api_client.records import Json, read_time


@dataclass(frozen=True)
class SlackLink:
    """`available` when this server has a Slack app; `user` is empty where nobody is linked."""

    available: bool
    user: str = ""
    team: str = ""
    linked_at: datetime | None = None

    @classmethod
    def read(cls, body: Json) -> SlackLink:
        linked = bool(body.get("linked"))
        return cls(
            available=bool(body.get("available")),
            user=str(body.get("slack_user_id") or "") if linked else "",
            team=str(body.get("team_id") or ""),
            linked_at=read_time(body["linked_at"]) if body.get("linked_at") else None,
        )


@dataclass(frozen=True)
class SlackCode:
    """`command` is what to send in Slack, once."""

    command: str
    expires_at: datetime


class Slack(Caller):
    def slack_link(self) -> SlackLink:
        return SlackLink.read(self._call("GET", "/slack/link"))

    def new_slack_code(self) -> SlackCode:
        body = self._call("POST", "/slack/link")
        return SlackCode(str(body.get("command") or ""), read_time(body.get("expires_at")))

    def unlink_slack(self) -> None:
        self._call("DELETE", "/slack/link")
