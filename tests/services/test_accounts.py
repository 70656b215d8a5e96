from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.domain.accounts import User
from api.domain.audit import COMMAND_LINE
from api.domain.errors import (
    AlreadyTaken,
    BadCredentials,
    Invalid,
    RegistrationClosed,
    SetupCodeRequired,
)
from api.repositories.unit_of_work import Store
from api.services.accounts import AccountService, NewAccount
from api.services.administration import AdministrationService
from tests.services.conftest import PASSWORD, CountingPasswords

Register = Callable[[str], User]


def set_active(store: Store, user: User, active: bool) -> None:
    store.write(lambda work: work.accounts.update(user.id, {"is_active": active}))


# --- registering


def test_the_first_account_is_the_admin_and_the_next_is_not(register: Register) -> None:
    assert [register(name).role for name in ("ann", "ben", "cyd")] == ["admin", "member", "member"]


def test_of_twenty_parallel_registrations_one_becomes_the_admin(store: Store, register: Register) -> None:
    with ThreadPoolExecutor(20) as pool:
        users = list(pool.map(register, [f"user{number}" for number in range(20)]))
    assert Counter(user.role for user in users) == {"admin": 1, "member": 19}
    stored = store.read(lambda work: [work.accounts.get(user.id) for user in users])
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
    admin: AdministrationService, register: Register
) -> None:
    admin.create(COMMAND_LINE, NewAccount("ben@example.org", "ben", PASSWORD))
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
    closed = AccountService(store, passwords, stop_runs=print, registration_open=lambda: False)
    with pytest.raises(RegistrationClosed):
        closed.register(ann)
    coded = AccountService(store, passwords, stop_runs=print, registration_open=lambda: False, setup_code="c0de")
    with pytest.raises(SetupCodeRequired):
        coded.register(ann)
    assert coded.register(ann, "c0de").role == "admin"
    with pytest.raises(RegistrationClosed):
        coded.register(ben, "c0de")


def test_parallel_holders_of_the_code_make_one_admin(store: Store, passwords: CountingPasswords) -> None:
    coded = AccountService(store, passwords, stop_runs=print, registration_open=lambda: False, setup_code="c0de")

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
    store.write(lambda work: work.accounts.update(work.accounts.by_username("cyd").id, {"password_hash": "!"}))  # type: ignore[union-attr]
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
