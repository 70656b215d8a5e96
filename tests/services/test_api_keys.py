from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa
import time_machine

from api.domain.accounts import User
from api.domain.audit import COMMAND_LINE
from api.domain.errors import BadCredentials, InsufficientScope, Invalid, NotFound, Unauthenticated
from api.domain.ids import new_id
from api.domain.principal import IMPLIED, Principal, Scope
from api.repositories.unit_of_work import Store
from api.security.tokens import Tokens
from api.services.accounts import AccountService, NewAccount
from api.services.administration import AdministrationService
from api.services.api_keys import ApiKeyService
from tests.services.conftest import PASSWORD

Register = Callable[[str], User]
START = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)


def acting(user: User, scope: Scope = "admin") -> Principal:
    return Principal(user.id, user.username, user.role, IMPLIED[scope])


@pytest.fixture
def user(register: Register) -> User:
    return register("ann")


def statements(store: Store) -> list[str]:
    """What is asked of the database from now on."""
    seen: list[str] = []
    listen = sa.event.listens_for(store.database.reader, "before_cursor_execute")
    listen(lambda conn, cursor, statement, *rest: seen.append(statement))
    return seen


def test_a_key_is_shown_once_and_stored_as_a_hash(store: Store, api_keys: ApiKeyService, user: User) -> None:
    key, text = api_keys.create(acting(user), "laptop", ["chat"])
    assert re.fullmatch(r"parley_[0-9a-f]{12}_[A-Za-z0-9_-]{43}[0-9a-f]{8}", text)
    assert text.startswith(key.prefix)
    assert text.endswith(key.last4)
    rows = str(store.read(lambda work: work.connection.execute(sa.text("SELECT * FROM api_keys")).all()))
    assert text not in rows
    assert text[20:63] not in rows + repr(key) + repr(api_keys.list(user.id))
    assert api_keys.list(user.id) == [key]


def test_a_key_makes_a_principal_in_one_query(store: Store, api_keys: ApiKeyService, user: User) -> None:
    key, text = api_keys.create(acting(user), "laptop", ["chat"])
    seen = statements(store)
    who = api_keys.authenticate(text)
    assert len(seen) == 1
    assert (who.user_id, who.api_key_id, who.session_id, who.scopes) == (user.id, key.id, None, {"read", "chat"})


def test_typos_are_refused_without_a_query(store: Store, api_keys: ApiKeyService, user: User) -> None:
    _, text = api_keys.create(acting(user), "laptop", ["chat"])
    swapped = text[:30] + text[31] + text[30] + text[32:] if text[30] != text[31] else text[:-1]
    seen = statements(store)
    for wrong in ("", "x", text[:-1], text + "0", swapped, text.upper(), "sk-" + text, f"{text}\0", "é" * 70):
        with pytest.raises(Unauthenticated):
            api_keys.authenticate(wrong)
    assert seen == []


def test_an_unknown_key_of_the_right_form_is_refused(store: Store, api_keys: ApiKeyService, user: User) -> None:
    _, text = ApiKeyService(store, Tokens("q" * 64)).create(acting(user), "other pepper", ["chat"])
    with pytest.raises(Unauthenticated):
        api_keys.authenticate(text)


@pytest.mark.parametrize("maker", ["read", "chat", "admin"])
@pytest.mark.parametrize("wanted", ["read", "chat", "admin"])
def test_a_key_may_not_do_more_than_its_maker(api_keys: ApiKeyService, user: User, maker: Scope, wanted: Scope) -> None:
    if wanted in IMPLIED[maker]:
        _, text = api_keys.create(acting(user, maker), "k", [wanted])
        assert api_keys.authenticate(text).scopes == IMPLIED[wanted]
    else:
        with pytest.raises(InsufficientScope):
            api_keys.create(acting(user, maker), "k", [wanted])


def test_a_key_without_scopes_is_refused(api_keys: ApiKeyService, user: User) -> None:
    with pytest.raises(InsufficientScope):
        api_keys.create(acting(user), "k", [])


def test_a_key_may_not_outlive_the_key_that_made_it(api_keys: ApiKeyService, user: User) -> None:
    with time_machine.travel(START, tick=False):
        soon = START + dt.timedelta(days=1)
        key, text = api_keys.create(acting(user), "maker", ["admin"], soon)
        maker = api_keys.authenticate(text)
        for later in (None, soon + dt.timedelta(seconds=1)):
            with pytest.raises(InsufficientScope):
                api_keys.create(maker, "child", ["admin"], later)
        assert api_keys.create(maker, "child", ["admin"], soon)[0].expires_at == soon
        api_keys.revoke(user.id, key.id)
        with pytest.raises(Unauthenticated):
            api_keys.create(maker, "child", ["admin"], soon)


def test_a_key_ends_when_it_was_told_to(api_keys: ApiKeyService, user: User) -> None:
    with time_machine.travel(START, tick=False) as clock:
        with pytest.raises(Invalid):
            api_keys.create(acting(user), "k", ["read"], START)
        key, text = api_keys.create(acting(user), "k", ["read"], START + dt.timedelta(hours=1))
        clock.shift(3599)
        assert api_keys.authenticate(text)
        assert api_keys.good_among({key.id, new_id()}) == {key.id}
        clock.shift(1)
        with pytest.raises(Unauthenticated):
            api_keys.authenticate(text)
        assert api_keys.good_among({key.id}) == set()
        assert [listed.id for listed in api_keys.list(user.id)] == [key.id]


