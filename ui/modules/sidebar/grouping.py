"""The list of chats under headings of time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from itertools import groupby

from ui.api_client import Chat


def by_time(chats: Iterable[Chat], now: datetime, zone: tzinfo) -> list[tuple[str, list[Chat]]]:
    """Pinned first, then folders by name, then by the day of the last change as the reader's clock has it; the order
    within stays."""
    today = now.astimezone(zone).date()
    listed = list(chats)
    groups = [("Pinned", [chat for chat in listed if chat.pinned])]
    rest = [chat for chat in listed if not chat.pinned]
    for folder in sorted({chat.folder for chat in rest if chat.folder}, key=str.casefold):
        groups.append((folder, [chat for chat in rest if chat.folder == folder]))
    loose = [chat for chat in rest if not chat.folder]
    for heading, members in groupby(loose, key=lambda chat: _heading(chat.updated_at.astimezone(zone).date(), today)):
        groups.append((heading, list(members)))
    return [(heading, members) for heading, members in groups if members]


def _heading(day: date, today: date) -> str:
    if day >= today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    if day > today - timedelta(days=7):
        return "Last 7 days"
    if day > today - timedelta(days=30):
        return "Last 30 days"
    return "Older"
