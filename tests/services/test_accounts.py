from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
import sqlalchemy as sa

from api.domain.accounts import User
from api.domain.errors import (
    AlreadyTaken,
    BadCredentials,
    Invalid,
    NotFound,
    RegistrationClosed,
    SessionEnded,
    SetupCodeRequired,
    WrongPassword,
)
from api.domain.ids import new_id
from api.models import Base
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.accounts import AccountService, NewAccount
from api.services.sessions import SessionService
from tests.services.conftest import PASSWORD, CountingPasswords

Register = Callable[[str], User]


def rows_of(store: Store, user_id: UUID) -> dict[str, int]:
    """How many rows each table holds for the account."""

    def count(uow: UnitOfWork) -> dict[str, int]:
        tables = [table for table in Base.metadata.sorted_tables if "user_id" in table.c]
        counts = {
            table.name: uow.connection.execute(
                sa.select(sa.func.count()).select_from(table).where(table.c.user_id == user_id)
            ).scalar_one()
            for table in tables
        }
        return {name: number for name, number in counts.items() if number}

    return store.read(count)


def set_active(store: Store, user: User, active: bool) -> None:
    store.write(lambda uow: uow.accounts.update(user.id, {"is_active": active}))


# --- registering


def test_the_first_account_is_the_admin_and_the_next_is_not(register: Register) -> None:
    assert [register(name).role for name in ("ann", "ben", "cyd")] == ["admin", "member", "member"]


def test_of_twenty_parallel_registrations_one_becomes_the_admin(store: Store, register: Register) -> None:
    with ThreadPoolExecutor(20) as pool:
        users = list(pool.map(register, [f"user{number}" for number in range(20)]))
    assert Counter(user.role for user in users) == {"admin": 1, "member": 19}
    stored = store.read(lambda uow: [uow.accounts.get(user.id) for user in users])
    assert stored == users


def test_of_parallel_registrations_of_one_name_one_succeeds(accounts: AccountService) -> None:
    def attempt(number: int) -> str:
        try:
            accounts.register(NewAccount(f"ann{number}@example.org", ("ann", "ANN")[number % 2], PASSWORD))
        except AlreadyTaken:
            return "taken"
        return "registered"

    with ThreadPoolExecutor(10) as pool:
        assert Counter(pool.map(attempt, range(10))) == {"registered": 1, "taken": 9}


@pytest.mark.parametrize(
    ("email", "username", "field"), [("ANN@example.org", "ben", "email"), ("b@x.org", "Ann", "username")]
)
def test_names_are_taken_whatever_their_case(
    accounts: AccountService, register: Register, email: str, username: str, field: str
) -> None:
    register("ann")
    with pytest.raises(AlreadyTaken) as refusal:
        accounts.register(NewAccount(email, username, PASSWORD))
    assert refusal.value.extra["errors"][0]["pointer"] == f"/{field}"


def test_a_refused_first_registration_leaves_the_admin_to_the_next(
    store: Store, accounts: AccountService, register: Register
) -> None:
    accounts.create_by_admin(NewAccount("ben@example.org", "ben", PASSWORD))
    with pytest.raises(AlreadyTaken):
        register("ben")
    assert register("ann").role == "admin"


