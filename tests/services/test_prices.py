"""An administrator's price stands above all others, and makes a model of unknown price one that can be budgeted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from api.domain import clock
from api.domain.accounts import User
from api.domain.audit import Actor
from api.domain.budgets import Budget
from api.domain.errors import NotFound, PriceUnknown
from api.domain.events import Usage
from api.domain.ids import new_id
from api.domain.model_facts import Facts, Rate, Rates
from api.domain.prices import ModelPrice
from api.repositories.unit_of_work import Store
from api.services.prices import PriceService
from tests.services.machine import Machine, principal, text

ROOT = Actor(None, "root")
TOLD = Rates(Rate(Decimal("1")), Rate(Decimal("1")), "told")
USED = Usage(1_000_000, 1_000_000)


def price(model: str, input_: str, output: str | None = "2", **more: str) -> ModelPrice:
    rest: dict[str, Any] = {
        name: Decimal(more[name]) if name in more else None for name in ("cached", "cache_write", "reasoning")
    }
    amount = None if output is None else Decimal(output)
    return ModelPrice("custom", model, Decimal(input_), amount, **rest, updated_at=clock.now())


def amount(service: PriceService, model: str, told: Rates | None = None, usage: Usage = USED) -> tuple[str, str] | None:
    cost = service.price("custom", model, usage, told=told)
    return cost and (str(cost.amount.normalize()), cost.source.partition("@")[0])


def test_an_admins_word_stands_above_all(store: Store) -> None:
    here, there = PriceService(store), PriceService(store)
    assert amount(here, "m") is None
    assert amount(here, "m", TOLD) == ("2", "told")
    here.put(ROOT, price("*", "3"))
    here.put(ROOT, price("m", "5", cached="0.5", reasoning="7"))
    assert amount(here, "m", TOLD) == ("7", "admin")  # 5 + 2
    assert amount(here, "other", TOLD) == ("5", "admin")  # 3 + 2
    # half of the prompt from the cache, half of the reply thoughts: 2.5 + 0.25 + 1 + 3.5
    assert amount(here, "m", None, Usage(1_000_000, 1_000_000, 500_000, 500_000)) == ("7.25", "admin")
    assert amount(there, "m", TOLD) == ("2", "told"), "not asked yet"
    there.refresh()
    assert amount(there, "m", TOLD) == ("7", "admin")
    here.put(ROOT, price("m", "0", None))
    assert amount(here, "m", None, Usage(1_000_000, 0)) == ("0", "admin")
    here.delete(ROOT, "custom", "m")
    assert amount(here, "m", TOLD) == ("5", "admin")
    with pytest.raises(NotFound):
        here.delete(ROOT, "custom", "m")
    assert service_of_others(here) == ("gpt-4o", "genai-prices")


def service_of_others(service: PriceService) -> tuple[str, str]:
    cost = service.price("openai", "gpt-4o", USED)
    assert cost is not None
    return "gpt-4o", cost.source.partition(" ")[0]


def test_a_price_that_is_set_can_be_budgeted(store: Store, register: Callable[[str], User]) -> None:
    user = register("ann")
    ann = principal(user.id, "ann")
    machine = Machine(store)
    machine.generations.start()
    original = machine._configs.target
    machine._configs.target = lambda *a: replace(  # type: ignore[method-assign]
        original(*a), vendor=replace(original(*a).vendor, id="custom"), model="m", facts=Facts()
    )
    machine.budgets.put(ROOT, Budget(new_id(), "everyone", None, "cost", "day", 10**12))
    with pytest.raises(PriceUnknown):
        machine.send(ann, machine.chat(ann), text("no"))
    machine.prices.put(ROOT, price("*", "3", "15"))
    sent = machine.send(ann, machine.chat(ann), (0.0, (Usage(1000, 200),)), text("x"))
    found = machine.ended(ann, sent.generation_id)
    assert (found.cost, found.price_source) == (Decimal("0.006"), f"admin@{clock.now():%Y-%m-%d}")
    machine.generations.stop()
