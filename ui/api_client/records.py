"""What the API's answers hold, as plain records. Unknown fields are ignored, missing ones have a default."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
RUNNING = frozenset({"queued", "running", "streaming", "pending"})


@dataclass(frozen=True)
class User:
    id: str
    username: str
    email: str = ""
    full_name: str = ""
    role: str = "member"

    @classmethod
    def read(cls, body: Json) -> User:
        return cls(
            id=str(body.get("id", "")),
            username=str(body.get("username") or ""),
            email=str(body.get("email") or ""),
            full_name=str(body.get("full_name") or ""),
            role=str(body.get("role") or "member"),
        )


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
class Chat:
    id: str
    title: str
    model: str | None = None
    pinned: bool = False
    updated_at: datetime = LONG_AGO
    active_generation_id: str | None = None

    @classmethod
    def read(cls, body: Json) -> Chat:
        return cls(
            id=str(body.get("id", "")),
            title=str(body.get("title") or ""),
            model=body.get("model") or None,
            pinned=bool(body.get("pinned")),
            updated_at=_time(body.get("updated_at")),
            active_generation_id=body.get("active_generation_id") or None,
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
        )

    @property
    def running(self) -> bool:
        return self.status in RUNNING

    @property
    def problem(self) -> Json:
        """Why the reply failed, as the API told it; empty when it did not."""
        for name in ("error", "problem"):
            value = self.metadata.get(name)
            if isinstance(value, dict):
                return value
        code = self.metadata.get("error_code")
        return {"code": code} if code else {}

    @property
    def tokens(self) -> int | None:
        """Tokens the reply took, where they were counted."""
        for source in (self.metadata.get("usage"), self.metadata.get("tokens"), self.metadata):
            if isinstance(source, dict) and isinstance(source.get("completion_tokens"), int):
                return int(source["completion_tokens"])
        return None

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
    messages: list[Message]
    more: bool

    @classmethod
    def read(cls, body: Json) -> Earlier:
        return cls([Message.read(entry) for entry in body.get("items") or []], bool(body.get("more")))


@dataclass(frozen=True)
class Sent:
    generation_id: str

    @classmethod
    def read(cls, body: Json) -> Sent:
        return cls(str((body.get("generation") or {}).get("id", "")))


@dataclass(frozen=True)
class Model:
    """`id` is what is sent; `provider` is its title, for people."""

    id: str
    name: str
    provider: str = ""
    context_window: int | None = None

    @classmethod
    def read(cls, body: Json, titles: dict[str, str]) -> Model:
        window = body.get("context_window")
        provider = str(body.get("provider") or "")
        return cls(
            id=str(body.get("id", "")),
            name=str(body.get("name") or body.get("id") or ""),
            provider=titles.get(provider, provider),
            context_window=window if isinstance(window, int) else None,
        )


@dataclass(frozen=True)
class ModelCatalogue:
    models: list[Model]

    @classmethod
    def read(cls, body: Json) -> ModelCatalogue:
        providers = [entry for entry in body.get("configured_providers") or [] if isinstance(entry, dict)]
        titles = {str(entry.get("provider")): str(entry.get("title") or "") for entry in providers}
        return cls([Model.read(entry, titles) for entry in body.get("models") or [] if _converses(entry)])


def _converses(entry: Any) -> bool:
    """Models for other things, such as images, are no choice for a chat; one of which nothing is known may be."""
    if not isinstance(entry, dict):
        return False
    abilities = entry.get("abilities")
    return not isinstance(abilities, list) or "chat" in abilities


@dataclass(frozen=True)
class ModelConfig:
    id: str
    name: str
    provider: str
    model: str
    base_url: str = ""
    is_default: bool = False

    @classmethod
    def read(cls, body: Json) -> ModelConfig:
        return cls(
            id=str(body.get("id", "")),
            name=str(body.get("name") or ""),
            provider=str(body.get("provider") or ""),
            model=str(body.get("model") or ""),
            base_url=str(body.get("base_url") or ""),
            is_default=bool(body.get("is_default")),
        )


def _time(text: object) -> datetime:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return LONG_AGO
    return when if when.tzinfo else when.replace(tzinfo=UTC)
