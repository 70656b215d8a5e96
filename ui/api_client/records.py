"""What the API's answers hold, as plain records. Unknown fields are ignored, missing ones have a default."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ui.api_client.attachments import Attachment

BUDGET_WARNING = re.compile(r'"([a-z-]+)";used=(\d+)')

Json = dict[str, Any]

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
RUNNING = frozenset({"queued", "running"})


@dataclass(frozen=True)
class User:
    id: str
    username: str
    email: str = ""
    full_name: str = ""
    role: str = "member"
    bio: str = ""
    profession: str = ""
    date_of_birth: str = ""
    avatar_url: str = ""
    updated_at: str = ""
    preferences: Json = field(default_factory=dict)

    @classmethod
    def read(cls, body: Json) -> User:
        preferences = body.get("preferences")
        return cls(
            id=str(body.get("id", "")),
            username=str(body.get("username") or ""),
            email=str(body.get("email") or ""),
            full_name=str(body.get("full_name") or ""),
            role=str(body.get("role") or "member"),
            bio=str(body.get("bio") or ""),
            profession=str(body.get("profession") or ""),
            date_of_birth=str(body.get("date_of_birth") or ""),
            avatar_url=str(body.get("avatar_url") or ""),
            updated_at=str(body.get("updated_at") or ""),
            preferences=preferences if isinstance(preferences, dict) else {},
        )

    @property
    def avatar_is_here(self) -> bool:
        """Whether the API itself serves it; elsewhere it is an address with a scheme."""
        return self.avatar_url.startswith("/")


@dataclass(frozen=True)
class Tokens:
    access: str
    refresh: str


@dataclass(frozen=True)
class Login:
    tokens: Tokens
    user: User
    handle: str = ""

    @classmethod
    def read(cls, body: Json) -> Login:
        tokens = Tokens(str(body.get("access_token", "")), str(body.get("refresh_token", "")))
        return cls(tokens, User.read(body.get("user") or {}), str(body.get("handle") or ""))


@dataclass(frozen=True)
class Plan:
    """One model plans, another follows it; with `review`, not before a person says so."""

    planner: str
    answerer: str
    review: bool = False

    @classmethod
    def read(cls, body: Json) -> Plan:
        return cls(str(body.get("planner") or ""), str(body.get("answerer") or ""), bool(body.get("review")))


@dataclass(frozen=True)
class Chat:
    id: str
    title: str
    model: str | None = None
    pinned: bool = False
    archived: bool = False
    folder: str = ""
    updated_at: datetime = LONG_AGO
    active_generation_id: str | None = None
    prompt_id: str | None = None
    parameters: Json = field(default_factory=dict)
    plan: Plan | None = None
    slug: str = ""
    temporary: bool = False
    tags: tuple[str, ...] = ()

    @classmethod
    def read(cls, body: Json) -> Chat:
        parameters, plan = body.get("parameters"), body.get("plan")
        return cls(
            id=str(body.get("id", "")),
            title=str(body.get("title") or ""),
            model=body.get("model") or None,
            pinned=bool(body.get("pinned")),
            archived=bool(body.get("archived")),
            folder=str(body.get("folder") or ""),
            updated_at=read_time(body.get("updated_at")),
            active_generation_id=body.get("active_generation_id") or None,
            prompt_id=body.get("prompt_id") or None,
            parameters=parameters if isinstance(parameters, dict) else {},
            plan=Plan.read(plan) if isinstance(plan, dict) else None,
            slug=str(body.get("slug") or ""),
            temporary=bool(body.get("temporary")),
            tags=tuple(str(tag) for tag in body.get("tags") or []),
        )


@dataclass(frozen=True)
class ChatPage:
    items: list[Chat]
    next_cursor: str | None = None


@dataclass(frozen=True)
class Message:
    id: str
    role: str
    content: str
    reasoning: str = ""
    model: str | None = None
    provider: str | None = None
    status: str = "complete"
    metadata: Json = field(default_factory=dict)
    sibling_ids: tuple[str, ...] = ()
    kind: str = "text"
    files: tuple[Attachment, ...] = ()

    @classmethod
    def read(cls, body: Json) -> Message:
        metadata = body.get("metadata")
        return cls(
            id=str(body.get("id", "")),
            role=str(body.get("role") or "assistant"),
            content=str(body.get("content") or ""),
            reasoning=str(body.get("reasoning") or ""),
            model=body.get("model") or None,
            provider=body.get("provider") or None,
            status=str(body.get("status") or "complete"),
            metadata=metadata if isinstance(metadata, dict) else {},
            sibling_ids=tuple(str(one) for one in body.get("sibling_ids") or []),
            kind=str(body.get("kind") or "text"),
            files=tuple(Attachment.read(one) for one in body.get("attachments") or []),
        )

    @property
    def running(self) -> bool:
        return self.status in RUNNING

    @property
    def problem(self) -> Json:
        """Why the reply failed, as the API told it; empty when it did not."""
        problem = self.metadata.get("error")
        return problem if isinstance(problem, dict) else {}

    @property
    def tokens(self) -> int | None:
        """Tokens the reply took, where they were counted."""
        count = self.metadata.get("completion_tokens")
        return count if isinstance(count, int) else None

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of the conversation that it answered."""
        count = self.metadata.get("prompt_tokens")
        return count if isinstance(count, int) else None

    @property
    def cost(self) -> str | None:
        """Dollars, as exact text; None where no price is known."""
        cost = self.metadata.get("cost")
        return str(cost) if cost is not None else None

    @property
    def seconds(self) -> float | None:
        """How long it took, from its call to its end."""
        took = self.metadata.get("duration_ms")
        return took / 1000 if isinstance(took, int | float) else None

    @property
    def rating(self) -> str:
        """`up`, `down` or nothing."""
        feedback = self.metadata.get("feedback")
        return str(feedback.get("rating") or "") if isinstance(feedback, dict) else ""

    @property
    def estimated(self) -> bool:
        """The provider did not count; the server did, roughly."""
        return bool(self.metadata.get("estimated"))


