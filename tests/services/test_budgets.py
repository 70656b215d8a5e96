"""Budgets: never a call more than they cover, nothing lost, nothing kept back, nothing held while a provider works."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from api.domain import clock
from api.domain.accounts import User
from api.domain.audit import Actor
from api.domain.budgets import INSTANCE, Budget, BudgetState, applicable
from api.domain.errors import BudgetExceeded, Invalid, NotFound, PriceUnknown, ProviderUnavailable
from api.domain.events import Usage
from api.domain.ids import new_id
from api.domain.model_facts import Facts, Rate, Rates
from api.domain.money import to_units
from api.domain.principal import Principal
from api.models.budgets import BUDGET_COUNTERS, RESERVATIONS
from api.models.generations import GENERATIONS
from api.repositories.unit_of_work import Store
from api.services.accounts import AccountService
from tests.conftest import ON_POSTGRESQL
from tests.server import until
from tests.services.conftest import PASSWORD, CountingPasswords
from tests.services.machine import FOR_EVER, Machine, principal, text, waited
from tests.services.spend import ESTIMATE, spend, spend_from_process

ROOT = Actor(None, "root")
COUNTERS, LEDGER = BUDGET_COUNTERS, GENERATIONS
PRICES = Rates(Rate(Decimal("3")), Rate(Decimal("15")), "hand")


def budget(amount: int, **more: Any) -> Budget:
    given: dict[str, Any] = {"scope": "everyone", "user_id": None, "unit": "tokens", "period": "month"}
    return Budget(id=new_id(), amount=amount, **(given | more))


@pytest.fixture
def ann(register: Callable[[str], User]) -> Principal:
    user = register("ann")
    return principal(user.id, user.username)


@pytest.fixture
def machine(store: Store) -> Iterator[Machine]:
    machine = Machine(store)
    machine.generations.start()
    yield machine
    machine.generations.stop()


def state(machine: Machine, who: Principal) -> BudgetState:
    (found,) = machine.budgets.states(who)
    return found


def books(store: Store) -> dict[str, int]:
    """The counters' sums, the reservations', and the ledger's."""
    with store.database.reader.connect() as connection:

        def total(value: Any) -> int:
            return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(value), 0))).scalar_one())

        ledger = sa.func.coalesce(LEDGER.c.prompt_tokens, 0) + sa.func.coalesce(LEDGER.c.completion_tokens, 0)
        return {
            "used": total(COUNTERS.c.used),
            "reserved": total(COUNTERS.c.reserved),
            "held": total(RESERVATIONS.c.amount),
            "ledger": total(ledger),
            "calls": int(connection.execute(sa.select(sa.func.count()).select_from(LEDGER)).scalar_one()),
        }


def test_64_threads_against_a_budget_for_20_calls(machine: Machine, store: Store, ann: Principal) -> None:
    machine.budgets.put(ROOT, budget(20 * ESTIMATE + ESTIMATE - 1))
    assert spend(machine, ann, 64) == 20
    assert books(store) == {"used": 0, "reserved": 20 * ESTIMATE, "held": 20 * ESTIMATE, "ledger": 0, "calls": 20}
    machine.generations.stop_all(ann.user_id, seconds=60)
    found = books(store)
    assert (found["reserved"], found["held"]) == (0, 0)
    assert found["used"] == found["ledger"] == 20 * 10, "the prompts of the calls that were stopped"


@ON_POSTGRESQL
def test_64_threads_in_four_processes(store: Store, database_url: str, ann: Principal) -> None:
    machine = Machine(store)
    machine.budgets.put(ROOT, budget(20 * ESTIMATE))
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, ProcessPoolExecutor(4, mp_context=spawn) as processes:
        together, done = manager.Barrier(4), manager.Barrier(4)
        runs = [
            processes.submit(spend_from_process, database_url, ann.user_id, 16, together, done)  # type: ignore[arg-type]
            for _ in range(4)
        ]
        admitted = [run.result(timeout=240) for run in runs]
    assert sum(admitted) == 20
    found = books(store)
    assert found["calls"] == 20
    assert (found["reserved"], found["held"]) == (0, 0)
    assert found["used"] == found["ledger"]


