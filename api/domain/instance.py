"""The settings of the instance that admins change while it runs. What they have not set is the environment's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class InstanceSettings:
    """Days of retention: None keeps for ever."""

    registration: Literal["open", "closed"] = "open"
    default_model: str = ""
    requests_per_hour: int = 1000
    generations_per_hour: int = 100
    retention_audit_days: int | None = 365