def test_revoking_bites_at_once_and_only_for_the_owner(api_keys: ApiKeyService, user: User, register: Register) -> None:
    key, text = api_keys.create(acting(user), "k", ["read"])
    for user_id, key_id in ((register("ben").id, key.id), (user.id, new_id()), (user.id, None)):
        with pytest.raises(NotFound):
            api_keys.revoke(user_id, key_id)
    assert api_keys.authenticate(text)
    api_keys.revoke(user.id, key.id)
    with pytest.raises(Unauthenticated):
        api_keys.authenticate(text)
    assert api_keys.list(user.id) == []
    assert api_keys.good_among({key.id}) == set()


def test_a_disabled_account_has_no_good_keys(store: Store, api_keys: ApiKeyService, user: User) -> None:
    key, text = api_keys.create(acting(user), "k", ["read"])
    store.write(lambda work: work.accounts.update(user.id, {"is_active": False}))
    with pytest.raises(Unauthenticated):
        api_keys.authenticate(text)
    assert api_keys.good_among({key.id}) == set()


def test_the_last_use_is_written_at_most_once_a_minute(api_keys: ApiKeyService, user: User) -> None:
    def last_used() -> dt.datetime | None:
        return api_keys.list(user.id)[0].last_used_at

    with time_machine.travel(START, tick=False) as clock:
        _, text = api_keys.create(acting(user), "k", ["read"])
        api_keys.flush_last_used()
        assert last_used() is None
        api_keys.authenticate(text)
        assert last_used() is None
        api_keys.flush_last_used()
        assert last_used() == START
        clock.shift(59)
        api_keys.authenticate(text)
        api_keys.flush_last_used()
        assert last_used() == START
        clock.shift(1)
        api_keys.authenticate(text)
        api_keys.flush_last_used()
        assert last_used() == START + dt.timedelta(seconds=60)


# --- API_KEY of the environment


@pytest.mark.parametrize("secret", ["any text of the operator's own", "parley_000000000000_" + "A" * 51])
def test_the_environments_key_acts_for_bootstrap(api_keys: ApiKeyService, secret: str) -> None:
    with pytest.raises(Unauthenticated):
        api_keys.authenticate(secret)
    for _ in range(2):
        api_keys.bootstrap(secret)
    who = api_keys.authenticate(secret)
    assert (who.username, who.role, who.is_admin) == ("bootstrap", "member", False)
    assert len(api_keys.list(who.user_id)) == 1
    with pytest.raises(Unauthenticated):
        api_keys.authenticate(secret + "x")


def test_bootstrap_is_nobodys_account_and_never_the_first(
    accounts: AccountService, admin: AdministrationService, api_keys: ApiKeyService, register: Register
) -> None:
    api_keys.bootstrap("0123456789abcdef0123")
    for identifier in ("bootstrap", "bootstrap@parley.invalid"):
        for password in ("", "!", PASSWORD):
            with pytest.raises(BadCredentials):
                accounts.authenticate(identifier, password)
    with pytest.raises(Invalid):
        admin.create(COMMAND_LINE, NewAccount("b@example.org", "Bootstrap", PASSWORD))
    assert register("ann").role == "admin"


def test_processes_that_start_together_register_one_key(store: Store, tokens: Tokens) -> None:
    services = [ApiKeyService(store, tokens) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda service: service.bootstrap("0123456789abcdef0123"), services))
    who = services[0].authenticate("0123456789abcdef0123")
    assert {service.authenticate("0123456789abcdef0123").api_key_id for service in services} == {who.api_key_id}
    assert len(services[0].list(who.user_id)) == 1


def test_a_changed_key_revokes_the_old_one_and_what_it_made(api_keys: ApiKeyService) -> None:
    api_keys.bootstrap("first key of the operator")
    _, made = api_keys.create(api_keys.authenticate("first key of the operator"), "made", ["read"])
    api_keys.bootstrap("first key of the operator")
    assert api_keys.authenticate(made)
    api_keys.bootstrap("second key of the operator")
    for gone in ("first key of the operator", made):
        with pytest.raises(Unauthenticated):
            api_keys.authenticate(gone)
    assert api_keys.authenticate("second key of the operator")
    api_keys.bootstrap("first key of the operator")
    assert api_keys.authenticate("first key of the operator")


def test_no_key_in_the_environment_leaves_none_that_counts(store: Store, tokens: Tokens) -> None:
    first = ApiKeyService(store, tokens)
    first.bootstrap("")
    assert store.read(lambda work: work.accounts.by_username("bootstrap")) is None
    first.bootstrap("first key of the operator")
    ApiKeyService(store, tokens).bootstrap("")
    with pytest.raises(Unauthenticated):
        first.authenticate("first key of the operator")


def test_the_role_of_the_key_is_the_accounts_role_now(
    admin: AdministrationService, api_keys: ApiKeyService, register: Register
) -> None:
    register("ann")
    ben = register("ben")
    _, text = api_keys.create(acting(replace(ben)), "k", ["admin"])
    assert not api_keys.authenticate(text).is_admin
    admin.change(COMMAND_LINE, ben.id, {"role": "admin"})
    assert api_keys.authenticate(text).is_admin
