"""Our own format (domain/transcripts.py), read strictly: what an export never writes is refused, with the place."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from api.domain.chats import PROMPT_VALUES, SLUG
from api.domain.ids import parse_id
from api.domain.transcripts import FORMAT, VERSION, Said, Transcript
from api.importers.values import Unreadable, storable

SOURCE: Final = "parley"
Check = Callable[[Any], bool]
ENDED: Final = ("complete", "stopped", "length", "filtered", "interrupted", "error")
EARLIEST: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
LATEST: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
LONE: Final = re.compile("[\0\ud800-\udfff]")


def _text(least: int = 0, most: int | None = None) -> Check:
    return lambda value: (
        isinstance(value, str)
        and least <= len(value)
        and (most is None or len(value) <= most)
        and not LONE.search(value)
    )


def _one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _number(low: float, high: float) -> Check:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _shape(needed: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object of exactly these names."""
    known = {**needed, **(optional or {})}

    def check(value: Any) -> bool:
        if not isinstance(value, dict) or not needed.keys() <= value.keys() <= known.keys():
            return False
        return all(known[name](one) for name, one in value.items())

    return check


def _mapping(name: Check, check: Check, most: int) -> Check:
    return lambda value: (
        isinstance(value, dict) and len(value) <= most and all(name(key) and check(one) for key, one in value.items())
    )


def _listed(check: Check, most: int | None = None) -> Check:
    return lambda value: isinstance(value, list) and (most is None or len(value) <= most) and all(map(check, value))


def _is_metadata(value: Any) -> bool:
    """Any object, but what we read ourselves has its form."""
    return isinstance(value, dict) and all(KNOWN[name](one) for name, one in value.items() if name in KNOWN)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _anything(_: Any) -> bool:
    return True


def _id(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 36 and parse_id(value) is not None


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and EARLIEST < dt.datetime.fromisoformat(value) < LATEST
    except (ValueError, TypeError):  # TypeError: it names no zone
        return False


COUNT: Final = _or_null(_number(0, 2**53))
KNOWN: Final[dict[str, Check]] = {
    "feedback": _shape({"rating": _one_of("up", "down")}, {"comment": _or_null(_text(0, 2000))}),
    "error": lambda value: isinstance(value, dict) and all(map(_text(), value)),
    "prompt_tokens": COUNT,
    "completion_tokens": COUNT,
    "generation_id": _or_null(_text(0, 100)),
    "cost": _or_null(_text(0, 40)),
}
BLANKS: Final = _mapping(_text(1, 50), _text(0, 10_000), 100)
NUMBERS: Final[dict[str, Check]] = {
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "max_tokens": _number(1, 10**6),
}
PARAMETERS: Final = _shape({}, {**NUMBERS, PROMPT_VALUES: BLANKS})
PLAN: Final = _shape({"planner": _text(1, 200), "answerer": _text(1, 200), "review": _flag})
CHAT: Final[dict[str, Check]] = {
    "id": _id,
    "slug": lambda value: isinstance(value, str) and SLUG.fullmatch(value) is not None,
    "title": _text(1, 200),
    "titled_by": _one_of("default", "words", "model", "user"),
    "created_at": _is_moment,
    "updated_at": _is_moment,
    "model": _or_null(_text(1, 200)),
    "model_config_id": _or_null(_id),
    "prompt_id": _or_null(_id),
    "parameters": PARAMETERS,
    "plan": _or_null(PLAN),
    "head_id": _or_null(_id),
    "pinned": _flag,
    "archived": _flag,
    "folder": _or_null(_text(1, 100)),
    "tags": _listed(_text(1, 50), 20),
}
MESSAGE: Final[dict[str, Check]] = {
    "id": _id,
    "parent_id": _or_null(_id),
    "role": _one_of("system", "user", "assistant", "tool"),
    "kind": _one_of("text", "plan"),
    "content": _text(),
    "reasoning": _or_null(_text()),
    "parts": _or_null(_listed(_anything)),
    "model": _or_null(_text(0, 200)),
    "provider": _or_null(_text(0, 40)),
    "status": _one_of(*ENDED),
    "metadata": _is_metadata,
    "created_at": _is_moment,
}


def recognised(item: Mapping[str, Any]) -> bool:
    return item.get("format") == FORMAT and "chat" in item


def read(item: Mapping[str, Any]) -> Transcript:
    """Raises Unreadable."""
    if item.get("version") != VERSION:
        raise Unreadable(f"It is of version {str(item.get('version'))[:20]!r}; this server reads version {VERSION}.")
    if strange := item.keys() - {"format", "version", "chat", "messages"}:
        raise Unreadable(f"It has {min(strange)[:100]!r}, which no export of ours writes.")
    chat, listed = item["chat"], item.get("messages")
    _checked("chat", chat, CHAT)
    if not isinstance(listed, list):
        raise Unreadable("Its messages are no list.")
    messages = [_said(number, one) for number, one in enumerate(listed, 1)]
    ids = {said.id for said in messages}
    if chat["head_id"] is not None and chat["head_id"] not in ids:
        raise Unreadable("Its head_id names a message that is not there.")
    fields = {name: chat[name] for name in CHAT if name not in ("id", "title", "created_at", "updated_at", "head_id")}
    return Transcript(
        source=SOURCE,
        id=chat["id"],
        title=chat["title"],
        messages=_parents_first(messages, ids),
        head=chat["head_id"],
        created_at=_moment(chat["created_at"]),
        updated_at=_moment(chat["updated_at"]),
        fields=fields,
    )


def _checked(where: str, value: Any, checks: Mapping[str, Check]) -> None:
    if not isinstance(value, dict):
        raise Unreadable(f"Its {where} is no object.")
    if missing := checks.keys() - value.keys():
        raise Unreadable(f"Its {where} lacks {min(missing)!r}.")
    if strange := value.keys() - checks.keys():
        raise Unreadable(f"Its {where} has {min(strange)[:100]!r}, which no export of ours writes.")
    for name, check in checks.items():
        if not check(value[name]):
            raise Unreadable(f"Its {where} has no valid {name!r}.")


def _said(number: int, one: Any) -> Said:
    _checked(f"message {number}", one, MESSAGE)
    values = one | {"created_at": _moment(one["created_at"])}
    return Said(**values | {"metadata": storable(one["metadata"]), "parts": storable(one["parts"])})


def _moment(value: str) -> dt.datetime:
    return dt.datetime.fromisoformat(value).astimezone(dt.UTC)


def _parents_first(messages: list[Said], ids: set[str]) -> list[Said]:
    """As they are, if they are so already; else each behind its parent. Raises Unreadable for what is no tree."""
    children: dict[str | None, list[Said]] = {}
    placed: set[str | None] = {None}
    ordered = True
    for said in messages:
        if said.id in placed:
            raise Unreadable(f"Two of its messages have the id {said.id}.")
        if said.parent_id is not None and said.parent_id not in ids:
            raise Unreadable(f"The parent of its message {said.id} is not there.")
        ordered = ordered and said.parent_id in placed
        placed.add(said.id)
        children.setdefault(said.parent_id, []).append(said)
    if ordered:
        return messages
    found: list[Said] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        found.append(waiting.pop())
        waiting += reversed(children.get(found[-1].id, []))
    if len(found) < len(messages):
        raise Unreadable("Some of its messages are each other's parents, in a circle.")
    return found
