"""Accounts in the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api.domain import accounts as domain
from api.domain import clock
from api.domain.errors import AlreadyTaken
from api.models.accounts import User
from api.repositories.base import Repository

users: sa.Table = User.__table__  # type: ignore[assignment]
COLUMNS = tuple(users.c[name] for name in domain.User.__dataclass_fields__)
BY_ID = sa.select(*COLUMNS).where(users.c.id == sa.bindparam("user_id"))
BY_EMAIL = sa.select(*COLUMNS).where(sa.func.lower(users.c.email) == sa.bindparam("value"))
BY_USERNAME = sa.select(*COLUMNS).where(sa.func.lower(users.c.username) == sa.bindparam("value"))
IS_ADMIN = sa.and_(users.c.role == "admin", users.c.is_active)
ADMINS = sa.select(users.c.id).where(IS_ADMIN)
HELD = (
    sa.select(users.c.id, users.c.role, users.c.is_active)
    .where(sa.or_(IS_ADMIN, users.c.id == sa.bindparam("leaving")))
    .order_by(users.c.id)  # all in one order and at once, so that two transactions never wait for each other
    .with_for_update()
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
        query = sa.select(*COLUMNS).order_by(users.c.id.desc()).limit(found.limit)
        if found.search:
            texts = (users.c.username, users.c.email, users.c.full_name)
            query = query.where(sa.or_(*(text.icontains(found.search, autoescape=True) for text in texts)))
        if found.role is not None:
            query = query.where(users.c.role == found.role)
        if found.is_active is not None:
            query = query.where(users.c.is_active == found.is_active)
        if found.before is not None:
            query = query.where(users.c.id < found.before)
        return [domain.User(*row) for row in self.connection.execute(query)]

    def by_email(self, email: str) -> domain.User | None:
        return _user(self.connection.execute(BY_EMAIL, {"value": email.lower()}).first())

    def by_username(self, username: str) -> domain.User | None:
        return _user(self.connection.execute(BY_USERNAME, {"value": username.lower()}).first())

    def add(self, user: domain.User) -> None:
        """Raises AlreadyTaken, naming the field; no account is made then."""
        values = {name: getattr(user, name) for name in domain.User.__dataclass_fields__}
        if self.changed(self.insert(users).values(values).on_conflict_do_nothing()):
            return
        raise _taken("email" if self.by_email(user.email) else "username")

    def update(self, user_id: UUID, changes: Mapping[str, Any]) -> bool:
        """Write these columns and no others. Raises AlreadyTaken for a username in use."""
        values = {**changes, "updated_at": clock.now()}
        try:
            return self.changed(sa.update(users).where(users.c.id == user_id).values(values)) > 0
        except sa.exc.IntegrityError as error:
            raise _taken("username") from error

    def set_password(self, user_id: UUID, old_hash: str, new_hash: str) -> bool:
        """Replace the hash, unless somebody else replaced it meanwhile."""
        unchanged = sa.and_(users.c.id == user_id, users.c.password_hash == old_hash)
        values = {"password_hash": new_hash, "updated_at": clock.now()}
        return self.changed(sa.update(users).where(unchanged).values(values)) > 0

    def delete(self, user_id: UUID) -> bool:
        """The account and, by the foreign keys, everything that belongs to it."""
        return self.changed(sa.delete(users).where(users.c.id == user_id)) > 0


def _taken(field: str) -> AlreadyTaken:
    name = {"email": "e-mail address", "username": "username"}[field]
    detail = f"This {name} already belongs to an account."
    return AlreadyTaken(detail, errors=[{"pointer": f"/{field}", "detail": detail, "code": "taken"}])
