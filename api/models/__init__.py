"""SQLAlchemy tables, no logic. Importing this package fills `Base.metadata`."""

from api.models import (
    accounts,
    attachments,
    audit,
    budgets,
    chats,
    generations,
    images,
    imports,
    instance,
    model_configs,
    prices,
    prompts,
    rate_limits,
    slack,
    usage,
)
from api.models.base import Base

__all__ = [
    "Base",
    "accounts",
    "attachments",
    "audit",
    "budgets",
    "chats",
    "generations",
    "images",
    "imports",
    "instance",
    "model_configs",
    "prices",
    "prompts",
    "rate_limits",
    "slack",
    "usage",
]
