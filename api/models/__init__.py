"""SQLAlchemy tables, no logic. Importing this package fills `METADATA`."""

from api.models import (
    accounts,
    attachments,
    audit,
    avatars,
    budgets,
    chats,
    generations,
    images,
    imports,
    instance,
    kept_keys,
    model_configs,
    prices,
    prompts,
    rate_limits,
    slack,
    usage,
)
from api.models.base import METADATA

__all__ = [
    "METADATA",
    "accounts",
    "attachments",
    "audit",
    "avatars",
    "budgets",
    "chats",
    "generations",
    "images",
    "imports",
    "instance",
    "kept_keys",
    "model_configs",
    "prices",
    "prompts",
    "rate_limits",
    "slack",
    "usage",
]