def test_what_a_killed_process_put_aside_comes_back(
    machine: Machine, store: Store, database_url: str, ann: Principal
) -> None:
    """By expiry alone: nobody here recovers the dead one's replies."""
    machine.budgets.put(ROOT, budget(ESTIMATE))
    machine.generations._janitor.stop()
    command = [sys.executable, "-m", "tests.services.spend", database_url, str(ann.user_id), "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"reserved\n"
        process.send_signal(signal.SIGKILL)
    assert state(machine, ann).reserved == ESTIMATE
    with pytest.raises(BudgetExceeded):
        machine.send(ann, machine.chat(ann), text("no"))
    waited(machine.budgets.expire, "the reservation's end")
    assert (state(machine, ann).reserved, books(store)["held"]) == (0, 0)
    sent = machine.send(ann, machine.chat(ann), text("yes"))
    assert machine.ended(ann, sent.generation_id).status == "complete"


def test_a_call_that_ends_after_its_reservation_expired_is_counted_once(store: Store, ann: Principal) -> None:
    machine = Machine(store, hold_seconds=-1.0)
    machine.generations.start()
    machine.budgets.put(ROOT, budget(10 * ESTIMATE))
    sent = machine.send(ann, machine.chat(ann), (0.0, (Usage(100, 20),)), text("x"), FOR_EVER)
    run = machine.generations._runs[sent.generation_id]
    until(lambda: any(kind == "delta" for kind, _ in run.log.events))  # the usage came before it
    assert machine.budgets.expire() == 1
    assert state(machine, ann).reserved == 0
    machine.generations.stop_reply(ann, str(sent.generation_id))
    machine.ended(ann, sent.generation_id)
    assert (state(machine, ann).used, state(machine, ann).reserved) == (120, 0)
    machine.generations.stop()


def test_a_refused_call_consumes_nothing(machine: Machine, store: Store, ann: Principal) -> None:
    machine.budgets.put(ROOT, budget(ESTIMATE - 1))
    machine.budgets.put(ROOT, budget(10**9, scope="instance"))
    chat = machine.chat(ann)
    limits = machine.messages._turns._rate_limits
    before = limits.look(ann)
    with pytest.raises(BudgetExceeded) as caught:
        machine.send(ann, chat, text("no"))
    assert caught.value.problem()["budget"] == "tokens-month"
    assert caught.value.retry_after > 0
    assert books(store) == {"used": 0, "reserved": 0, "held": 0, "ledger": 0, "calls": 0}
    assert [one.remaining for one in limits.look(ann)] == [one.remaining for one in before]
    assert store.read(lambda work: work.chats.get_owned(chat, ann.user_id)).last_seq == 0  # type: ignore[union-attr]


def test_settled_to_what_was_used_and_given_back_when_it_failed(machine: Machine, ann: Principal) -> None:
    machine.budgets.put(ROOT, budget(10 * ESTIMATE))
    used = machine.send(ann, machine.chat(ann), (0.0, (Usage(1000, 200),)), text("x"))
    machine.ended(ann, used.generation_id)
    assert (state(machine, ann).used, state(machine, ann).reserved) == (1200, 0)
    failed = machine.send(ann, machine.chat(ann), (0.0, (ProviderUnavailable("gone"),)))
    machine.ended(ann, failed.generation_id)
    assert (state(machine, ann).used, state(machine, ann).reserved) == (1200, 0)


def test_recovery_settles_too(machine: Machine, store: Store, ann: Principal) -> None:
    machine.budgets.put(ROOT, budget(10 * ESTIMATE))
    machine.send(ann, machine.chat(ann), FOR_EVER)
    assert state(machine, ann).reserved == ESTIMATE
    other = Machine(store)
    assert other.generations.recovery.recover(machine.owner) == 1
    assert state(machine, ann).reserved == 0


@pytest.mark.parametrize("stops_first", [True, False], ids=["stopped first", "still running"])
def test_a_deleted_accounts_counters_go_and_stay_gone(
    machine: Machine,
    store: Store,
    ann: Principal,
    passwords: CountingPasswords,
    register: Callable[[str], User],
    stops_first: bool,
) -> None:
    """Also where a call outlives the account: its end is nobody's, and the others' ends are stored."""
    ben = register("ben")
    who = principal(ben.id, "ben")
    machine.budgets.put(ROOT, budget(10 * ESTIMATE))
    machine.ended(who, machine.send(who, machine.chat(who), text("x")).generation_id)
    sent, other = (machine.send(one, machine.chat(one), text("x"), FOR_EVER) for one in (who, ann))
    stop_runs: Any = machine.generations.stop_all if stops_first else lambda user_id: None
    AccountService(store, passwords, stop_runs=stop_runs).delete(ben.id, PASSWORD)
    of_ben = sa.select(COUNTERS.c.subject).where(COUNTERS.c.subject == ben.id)
    of_ben = of_ben.union(sa.select(RESERVATIONS.c.subject).where(RESERVATIONS.c.subject == ben.id))
    assert store.read(lambda work: work.connection.execute(of_ben).all()) == []
    if run := machine.generations._runs.get(sent.generation_id):
        run.stop_requested()
        waited(lambda: sent.generation_id not in machine.generations._runs, "the end of a run without an account")
    machine.generations.stop_reply(ann, str(other.generation_id))
    assert machine.ended(ann, other.generation_id).status == "stopped"
    assert store.read(lambda work: work.connection.execute(of_ben).all()) == []
    found = books(store)
    assert (found["used"], found["reserved"], found["held"]) == (found["ledger"], 0, 0)


def test_money(machine: Machine, ann: Principal) -> None:
    """10 × 3 + 4096 × 15 = 61,470 millionths of a dollar are put aside; 1000 × 3 + 200 × 15 = 6,000 are spent."""
    original = machine._configs.target
    priced = Facts(rates=PRICES)
    machine._configs.target = lambda *a: replace(original(*a), facts=priced)  # type: ignore[method-assign]
    machine.budgets.put(ROOT, budget(to_units(Decimal("0.1")), unit="cost", period="day"))
    sent = machine.send(ann, machine.chat(ann), (0.0, (Usage(1000, 200),)), text("x"), FOR_EVER)
    assert state(machine, ann).reserved == to_units(Decimal("0.06147"))
    with pytest.raises(BudgetExceeded, match=r"\$0\.1 a day"):
        machine.send(ann, machine.chat(ann), text("no"))
    run = machine.generations._runs[sent.generation_id]
    until(lambda: any(kind == "delta" for kind, _ in run.log.events))  # the usage came before it
    machine.generations.stop_reply(ann, str(sent.generation_id))
    cost = machine.ended(ann, sent.generation_id).cost
    assert cost == Decimal("0.006")
    assert (state(machine, ann).used, state(machine, ann).reserved) == (to_units(cost), 0)


def test_a_model_of_unknown_price_is_refused_where_money_is_counted(machine: Machine, ann: Principal) -> None:
    original = machine._configs.target
    machine._configs.target = lambda *a: replace(  # type: ignore[method-assign]
        original(*a), vendor=replace(original(*a).vendor, id="custom"), model="nobody-knows", facts=Facts()
    )
    machine.budgets.put(ROOT, budget(10**15))
    machine.ended(ann, machine.send(ann, machine.chat(ann), text("tokens are known")).generation_id)
    machine.budgets.put(ROOT, budget(10**15, unit="cost"))
    with pytest.raises(PriceUnknown, match="custom/nobody-knows"):
        machine.send(ann, machine.chat(ann), text("no"))


def test_one_of_ones_own_stands_above_everyones(machine: Machine, ann: Principal) -> None:
    user = ann.user_id
    everyone, own = budget(1), budget(2, scope="user", user_id=user)
    other, instance = budget(3, scope="user", user_id=new_id()), budget(4, scope="instance")
    daily = budget(5, period="day")
    assert applicable([everyone, own, other, instance, daily], user) == [own, instance, daily]
    assert applicable([everyone, own, other, instance], new_id()) == [everyone, instance]
    assert (own.subject(user), instance.subject(user)) == (user, INSTANCE)
    with pytest.raises(NotFound):
        machine.budgets.put(ROOT, other)
    with pytest.raises(Invalid):
        machine.budgets.put(ROOT, replace(everyone, user_id=user))


def test_the_instances_budget_is_one_for_all(machine: Machine, ann: Principal, register: Callable[[str], User]) -> None:
    ben = register("ben")
    machine.budgets.put(ROOT, budget(2 * ESTIMATE, scope="instance"))
    machine.send(ann, machine.chat(ann), FOR_EVER)
    who = principal(ben.id, "ben")
    machine.send(who, machine.chat(who), FOR_EVER)
    for one in (ann, who):
        with pytest.raises(BudgetExceeded, match="The server's budget"):
            machine.send(one, machine.chat(one), text("no"))


def test_what_was_used_before_the_budget_counts(machine: Machine, ann: Principal) -> None:
    machine.ended(ann, machine.send(ann, machine.chat(ann), (0.0, (Usage(1000, 200),)), text("x")).generation_id)
    made = machine.budgets.put(ROOT, budget(5000))
    assert state(machine, ann).used == 1200
    again = machine.budgets.put(ROOT, budget(6000))
    assert (again.id, again.amount, state(machine, ann).used) == (made.id, 6000, 1200)
    machine.budgets.delete(ROOT, made.id)
    assert machine.budgets.states(ann) == []


def test_periods_are_by_the_accounts_clock(machine: Machine, ann: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    """11:30 in UTC on the last of November is 0:30 of December in Auckland."""
    moment = dt.datetime(2026, 11, 30, 11, 30, tzinfo=dt.UTC)
    monkeypatch.setattr(clock, "now", lambda: moment)
    there = replace(ann, time_zone="Pacific/Auckland")
    machine.budgets.put(ROOT, budget(10 * ESTIMATE))
    machine.ended(there, machine.send(there, machine.chat(there), (0.0, (Usage(1000, 200),)), text("x")).generation_id)
    assert state(machine, there).used == 1200
    assert state(machine, there).resets_at == dt.datetime(2026, 12, 31, 11, tzinfo=dt.UTC)
    assert state(machine, ann).used == 0, "in UTC it is still November"
    assert state(machine, ann).resets_at == dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


def test_warnings() -> None:
    one = budget(1000)
    now = clock.now()
    found = [BudgetState(one, used, 9, now).warning for used in (0, 790, 791, 990, 991, 5000)]
    assert found == [None, None, 80, 80, 100, 100]
    assert BudgetState(budget(0), 0, 0, now).warning == 100


def test_without_a_budget_nothing_is_asked(machine: Machine, store: Store, ann: Principal) -> None:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    machine.budgets.refresh()
    engine = store.database.writer
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        machine.ended(ann, machine.send(ann, machine.chat(ann), text("x")).generation_id)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    assert not [statement for statement in seen if "budget" in statement or "reservations" in statement]


def test_nothing_is_open_while_the_provider_sleeps(
    machine: Machine, store: Store, ann: Principal, database_url: str
) -> None:
    machine.budgets.put(ROOT, budget(10 * ESTIMATE))
    sent = machine.send(ann, machine.chat(ann), FOR_EVER)
    if store.database.is_postgresql:
        with store.database.reader.connect() as connection:
            open_ = sa.text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            waited(lambda: connection.execute(open_).scalar() == 0, "all transactions to be over")
            connection.rollback() if connection.in_transaction() else None
        with store.database.writer.begin() as connection:
            connection.execute(sa.text("SELECT * FROM budget_counters, generations FOR UPDATE NOWAIT"))
    else:
        other = sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=10, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        other.close()
    assert machine.generations.get(ann, str(sent.generation_id)).active


def test_counters_are_the_ledgers_after_everything(machine: Machine, store: Store, ann: Principal) -> None:
    machine.budgets.put(ROOT, budget(10**9))
    machine.budgets.put(ROOT, budget(10**9, scope="instance", period="day"))
    steps: list[Any] = [
        [text("plain")],
        [(0.0, (Usage(77, 33),)), text("told")],
        [(0.0, (ProviderUnavailable("gone"),))],
        [text("half"), (0.0, (ProviderUnavailable("gone"),))],
    ]
    sent = [machine.send(ann, machine.chat(ann), *steps[number % 4]) for number in range(24)]
    for one in sent:
        machine.ended(ann, one.generation_id)
    found = books(store)
    assert (found["reserved"], found["held"]) == (0, 0)
    assert found["used"] == 2 * found["ledger"] > 0
