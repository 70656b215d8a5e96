from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from api.domain.accounts import User
from api.domain.audit import COMMAND_LINE
from api.domain.errors import (
    AlreadyTaken,
    BadCredentials,
    Invalid,
    LastAdmin,
    NotFound,
    SessionEnded,
    WrongPassword,
)
from api.domain.ids import new_id
from api.models import METADATA
from api.models.base import Json
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.accounts import AccountService, NewAccount
from api.services.administration import AdministrationService
from api.services.sessions import SessionService
from tests.services.conftest import PASSWORD

Register = Callable[[str], User]


OWNERS = {
    name: next((table.c[one] for one in ("user_id", "subject") if one in table.c), None)
    for name, table in METADATA.tables.items()
}
"""The column that names the account, where a table has one: `subject` has no foreign key."""


def rows_of(store: Store, user_id: UUID) -> dict[str, int]:
    """How many rows each table holds for the account."""

    def count(work: UnitOfWork) -> dict[str, int]:
        counts = {
            name: work.connection.execute(sa.select(sa.func.count()).where(owner == user_id)).scalar_one()
            for name, owner in OWNERS.items()
            if owner is not None
        }
        return {name: number for name, number in counts.items() if number}

    return store.read(count)


def set_active(store: Store, user: User, active: bool) -> None:
    store.write(lambda work: work.accounts.update(user.id, {"is_active": active}))


def test_a_profile_changes_only_what_was_sent(accounts: AccountService, register: Register) -> None:
    user = register("ann")
    day = dt.date(1990, 5, 17)
    accounts.update_profile(user.id, {"bio": "I *write*.", "date_of_birth": day, "preferences": {"theme": "dark"}})
    changed = accounts.update_profile(user.id, {"full_name": "Ann", "preferences": {"time_zone": "Asia/Tokyo"}})
    assert (changed.bio, changed.date_of_birth, changed.full_name) == ("I *write*.", day, "Ann")
    assert changed.preferences == {"theme": "dark", "time_zone": "Asia/Tokyo"}
    assert changed.updated_at > user.updated_at
    assert accounts.update_profile(user.id, {"preferences": {"theme": None}}).preferences == {"time_zone": "Asia/Tokyo"}


def test_a_username_can_change_but_not_into_anothers(accounts: AccountService, register: Register) -> None:
    ann, _ = register("ann"), register("ben")
    with pytest.raises(AlreadyTaken):
        accounts.update_profile(ann.id, {"username": "BEN"})
    with pytest.raises(Invalid):
        accounts.update_profile(ann.id, {"username": "bootstrap"})
    accounts.update_profile(ann.id, {"username": "Ann"})
    assert accounts.authenticate("ann", PASSWORD).username == "Ann"


@pytest.mark.parametrize("field", ["role", "is_active", "email", "password_hash", "id", "chat_counter"])
def test_nothing_else_can_be_changed(accounts: AccountService, register: Register, field: str) -> None:
    user = register("ann")
    with pytest.raises(ValueError, match=field):
        accounts.update_profile(user.id, {field: "admin"})


def test_parallel_changes_of_preferences_are_all_kept(accounts: AccountService, register: Register) -> None:
    user = register("ann")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: accounts.update_profile(user.id, {"preferences": {f"p{n}": n}}), range(16)))
    assert accounts.profile(user.id).preferences == {f"p{n}": n for n in range(16)}


def test_there_is_no_public_profile_of_nobody_or_of_a_disabled_account(
    store: Store, accounts: AccountService, register: Register
) -> None:
    user = register("ann")
    assert accounts.public_profile(user.id).username == "ann"
    set_active(store, user, False)
    for user_id in (user.id, new_id(), None):
        with pytest.raises(NotFound):
            accounts.public_profile(user_id)


# --- passwords and the end


def test_a_new_password_ends_all_other_sessions(
    accounts: AccountService, sessions: SessionService, register: Register
) -> None:
    user = register("ann")
    here, other = (sessions.start(user)[0] for _ in range(2))
    with pytest.raises(WrongPassword):
        accounts.change_password(user.id, here.id, "wrong password", "a new password")
    with pytest.raises(Invalid):
        accounts.change_password(user.id, here.id, PASSWORD, "short")
    assert sessions.check(other.id, user.id)
    accounts.change_password(user.id, here.id, PASSWORD, "a new password")
    assert sessions.check(here.id, user.id).username == "ann"
    with pytest.raises(SessionEnded):
        sessions.check(other.id, user.id)
    with pytest.raises(BadCredentials):
        accounts.authenticate("ann", PASSWORD)
    assert accounts.authenticate("ann", "a new password")


