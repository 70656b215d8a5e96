"""The settings of the instance that admins change while it runs. What they have not set is the environment's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from api.domain.limit_rules import Rule


@dataclass(frozen=True, slots=True)
class InstanceSettings:
    """Days of retention: None keeps for ever."""

    registration: Literal["open", "closed"] = "open"
    default_model: str = ""
    system_prompt: str = ""  # what models are told first where nothing else says it
    requests_per_hour: int = 1000
    generations_per_hour: int = 100
    limit_rules: tuple[Rule, ...] = ()
    retention_chats_days: int | None = None
    retention_events_minutes: int = 10  # after a reply's end: how long its events can still be told one by one
    retention_images_days: int | None = None
    retention_audit_days: int | None = 365