@dataclass(frozen=True)
class OpenChat:
    """A chat with the newest messages of the path that is shown, oldest first."""

    chat: Chat
    messages: list[Message]

    @classmethod
    def read(cls, body: Json) -> OpenChat:
        return cls(Chat.read(body), [Message.read(entry) for entry in body.get("messages") or []])


@dataclass(frozen=True)
class Earlier:
    """A part of the path that is shown; `more` comes before it, `more_after` behind it."""

    messages: list[Message]
    more: bool
    more_after: bool = False

    @classmethod
    def read(cls, body: Json) -> Earlier:
        messages = [Message.read(entry) for entry in body.get("items") or []]
        return cls(messages, bool(body.get("more")), bool(body.get("more_after")))


@dataclass(frozen=True)
class Sent:
    """`generation_id` is empty where nothing runs: a plan in a person's own words waits for them."""

    generation_id: str
    message_id: str = ""
    warnings: tuple[tuple[str, int], ...] = ()  # budgets that are nearly or wholly used, and how much of each

    @classmethod
    def read(cls, body: Json, warning: str = "") -> Sent:
        generation, message = body.get("generation") or {}, body.get("message") or {}
        found = tuple((name, int(used)) for name, used in BUDGET_WARNING.findall(warning))
        return cls(str(generation.get("id") or ""), str(message.get("id") or ""), found)


@dataclass(frozen=True)
class Lane:
    """One reply of a comparison."""

    generation_id: str
    message_id: str

    @classmethod
    def read(cls, body: Json) -> Lane:
        return cls(
            str((body.get("generation") or {}).get("id", "")),
            str((body.get("message") or {}).get("id", "")),
        )


@dataclass(frozen=True)
class Generation:
    """One call of a model: how it went, and what it took."""

    id: str
    chat_id: str = ""
    message_id: str = ""
    provider: str = ""
    model: str = ""
    status: str = ""
    seconds: float | None = None
    completion_tokens: int | None = None
    estimated: bool = False
    cost: str | None = None
    problem: Json = field(default_factory=dict)

    @classmethod
    def read(cls, body: Json) -> Generation:
        begun, ended, cost = body.get("queued_at"), body.get("finished_at"), body.get("cost")
        return cls(
            id=str(body.get("id", "")),
            chat_id=str(body.get("chat_id") or ""),
            message_id=str(body.get("message_id") or ""),
            provider=str(body.get("provider") or ""),
            model=str(body.get("model") or ""),
            status=str(body.get("status") or ""),
            seconds=(read_time(ended) - read_time(begun)).total_seconds() if begun and ended else None,
            completion_tokens=body.get("completion_tokens"),
            estimated=bool(body.get("estimated")),
            cost=str(cost) if cost is not None else None,
            problem={"code": body.get("error_code"), "detail": body.get("error_detail")}
            if body.get("error_code")
            else {},
        )

    @property
    def running(self) -> bool:
        return self.status in RUNNING


def read_time(text: object) -> datetime:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return LONG_AGO
    return when if when.tzinfo else when.replace(tzinfo=UTC)