@pytest.mark.parametrize(
    ("email", "username", "password"),
    [
        ("ann", "ann", PASSWORD),
        ("ann@", "ann", PASSWORD),
        ("ann@exa mple.org", "ann", PASSWORD),
        ("ann@example..org", "ann", PASSWORD),
        ("ann@example.org\n", "ann", PASSWORD),
        ("änn@example.org", "ann", PASSWORD),
        ("a" * 65 + "@example.org", "ann", PASSWORD),
        ("a@" + ".".join(["b" * 60] * 5), "ann", PASSWORD),
        ("ann@parley.invalid", "ann", PASSWORD),
        ("ann@example.org", "an", PASSWORD),
        ("ann@example.org", "ann\n", PASSWORD),
        ("ann@example.org", "ann@x", PASSWORD),
        ("ann@example.org", "a" * 51, PASSWORD),
        ("ann@example.org", "Bootstrap", PASSWORD),
        ("ann@example.org", "anonymous", PASSWORD),
        ("ann@example.org", "ann", "1234567"),
        ("ann@example.org", "ann", "x" * 201),
        ("ann@example.org", "ann", "12345678\0"),
        ("ann@example.org", "ann", "12345678\ud800"),
    ],
)
def test_what_is_refused(accounts: AccountService, email: str, username: str, password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        accounts.register(NewAccount(email, username, password))
    assert password not in str(refusal.value.extra) + refusal.value.detail


def test_the_password_is_stored_as_argon2id_and_never_shown(accounts: AccountService, register: Register) -> None:
    user = register("ann")
    assert user.password_hash.startswith("$argon2id$")
    assert user.password_hash not in repr(user)
    assert PASSWORD not in repr(NewAccount("ann@example.org", "ann", PASSWORD))


def test_the_first_account_needs_the_set_up_code_where_there_is_one(store: Store, passwords: CountingPasswords) -> None:
    guarded = AccountService(store, passwords, stop_runs=print, setup_code="c0de")
    ann, ben = NewAccount("ann@example.org", "ann", PASSWORD), NewAccount("ben@example.org", "ben", PASSWORD)
    for code in (None, "", "c0d", "c0de\n"):
        with pytest.raises(SetupCodeRequired):
            guarded.register(ann, code)
    assert guarded.register(ann, "c0de").role == "admin"
    assert guarded.register(ben).role == "member"


def test_closed_registration_admits_only_the_holder_of_the_set_up_code(
    store: Store, passwords: CountingPasswords
) -> None:
    ann, ben = NewAccount("ann@example.org", "ann", PASSWORD), NewAccount("ben@example.org", "ben", PASSWORD)
    closed = AccountService(store, passwords, stop_runs=print, registration_open=False)
    with pytest.raises(RegistrationClosed):
        closed.register(ann)
    coded = AccountService(store, passwords, stop_runs=print, registration_open=False, setup_code="c0de")
    with pytest.raises(SetupCodeRequired):
        coded.register(ann)
    assert coded.register(ann, "c0de").role == "admin"
    with pytest.raises(RegistrationClosed):
        coded.register(ben, "c0de")


def test_parallel_holders_of_the_code_make_one_admin(store: Store, passwords: CountingPasswords) -> None:
    coded = AccountService(store, passwords, stop_runs=print, registration_open=False, setup_code="c0de")

    def attempt(number: int) -> str:
        try:
            return coded.register(NewAccount(f"u{number}@example.org", f"user{number}", PASSWORD), "c0de").role
        except RegistrationClosed:
            return "closed"

    with ThreadPoolExecutor(10) as pool:
        assert Counter(pool.map(attempt, range(10))) == {"admin": 1, "closed": 9}


# --- being recognised


@pytest.mark.parametrize("identifier", ["ann", "ANN", "ann@example.org", "Ann@Example.ORG"])
def test_one_signs_in_by_name_or_address(accounts: AccountService, register: Register, identifier: str) -> None:
    user = register("ann")
    assert accounts.authenticate(identifier, PASSWORD) == user


def test_unknown_wrong_and_disabled_are_the_same_and_cost_the_same(
    store: Store, accounts: AccountService, passwords: CountingPasswords, register: Register
) -> None:
    register("ann")
    set_active(store, register("ben"), False)
    register("cyd")
    store.write(lambda uow: uow.accounts.update(uow.accounts.by_username("cyd").id, {"password_hash": "!"}))  # type: ignore[union-attr]
    seen = set()
    attempts = [
        ("nobody", PASSWORD), ("nobody@example.org", PASSWORD), ("ann", "wrong password"), ("ben", PASSWORD),
        ("ben", "wrong password"), ("cyd", PASSWORD), ("", PASSWORD), ("a\0b", PASSWORD), ("' OR 1=1 --", PASSWORD),
    ]  # fmt: skip
    for identifier, password in attempts:
        passwords.verified = 0
        with pytest.raises(BadCredentials) as refusal:
            accounts.authenticate(identifier, password)
        seen.add((refusal.value.status, refusal.value.code, refusal.value.detail, passwords.verified))
    assert len(seen) == 1
    passwords.verified = 0
    accounts.authenticate("ann", PASSWORD)
    assert passwords.verified == 1


def test_a_hash_with_old_parameters_is_renewed_at_the_next_sign_in(store: Store, register: Register) -> None:
    register("ann")
    renewed = AccountService(store, CountingPasswords(time_cost=2), stop_runs=print)
    first = renewed.authenticate("ann", PASSWORD)
    assert "t=2" in first.password_hash
    assert renewed.authenticate("ann", PASSWORD).password_hash == first.password_hash


# --- profiles


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
    ann, ben = register("ann"), register("ben")
    for user in (ann, ben):
        store.write(lambda uow, user=user: _one_row_everywhere(uow, user.id))  # type: ignore[misc]
    of_ben = rows_of(store, ben.id)
    assert len(rows_of(store, ann.id)) == len([t for t in Base.metadata.tables.values() if "user_id" in t.c])
    with pytest.raises(WrongPassword):
        accounts.delete(ann.id, "wrong password")
    assert stopped == []
    accounts.delete(ann.id, PASSWORD)
    assert stopped == [ann.id]
    assert rows_of(store, ann.id) == {}
    assert rows_of(store, ben.id) == of_ben
    with pytest.raises(BadCredentials):
        accounts.authenticate("ann", PASSWORD)


def _one_row_everywhere(uow: UnitOfWork, user_id: UUID) -> None:
    """A row for the account in every table that has a `user_id`, whatever its columns."""
    ids: dict[str, UUID] = {}
    for table in Base.metadata.sorted_tables:
        if "user_id" not in table.c:
            continue
        values = {column.name: _value(column, user_id, ids) for column in table.c if _wanted(column)}
        ids[table.name] = values.get("id", user_id)
        uow.connection.execute(sa.insert(table).values(values))


def _wanted(column: sa.Column[object]) -> bool:
    return not column.nullable and (column.server_default is None or column.primary_key)


def _value(column: sa.Column[object], user_id: UUID, ids: dict[str, UUID]) -> object:
    if column.name == "user_id":
        return user_id
    for key in column.foreign_keys:
        return ids[key.column.table.name]
    for allowed in column.table.constraints:
        if isinstance(allowed, sa.CheckConstraint) and (text := str(allowed.sqltext)).startswith(f"{column.name} IN ("):
            return text.split("'")[1]
    kind = column.type.python_type if not isinstance(column.type, sa.types.TypeDecorator) else dt.datetime
    made = {UUID: new_id(), str: new_id().hex[: getattr(column.type, "length", None) or 32], int: 1, float: 1.0}
    made |= {dt.datetime: dt.datetime.now(dt.UTC), bool: True, object: [], bytes: b"x"}
    return made[kind]


# --- the command line


def test_an_admin_made_by_hand_counts_as_the_first(accounts: AccountService, register: Register) -> None:
    made = accounts.create_by_admin(NewAccount("root@example.org", "root", PASSWORD), "admin")
    assert (made.role, register("ann").role) == ("admin", "member")


def test_promotion_counts_as_the_first_and_bites_at_once(
    accounts: AccountService, sessions: SessionService, register: Register
) -> None:
    user = accounts.create_by_admin(NewAccount("ben@example.org", "ben", PASSWORD))
    session, _ = sessions.start(user)
    assert not sessions.check(session.id, user.id).is_admin
    assert accounts.promote("ben@example.org").role == "admin"
    assert sessions.check(session.id, user.id).is_admin
    assert register("ann").role == "member"
    with pytest.raises(NotFound):
        accounts.promote("nobody")


def test_a_password_reset_ends_every_session(
    accounts: AccountService, sessions: SessionService, register: Register
) -> None:
    user = register("ann")
    session, _ = sessions.start(user)
    accounts.reset_password("ann", "another password")
    with pytest.raises(SessionEnded):
        sessions.check(session.id, user.id)
    assert accounts.authenticate("ann", "another password").id == user.id
