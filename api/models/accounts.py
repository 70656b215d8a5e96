"""Accounts, their sessions and their API keys."""

from __future__ import annotations

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Table, Text, Uuid, func, text

from api.models.base import METADATA, Json, UtcDateTime, column, one_of, optional, stamp

USERS = Table(
    "users",
    METADATA,
    column("id", Uuid, primary_key=True),
    column("email", String(254)),
    column("username", String(50)),
    column("password_hash", String(255)),
    optional("full_name", String(200)),
    optional("bio", Text),
    optional("date_of_birth", Date),
    optional("profession", String(200)),
    optional("avatar_url", String(500)),
    column("role", String(10), server_default="member"),
    column("is_active", Boolean, server_default=text("true")),
    column("preferences", Json, server_default=text("'{}'")),
    column("limits", Json, server_default=text("'{}'")),  # an admin's, above the instance's
    column("chat_counter", Integer, server_default=text("0")),  # the last short number given to a chat
    stamp("created_at"),
    stamp("updated_at"),
    one_of("role", ("member", "admin")),
)
Index("uq_users_email_lower", func.lower(USERS.c.email), unique=True)
Index("uq_users_username_lower", func.lower(USERS.c.username), unique=True)

SESSIONS = Table(
    "sessions",
    METADATA,
    column("id", Uuid, primary_key=True),
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE")),
    column("refresh_jti", String(64)),
    optional("previous_jti", String(64)),
    optional("rotated_at", UtcDateTime),
    optional("handle_hash", String(64)),
    optional("user_agent", String(300)),
    stamp("created_at"),
    stamp("last_used_at"),
    optional("revoked_at", UtcDateTime),
    Index("ix_sessions_user_id_created_at", "user_id", "created_at"),
    Index("uq_sessions_handle_hash", "handle_hash", unique=True),
)
"""One sign-in. `refresh_jti` names the only refresh token that counts; `previous_jti` counts 30 s longer."""

API_KEYS = Table(
    "api_keys",
    METADATA,
    column("id", Uuid, primary_key=True),
    column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE")),
    column("name", String(100)),
    column("token_hash", String(64)),
    column("prefix", String(20)),
    column("last4", String(4)),
    column("scopes", Json),
    stamp("created_at"),
    optional("expires_at", UtcDateTime),
    optional("last_used_at", UtcDateTime),
    optional("revoked_at", UtcDateTime),
    Index("uq_api_keys_token_hash", "token_hash", unique=True),
    Index("ix_api_keys_user_id_created_at", "user_id", "created_at"),
)
