"""Plan mode and budgets: both calls are put aside before the first one is made."""

from __future__ import annotations

import pytest

from api.domain.audit import Actor
from api.domain.budgets import Budget, BudgetState
from api.domain.errors import BudgetExceeded
from api.domain.ids import new_id
from tests.server import until
from tests.services.planning import Planning
from tests.services.whole import Whole


def budget_of(whole: Whole, amount: int) -> BudgetState:
    whole.services.budgets.put(Actor(None, "root"), Budget(new_id(), "everyone", None, "tokens", "month", amount))
    return whole.services.budgets.states(whole.ann)[0]


def test_both_calls_are_put_aside_and_settled(whole: Whole) -> None:
    budget_of(whole, 10**6)
    stalled = Planning(whole, "openai/stall", "openai/stall")
    sent = stalled.send()
    both = whole.services.budgets.states(whole.ann)[0].reserved
    assert both > 2 * 4096
    whole.services.generations.stop_all(whole.ann.user_id)
    stalled.settled(sent)
    unspent = whole.services.budgets.states(whole.ann)[0]
    assert unspent.reserved == 0
    planning = Planning(whole, answerer="openai/stall")
    sent = planning.send()
    until(lambda: whole.services.generations.get(whole.ann, str(sent.generation_id)).notes.get("next"))
    one = whole.services.budgets.states(whole.ann)[0]
    assert 4096 < one.reserved < both
    whole.services.generations.stop_all(whole.ann.user_id)
    planning.settled(sent)
    tokens = sum((row.prompt_tokens or 0) + (row.completion_tokens or 0) for row in planning.ledger())
    end = whole.services.budgets.states(whole.ann)[0]
    assert (end.used - unspent.used, end.reserved) == (tokens, 0)


def test_a_plan_that_comes_to_nothing_keeps_nothing_aside(whole: Whole) -> None:
    budget_of(whole, 10**6)
    planning = Planning(whole, planner="openai/status:500")
    planning.said()
    assert whole.services.budgets.states(whole.ann)[0].reserved == 0
    stalled = Planning(whole, planner="openai/stall")
    sent = stalled.send()
    whole.services.generations.stop_reply(whole.ann, str(sent.generation_id))
    stalled.settled(sent)
    assert whole.services.budgets.states(whole.ann)[0].reserved == 0


def test_a_budget_for_the_plan_alone_refuses_both(whole: Whole) -> None:
    budget_of(whole, 6000)
    planning = Planning(whole)
    with pytest.raises(BudgetExceeded):
        planning.send()
    assert planning.path() == []
