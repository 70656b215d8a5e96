"""Administrators: accounts in their hands, one of them always left, everything they do in the audit log."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from api.domain.accounts import Found, User
from api.domain.audit import Actor, Sought
from api.domain.errors import BadCredentials, Invalid, LastAdmin, NotFound
from api.domain.ids import new_id
from api.domain.instance import InstanceSettings
from api.repositories.unit_of_work import Store
from api.services.accounts import AccountService, NewAccount
from api.services.administration import AdministrationService
from api.services.audit import AuditService
from api.services.instance import InstanceService

PASSWORD = "correct horse battery"
ROOT = Actor(None, "root", "192.0.2.7", "request-0001")


@pytest.fixture
def people(admin: AdministrationService) -> dict[str, User]:
    """Two admins and a member."""
    made = {"ann": "admin", "ben": "admin", "cleo": "member"}
    return {
        name: admin.create(ROOT, NewAccount(f"{name}@example.org", name, PASSWORD, f"The {name}%"), role)
        for name, role in made.items()
    }


def entries(store: Store, **sought: Any) -> list[Any]:
    return AuditService(store).page(Sought(**sought)).items


def test_hashing_has_one_bound_for_all(make_app: Any) -> None:
    services = make_app().extensions["parley"]
    assert services.administration._passwords is services.accounts._passwords, "four at a time, whoever hashes"


def test_lists_and_searches(admin: AdministrationService, people: dict[str, User]) -> None:
    assert [user.username for user in admin.users(Found()).items] == ["cleo", "ben", "ann"]
    assert [user.username for user in admin.users(Found(search="LEO@")).items] == ["cleo"]
    assert [user.username for user in admin.users(Found(search="%")).items] == ["cleo", "ben", "ann"]
    assert admin.users(Found(search="_nn")).items == []  # no wildcard of SQL
    assert [user.username for user in admin.users(Found(role="admin")).items] == ["ben", "ann"]
    first = admin.users(Found(limit=2))
    assert first.next_cursor == str(people["ben"].id)
    rest = admin.users(Found(limit=2, before=people["ben"].id))
    assert ([user.username for user in rest.items], rest.next_cursor) == (["ann"], None)
    with pytest.raises(NotFound):
        admin.user(new_id())


def test_who_is_disabled_is_out(
    admin: AdministrationService, accounts: AccountService, sessions: Any, people: dict[str, User], stopped: list[Any]
) -> None:
    session, _ = sessions.start(people["cleo"], None)
    admin.change(ROOT, people["cleo"].id, {"is_active": False})
    assert sessions.open_among({session.id}) == set()
    assert stopped == [people["cleo"].id]
    with pytest.raises(BadCredentials):
        accounts.authenticate("cleo", PASSWORD)
    admin.change(ROOT, people["cleo"].id, {"is_active": True})
    assert accounts.authenticate("cleo", PASSWORD).is_active
    assert sessions.open_among({session.id}) == set(), "what was ended stays ended"


def test_the_last_administrator_stays(admin: AdministrationService, people: dict[str, User]) -> None:
    ann, ben = people["ann"].id, people["ben"].id
    admin.change(ROOT, ben, {"is_active": False})
    for changes in ({"role": "member"}, {"is_active": False}):
        with pytest.raises(LastAdmin):
            admin.change(ROOT, ann, changes)
    with pytest.raises(LastAdmin):
        admin.delete(ROOT, ann)
    admin.change(ROOT, ben, {"is_active": True})
    assert admin.change(ROOT, ann, {"role": "member"}).role == "member"


@pytest.mark.parametrize("round_", range(6))
def test_of_parallel_attempts_on_all_administrators_one_fails(
    store: Store, admin: AdministrationService, accounts: AccountService, people: dict[str, User], round_: int
) -> None:
    """Each takes the other away, in every way there is, also by leaving."""
    ann, ben = people["ann"].id, people["ben"].id
    ways: list[Any] = [
        lambda user: admin.change(ROOT, user, {"role": "member"}),
        lambda user: admin.change(ROOT, user, {"is_active": False}),
        lambda user: admin.delete(ROOT, user),
        lambda user: accounts.delete(user, PASSWORD),
    ]

    def attempt(job: tuple[Any, Any]) -> bool:
        way, user = job
        try:
            way(user)
        except LastAdmin:
            return False
        except NotFound:
            return True
        return True

    jobs = [(way, user) for way in ways[round_ % 4 :] + ways[: round_ % 4] for user in (ann, ben)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, jobs))
    assert not all(results)
    assert len(store.read(lambda work: work.accounts.admins())) == 1


def test_limits_are_merged_and_taken_away(admin: AdministrationService, people: dict[str, User]) -> None:
    cleo = people["cleo"].id
    assert admin.change(ROOT, cleo, {"limits": {"writes": 5}}).limits == {"writes": 5}
    assert admin.change(ROOT, cleo, {"limits": {"generations": 2}}).limits == {"writes": 5, "generations": 2}
    assert admin.change(ROOT, cleo, {"limits": {"writes": None}}).limits == {"generations": 2}
    assert admin.change(ROOT, cleo, {"limits": None}).limits == {}


def test_a_new_password_ends_every_session(
    admin: AdministrationService, accounts: AccountService, sessions: Any, people: dict[str, User]
) -> None:
    session, _ = sessions.start(people["cleo"], None)
    with pytest.raises(Invalid):
        admin.set_password(ROOT, people["cleo"].id, "short")
    admin.set_password(ROOT, people["cleo"].id, "another horse battery")
    assert sessions.open_among({session.id}) == set()
    assert accounts.authenticate("cleo", "another horse battery").id == people["cleo"].id


def test_every_deed_is_in_the_log_and_no_secret(
    store: Store, admin: AdministrationService, people: dict[str, User]
) -> None:
    cleo = people["cleo"].id
    admin.change(ROOT, cleo, {"role": "admin"})
    admin.change(ROOT, cleo, {"role": "admin"})  # nothing changed: nothing to tell
    admin.set_password(ROOT, cleo, "another horse battery")
    admin.delete(ROOT, cleo)
    found = entries(store, target=str(cleo))
    assert [one.action for one in found] == ["user.delete", "user.set_password", "user.change", "user.create"]
    assert {(one.actor.username, one.actor.address, one.actor.request_id) for one in found} == {
        ("root", "192.0.2.7", "request-0001")
    }
    assert found[2].detail == {"role": "admin"}
    assert "horse" not in repr(entries(store))
    assert [one.action for one in entries(store, action="user.c", limit=2)] == ["user.change", "user.create"]
    assert len(entries(store, before=found[0].id)) == len(entries(store)) - 1


def test_a_deed_that_fails_is_not_in_the_log(
    store: Store, admin: AdministrationService, people: dict[str, User]
) -> None:
    before = len(entries(store))
    admin.change(ROOT, people["ben"].id, {"role": "member"})
    with pytest.raises(LastAdmin):
        admin.change(ROOT, people["ann"].id, {"role": "member"})
    assert len(entries(store)) == before + 1


def test_settings_count_in_every_process_and_can_be_taken_back(store: Store) -> None:
    here = InstanceService(store, InstanceSettings(default_model="demo/demo"))
    there = InstanceService(store, InstanceSettings(default_model="demo/demo"))
    here.change(ROOT, {"registration": "closed", "requests_per_hour": 7})
    assert (here.current.registration, here.current.requests_per_hour) == ("closed", 7)
    assert there.refresh() == here.current
    with pytest.raises(Invalid):
        here.change(ROOT, {"default_model": "nothing"})
    with pytest.raises(Invalid):
        here.change(ROOT, {"reset": ["nonsense"]})
    here.change(ROOT, {"reset": ["registration"]})
    assert there.refresh() == InstanceSettings(default_model="demo/demo", requests_per_hour=7)
    assert entries(store, action="settings")[1].detail == {
        "registration": ["open", "closed"],
        "requests_per_hour": [1000, 7],
    }


def test_the_command_line_keeps_the_last_administrator(make_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app: Flask = make_app()
    services = app.extensions["parley"]
    services.accounts.register(NewAccount("ann@example.org", "ann", PASSWORD))
    services.accounts.register(NewAccount("ben@example.org", "ben", PASSWORD))
    app.cli.add_command(_users(monkeypatch))
    runner = app.test_cli_runner()
    for command in (["demote", "ann"], ["disable", "ann@example.org"], ["delete", "ann", "--yes"]):
        result = runner.invoke(args=["users", *command])
        assert result.exit_code == 1, result.output
        assert "only administrator" in result.output
    assert runner.invoke(args=["users", "disable", "ben"]).exit_code == 0
    assert not services.accounts.named("ben").is_active
    assert runner.invoke(args=["users", "enable", "ben"]).exit_code == 0
    assert runner.invoke(args=["users", "delete", "ben", "--yes"]).exit_code == 0
    with pytest.raises(NotFound):
        services.accounts.named("ben")


def _users(monkeypatch: pytest.MonkeyPatch) -> Any:
    module = importlib.import_module("api.cli.users")
    monkeypatch.setattr(module, "upgrade_database", lambda: None)
    return module.users()
