"""Slack users in the database: whose account they act as, and the codes that link them."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa

from api.domain import clock
from api.domain.ids import parse_id
from api.domain.principal import IMPLIED, Principal
from api.domain.slack import SlackLink
from api.models.accounts import User
from api.models.base import table_of
from api.models.slack import SlackLink as LinkRow
from api.repositories.base import Repository

TABLE = table_of(LinkRow)
LINK = TABLE.c
USER = table_of(User).c
NO_CODE = {"code_hash": None, "code_expires_at": None}
NO_LINK = {"team_id": None, "slack_user_id": None, "linked_at": None}


class SlackRepository(Repository):
    def principal(self, team_id: str, slack_user_id: str) -> Principal | None:
        """Whom this Slack user acts as: to chat, and nothing else."""
        query = sa.select(USER.id, USER.username, USER.role, USER.preferences, USER.limits).where(
            USER.id == LINK.user_id, USER.is_active, LINK.team_id == team_id, LINK.slack_user_id == slack_user_id
        )
        row = self.connection.execute(query).first()
        if row is None:
            return None
        user_id, username, role, preferences, limits = row
        return Principal(
            user_id=user_id,
            username=username,
            role=role,
            scopes=IMPLIED["chat"],
            default_model=preferences.get("default_model"),
            time_zone=preferences.get("time_zone"),
            limits=limits,
            active_prompt_id=parse_id(preferences.get("active_prompt_id", "")),
        )

    def get(self, user_id: UUID) -> SlackLink | None:
        row = self.connection.execute(
            sa.select(LINK.team_id, LINK.slack_user_id, LINK.linked_at).where(
                LINK.user_id == user_id, LINK.team_id.is_not(None)
            )
        ).first()
        return SlackLink(*row) if row is not None else None

    def set_code(self, user_id: UUID, code_hash: str, expires_at: dt.datetime) -> None:
        """In place of an earlier one; a link stays until the code is used."""
        values = {"code_hash": code_hash, "code_expires_at": expires_at}
        statement = self.insert(TABLE).values(user_id=user_id, **values)
        self.connection.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))

    def link(self, code_hash: str, team_id: str, slack_user_id: str) -> bool:
        """Use the code up; False where there is none. Of a Slack user who acted as another account that ends."""
        mine = sa.and_(LINK.code_hash == code_hash, LINK.code_expires_at > clock.now())
        if self.connection.execute(sa.select(LINK.user_id).where(mine).with_for_update()).first() is None:
            return False
        others = sa.and_(
            LINK.team_id == team_id, LINK.slack_user_id == slack_user_id, LINK.code_hash.is_distinct_from(code_hash)
        )
        self.connection.execute(sa.update(TABLE).where(others).values(**NO_LINK))
        values = {"team_id": team_id, "slack_user_id": slack_user_id, "linked_at": clock.now(), **NO_CODE}
        return self.changed(sa.update(TABLE).where(mine).values(**values)) == 1

    def remove(self, user_id: UUID) -> bool:
        """With its code; False where there was neither."""
        return self.changed(sa.delete(TABLE).where(LINK.user_id == user_id)) == 1
