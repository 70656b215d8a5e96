"""What Markdown and HTML say in the same words: who spoke, when, how it ended, and what is no text."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from api.domain.chats import Chat, Message
from api.domain.generations import ACTIVE

SPEAKERS = {"user": "You", "assistant": "Assistant", "system": "System", "tool": "Tool"}
ENDS = {
    "stopped": "stopped",
    "length": "cut at its longest",
    "filtered": "cut by the provider's filter",
    "interrupted": "interrupted",
    "error": "failed",
}
RATINGS = {"up": "rated as good", "down": "rated as bad"}


def speaker(message: Message) -> str:
    """Who said it, with the model of a reply."""
    who = "Plan" if message.kind == "plan" else SPEAKERS[message.role]
    model = "/".join(filter(None, (message.provider, message.model)))
    return f"{who} ({model})" if model else who


def moment(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")


def remarks(message: Message) -> list[str]:
    """When it was said, how it ended, how it was liked."""
    found = [moment(message.created_at)]
    status = "interrupted" if message.status in ACTIVE else message.status
    if status in ENDS:
        found.append(ENDS[status])
    error = message.metadata.get("error")
    if isinstance(error, dict) and error.get("detail"):
        found.append(str(error["detail"]))
    feedback = message.metadata.get("feedback")
    if isinstance(feedback, dict) and feedback.get("rating") in RATINGS:
        comment = f": {feedback['comment']}" if feedback.get("comment") else ""
        found.append(RATINGS[feedback["rating"]] + comment)
    return found


def facts(chat: Chat) -> list[tuple[str, str]]:
    """What a chat says of itself, by name."""
    said = [("Begun", moment(chat.created_at)), ("Last activity", moment(chat.updated_at))]
    more = {"Model": chat.model, "Folder": chat.folder, "Tags": ", ".join(map(str, chat.tags))}
    return said + [(name, text) for name, text in more.items() if text]


def part_name(part: Any) -> str:
    """What a part of a message is: its type, and the name of a file or a tool."""
    if not isinstance(part, dict):
        return "part"
    return " ".join(str(part[key])[:200] for key in ("type", "name") if part.get(key)) or "part"


def part_text(part: Any) -> str:
    """A part as text: what it says, or all of it as JSON."""
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    return json.dumps(part, ensure_ascii=False, indent=1)
