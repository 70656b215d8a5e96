"""A model config as a plain value. The key is the sealed one; it is opened only to make a provider call."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ModelConfig:
    user_id: UUID
    id: UUID
    name: str
    provider: str
    base_url: str | None
    api_key_encrypted: str | None
    key_origin: str | None
    model: str | None
    system_prompt: str | None
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    is_default: bool
    shared: bool
    created_at: dt.datetime
    updated_at: dt.datetime
    api_key: str | None = None  # masked, for showing
    key_unreadable: bool = False  # or of another server than it would go to now: enter it again
