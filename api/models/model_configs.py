"""How a user reaches a model: provider, key (encrypted), address and defaults."""

from __future__ import annotations

from sqlalchemy import Boolean, Double, ForeignKey, Index, Integer, String, Table, Text, Uuid, text

from api.models.base import METADATA, column, optional, partial, stamp

MODEL_CONFIGS = Table(
    "model_configs",
    METADATA,
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    column("id", Uuid, primary_key=True),
    column("name", String(100)),
    column("provider", String(40)),
    optional("base_url", String(500)),
    optional("api_key_encrypted", Text),
    optional("key_origin", Text),  # the only one that the key may be sent to
    optional("model", String(200)),
    optional("system_prompt", Text),
    optional("temperature", Double),
    optional("top_p", Double),
    optional("max_tokens", Integer),
    column("is_default", Boolean, server_default=text("false")),
    column("shared", Boolean, server_default=text("false")),
    stamp("created_at"),
    stamp("updated_at"),
    Index("uq_model_configs_user_id_name", "user_id", "name", unique=True),
    partial("uq_model_configs_default", "user_id", "provider", where="is_default", unique=True),
    partial("ix_model_configs_shared", "shared", where="shared"),
)