def test_a_sign_in_overtaken_by_a_password_change_opens_no_session(
    accounts: AccountService, sessions: SessionService, register: Register
) -> None:
    user = register("ann")
    accounts.change_password(user.id, None, PASSWORD, "a new password")
    with pytest.raises(BadCredentials):
        sessions.start(user)


def test_of_two_parallel_password_changes_one_wins(accounts: AccountService, register: Register) -> None:
    user = register("ann")

    def attempt(number: int) -> bool:
        try:
            accounts.change_password(user.id, None, PASSWORD, f"new password {number}")
        except WrongPassword:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1


def test_deletion_takes_everything_of_the_account_and_nothing_of_others(
    store: Store, accounts: AccountService, sessions: SessionService, stopped: list[UUID], register: Register
) -> None:
    ben, ann = register("ben"), register("ann")
    for user in (ann, ben):
        store.write(lambda work, user=user: _one_row_everywhere(work, user.id))  # type: ignore[misc]
    of_ben = rows_of(store, ben.id)
    assert len(rows_of(store, ann.id)) == sum(owner is not None for owner in OWNERS.values())
    with pytest.raises(WrongPassword):
        accounts.delete(ann.id, "wrong password")
    assert stopped == []
    accounts.delete(ann.id, PASSWORD)
    assert stopped == [ann.id]
    assert rows_of(store, ann.id) == {}
    assert rows_of(store, ben.id) == of_ben
    with pytest.raises(BadCredentials):
        accounts.authenticate("ann", PASSWORD)


def test_of_two_administrators_who_leave_at_once_one_stays(
    store: Store, accounts: AccountService, admin: AdministrationService, register: Register
) -> None:
    both = [register("ann"), admin.create(COMMAND_LINE, NewAccount("ben@example.org", "ben", PASSWORD), "admin")]

    def leave(user: User) -> bool:
        try:
            accounts.delete(user.id, PASSWORD)
        except LastAdmin:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(leave, both)) == 1
    assert len(store.read(lambda work: work.accounts.admins())) == 1


def _one_row_everywhere(work: UnitOfWork, user_id: UUID) -> None:
    """A row for the account in every table that names one, whatever its columns. What it uses up is counted on
    everybody's budget too, which does not go with the account."""
    everybodys = {"id": new_id(), "name": new_id().hex, "scope": "everyone", "unit": "tokens", "period": "day"}
    work.connection.execute(sa.insert(METADATA.tables["budgets"]).values(**everybodys, amount=1))
    ids: dict[str, Any] = {}
    for table in METADATA.sorted_tables:
        if OWNERS[table.name] is None:
            continue
        known = ids | ({"budgets": everybodys["id"]} if "subject" in table.c else {})
        values = {column.name: _value(column, user_id, known) for column in table.c if _wanted(column)}
        ids[table.name] = values.get("id", user_id)
        work.connection.execute(sa.insert(table).values(values))


def _wanted(column: sa.Column[object]) -> bool:
    if column is OWNERS[column.table.name]:
        return True
    return not column.nullable and (column.server_default is None or column.primary_key)


def _value(column: sa.Column[object], user_id: UUID, ids: dict[str, Any]) -> object:
    if column is OWNERS[column.table.name]:
        return user_id
    for key in column.foreign_keys:
        return ids[key.column.table.name]
    for allowed in column.table.constraints:
        if isinstance(allowed, sa.CheckConstraint) and (text := str(allowed.sqltext)).startswith(f"{column.name} IN ("):
            return text.split("'")[1]
    if isinstance(column.type, Json):
        return []
    kind = column.type.python_type if not isinstance(column.type, sa.types.TypeDecorator) else dt.datetime
    made = {UUID: new_id(), str: new_id().hex[: getattr(column.type, "length", None) or 32], int: 1, float: 1.0}
    made |= {dt.datetime: dt.datetime.now(dt.UTC), dt.date: dt.date(2026, 11, 21), bool: True, bytes: b"x"}
    return made[kind]


# --- the command line


def test_an_admin_made_by_hand_counts_as_the_first(admin: AdministrationService, register: Register) -> None:
    made = admin.create(COMMAND_LINE, NewAccount("root@example.org", "root", PASSWORD), "admin")
    assert (made.role, register("ann").role) == ("admin", "member")


def test_promotion_counts_as_the_first_and_bites_at_once(
    accounts: AccountService, admin: AdministrationService, sessions: SessionService, register: Register
) -> None:
    user = admin.create(COMMAND_LINE, NewAccount("ben@example.org", "ben", PASSWORD))
    session, _ = sessions.start(user)
    assert not sessions.check(session.id, user.id).is_admin
    assert admin.change(COMMAND_LINE, accounts.named("ben@example.org").id, {"role": "admin"}).role == "admin"
    assert sessions.check(session.id, user.id).is_admin
    assert register("ann").role == "member"
    with pytest.raises(NotFound):
        accounts.named("nobody")
