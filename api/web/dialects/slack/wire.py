"""Slack's form → our terms, our texts → Slack's messages. Pure translation, no Flask.

Source of the shapes: docs.slack.dev, "Implementing slash commands", "Formatting message text", "response_url".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from api.domain.errors import Invalid
from api.domain.slack import SlackCommand

MAX_CHARS: Final = 30_000  # Slack cuts at 40,000
CUT: Final = "… (the whole answer is in Parley)"
FIELDS: Final = 100
ID_CHARS: Final = 50


def error_form(problem: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """A problem's status and body; Slack's users see neither."""
    return 400 if problem["status"] == 422 else int(problem["status"]), {"error": problem["detail"]}


def command(body: bytes) -> SlackCommand:
    """The form that Slack has signed. Raises Invalid."""
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS))
    except ValueError:
        raise Invalid("The form cannot be read.") from None
    found = SlackCommand(
        name=fields.get("command", "").strip().lower(),
        text=fields.get("text", ""),
        team_id=fields.get("team_id", ""),
        user_id=fields.get("user_id", ""),
        channel_id=fields.get("channel_id", ""),
        channel_name=" ".join(fields.get("channel_name", "").split()),
        response_url=fields.get("response_url", ""),
    )
    if not all(0 < len(one) <= ID_CHARS and one.isascii() for one in (found.team_id, found.user_id)):
        raise Invalid("The form names no team and user.")
    return found


def message(text: str) -> bytes:
    """A message that only the asker sees. Nothing in it calls anybody, links anywhere or loads anything."""
    if len(text) > MAX_CHARS:
        text = text[:MAX_CHARS] + CUT
    return msgspec.json.encode(
        {
            "response_type": "ephemeral",
            "text": neutral(text),
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
    )


def neutral(text: str) -> str:
    """As Slack shows it word for word: its control sequences stand between < and >."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
