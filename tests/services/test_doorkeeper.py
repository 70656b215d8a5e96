"""Who may no longer read is shown out, whatever else the process has to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from api.domain.accounts import User
from api.domain.ids import new_id
from api.repositories.unit_of_work import Store
from api.services.generations import janitor
from api.services.housekeeping import Housekeeping
from api.services.rate_limits import RateLimitService
from api.services.retention import RetentionService
from api.services.slack import SlackService
from tests.conftest import ON_SQLITE
from tests.server import until
from tests.services.machine import FOR_EVER, Machine, principal, text
from tests.services.whole import Whole


class Slow:
    """Housekeeping that is at it until the test's end."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.over = threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        self.over.wait(60)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def machine(store: Store, slow: Slow) -> Iterator[Machine]:
    machine = Machine(store, housekeeping=lambda: Housekeeping(often=[slow]))
    machine.generations.start()
    yield machine
    slow.over.set()
    machine.generations.stop()


@ON_SQLITE
def test_housekeeping_holds_up_no_door(machine: Machine, slow: Slow, register: Callable[[str], User]) -> None:
    user = register("ann")
    ann = replace(principal(user.id, user.username), session_id=new_id())
    other_tab = replace(ann, session_id=new_id())
    sent = machine.send(ann, machine.chat(ann), text("a"), FOR_EVER)
    out, others = threading.Event(), threading.Event()
    for who, told in ((ann, out), (other_tab, others)):
        follower = machine.generations.follow(who, str(sent.generation_id))
        follower.revoked = lambda follower=follower, told=told: (follower.close(), told.set())
    assert slow.begun.wait(60)
    machine.signed_out.add(ann.session_id)
    assert out.wait(60)
    assert not others.is_set()


@ON_SQLITE
def test_what_is_long_at_it_keeps_nobody_from_new_settings(
    make_app: Callable[..., Flask], slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither pruning nor what is done each second; and what fails keeps nothing else from its turn."""
    tended, failed = Slow(), threading.Event()
    monkeypatch.setattr(janitor, "SELDOM_SECONDS", 0.01)
    monkeypatch.setattr(RetentionService, "prune", lambda _: slow())
    monkeypatch.setattr(SlackService, "tend", lambda _: tended())

    def fail(_: RateLimitService) -> None:
        failed.set()
        raise RuntimeError("a purge that fails")

    monkeypatch.setattr(RateLimitService, "purge", fail)
    whole = Whole(make_app())
    try:
        assert failed.wait(60)
        assert slow.begun.wait(60)
        assert tended.begun.wait(60)
        store = whole.services.chats._store
        store.write(lambda work: work.instance.set({"default_model": "demo/changed"}, set()))
        until(lambda: whole.services.instance.current.default_model == "demo/changed")
    finally:
        slow.over.set()
        tended.over.set()
