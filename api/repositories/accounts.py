"""Accounts in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain import accounts as domain
from api.domain import clock
from api.domain.errors import AlreadyTaken
from api.domain.ids import parse_id
from api.domain.principal import Principal, Scope
from api.models.accounts import USERS
from api.repositories.base import Repository

USER = USERS.c
COLUMNS = tuple(USER[name] for name in domain.User.__dataclass_fields__)
BY_ID = sa.select(*COLUMNS).where(USER.id == sa.bindparam("user_id"))
BY_EMAIL = sa.select(*COLUMNS).where(sa.func.lower(USER.email) == sa.bindparam("value"))
BY_USERNAME = sa.select(*COLUMNS).where(sa.func.lower(USER.username) == sa.bindparam("value"))
ACTING = (USER.id, USER.username, USER.role, USER.preferences, USER.limits)
"""What the query of a credential selects first, for `principal_of`."""
IS_ADMIN = sa.and_(USER.role == "admin", USER.is_active)
ADMINS = sa.select(USER.id).where(IS_ADMIN)
HELD = (
    sa.select(USER.id, USER.role, USER.is_active)
    .where(sa.or_(IS_ADMIN, USER.id == sa.bindparam("leaving")))
    .order_by(USER.id)  # all in one order and at once, so that two transactions never wait for each other
    .with_for_update()
)


def principal_of(
    row: Sequence[Any], scopes: frozenset[Scope], *, session_id: UUID | None = None, api_key_id: UUID | None = None
) -> Principal:
    """Whoever acts by a credential, from a row that begins with ACTING."""
    user_id, username, role, preferences, limits = row[: len(ACTING)]
    return Principal(
        user_id=user_id,
        username=username,
        role=role,
        scopes=scopes,
        session_id=session_id,
        api_key_id=api_key_id,
        default_model=preferences.get("default_model"),
        time_zone=preferences.get("time_zone"),
        titles=preferences.get("titles"),
        limits=limits,
        active_prompt_id=parse_id(preferences.get("active_prompt_id", "")),
    )


def _user(row: Any) -> domain.User | None:
    return None if row is None else domain.User(*row)


class AccountRepository(Repository):
    """Emails and usernames are compared without regard to case."""

    def get(self, user_id: UUID) -> domain.User | None:
        return _user(self.connection.execute(BY_ID, {"user_id": user_id}).first())

    def hold(self, user_id: UUID) -> domain.User | None:
        """Read the account and keep it from changing until this transaction ends."""
        return _user(self.connection.execute(BY_ID.with_for_update(), {"user_id": user_id}).first())

    def admins(self) -> set[UUID]:
        """The administrators who may sign in."""
        return set(self.connection.execute(ADMINS).scalars())

    def hold_admins(self, leaving: UUID) -> set[UUID]:
        """The same; they and the one who leaves are kept as they are until this transaction ends."""
        held = self.connection.execute(HELD, {"leaving": leaving})
        return {row.id for row in held if row.role == "admin" and row.is_active}

    def page(self, found: domain.Found) -> list[domain.User]:
        """Newest first; ids are in the order of time."""
        query = sa.select(*COLUMNS).order_by(USER.id.desc()).limit(found.limit)
        if found.search:
            texts = (USER.username, USER.email, USER.full_name)
            query = query.where(sa.or_(*(text.icontains(found.search, autoescape=True) for text in texts)))
        if found.role is not None:
            query = query.where(USER.role == found.role)
        if found.is_active is not None:
            query = query.where(USER.is_active == found.is_active)
        if found.before is not None:
            query = query.where(USER.id < found.before)
        return [domain.User(*row) for row in self.connection.execute(query)]

    def by_email(self, email: str) -> domain.User | None:
        return _user(self.connection.execute(BY_EMAIL, {"value": email.lower()}).first())

    def by_username(self, username: str) -> domain.User | None:
        return _user(self.connection.execute(BY_USERNAME, {"value": username.lower()}).first())

    def add(self, user: domain.User) -> None:
        """Raises AlreadyTaken, naming the field; no account is made then."""
        values = {name: getattr(user, name) for name in domain.User.__dataclass_fields__}
        if self.changed(self.insert(USERS).values(values).on_conflict_do_nothing()):
            return
        taken = {"email": self.by_email(user.email), "username": self.by_username(user.username)}
        raise _taken(*(field for field, found in taken.items() if found))

    def update(self, user_id: UUID, changes: Mapping[str, Any]) -> bool:
        """Write these columns and no others. Raises AlreadyTaken for a username in use."""
        values = {**changes, "updated_at": clock.now()}
        try:
            return self.changed(sa.update(USERS).where(USER.id == user_id).values(values)) > 0
        except sa.exc.IntegrityError as error:
            raise _taken("username") from error

    def set_password(self, user_id: UUID, old_hash: str, new_hash: str) -> bool:
        """Replace the hash, unless somebody else replaced it meanwhile."""
        unchanged = sa.and_(USER.id == user_id, USER.password_hash == old_hash)
        values = {"password_hash": new_hash, "updated_at": clock.now()}
        return self.changed(sa.update(USERS).where(unchanged).values(values)) > 0

    def delete(self, user_id: UUID) -> bool:
        """The account and, by the foreign keys, everything that belongs to it."""
        return self.changed(sa.delete(USERS).where(USER.id == user_id)) > 0


def _taken(*fields: str) -> AlreadyTaken:
    names = {"email": "email address", "username": "username"}
    told = {field: f"This {names[field]} already belongs to an account." for field in fields or ("username",)}
    return AlreadyTaken.together([AlreadyTaken.at(field, words, code="taken") for field, words in told.items()])
