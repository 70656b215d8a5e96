"""Slack users in the database: whose account they act as, the codes that link them, and what they are still to hear."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import sqlalchemy as sa

from api.domain import clock
from api.domain.principal import IMPLIED, Principal
from api.domain.slack import PromisedAnswer, SlackLink
from api.models.accounts import USERS
from api.models.slack import SLACK_ANSWERS, SLACK_LINKS
from api.repositories.accounts import ACTING, principal_of
from api.repositories.base import Repository

LINK = SLACK_LINKS.c
ANSWER = SLACK_ANSWERS.c
USER = USERS.c
NO_CODE = {"code_hash": None, "code_expires_at": None}
NO_LINK = {"team_id": None, "slack_user_id": None, "linked_at": None}


class SlackRepository(Repository):
    def principal(self, team_id: str, slack_user_id: str) -> Principal | None:
        """Whom this Slack user acts as: to chat, and nothing else."""
        return self._principal(LINK.team_id == team_id, LINK.slack_user_id == slack_user_id)

    def principal_of(self, user_id: UUID) -> Principal | None:
        """The account, as a Slack user who is linked to it at present acts."""
        return self._principal(LINK.user_id == user_id, LINK.team_id.is_not(None))

    def _principal(self, *linked: sa.ColumnElement[bool]) -> Principal | None:
        query = sa.select(*ACTING).where(USER.id == LINK.user_id, USER.is_active, *linked)
        row = self.connection.execute(query).first()
        return None if row is None else principal_of(row, IMPLIED["chat"])

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
        statement = self.insert(SLACK_LINKS).values(user_id=user_id, **values)
        self.connection.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))

    def link(self, code_hash: str, team_id: str, slack_user_id: str) -> UUID | None:
        """Use the code up; whose it was, None where there is none. Of a Slack user who acted as another account that
        ends."""
        mine = sa.and_(LINK.code_hash == code_hash, LINK.code_expires_at > clock.now())
        owner: UUID | None = self.connection.execute(sa.select(LINK.user_id).where(mine).with_for_update()).scalar()
        if owner is None:
            return None
        others = sa.and_(
            LINK.team_id == team_id, LINK.slack_user_id == slack_user_id, LINK.code_hash.is_distinct_from(code_hash)
        )
        self.connection.execute(sa.update(SLACK_LINKS).where(others).values(**NO_LINK))
        values = {"team_id": team_id, "slack_user_id": slack_user_id, "linked_at": clock.now(), **NO_CODE}
        return owner if self.changed(sa.update(SLACK_LINKS).where(mine).values(**values)) == 1 else None

    def remove(self, user_id: UUID) -> bool:
        """With its code; False where there was neither."""
        return self.changed(sa.delete(SLACK_LINKS).where(LINK.user_id == user_id)) == 1

    # What was promised for later

    def promise(self, answer: PromisedAnswer) -> None:
        values = {
            "user_id": answer.user_id,
            "id": answer.id,
            "generation_id": answer.generation_id,
            "owner": answer.owner,
            "response_url_encrypted": answer.token,
            "created_at": answer.created_at,
        }
        self.connection.execute(sa.insert(SLACK_ANSWERS).values(**values))

    def promised(self) -> list[PromisedAnswer]:
        """All that is not delivered, oldest first."""
        columns = (
            ANSWER.user_id,
            ANSWER.id,
            ANSWER.generation_id,
            ANSWER.owner,
            ANSWER.response_url_encrypted,
            ANSWER.created_at,
        )
        rows = self.connection.execute(sa.select(*columns).order_by(ANSWER.created_at, ANSWER.id))
        return [PromisedAnswer(*row) for row in rows]

    def take(self, answer: PromisedAnswer, owner: UUID) -> bool:
        """Make `owner` the one that delivers it; False where another was first."""
        taken = sa.update(SLACK_ANSWERS).where(*_this(answer), ANSWER.owner == answer.owner).values(owner=owner)
        return self.changed(taken) == 1

    def forget(self, answer: PromisedAnswer) -> None:
        self.connection.execute(sa.delete(SLACK_ANSWERS).where(*_this(answer)))


def _this(answer: PromisedAnswer) -> tuple[sa.ColumnElement[bool], ...]:
    return ANSWER.user_id == answer.user_id, ANSWER.id == answer.id
