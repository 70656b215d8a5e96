"""Limits by account, key, model and surface, of calls and of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import time_machine

from api.domain.accounts import User
from api.domain.events import Usage
from api.domain.ids import new_id
from api.domain.instance import InstanceSettings
from api.domain.limit_rules import Origin, Rule, holding
from api.domain.principal import Principal
from api.repositories.unit_of_work import Store
from api.services.rate_limits import RateLimitService, TooMany
from tests.rate_limits.parts import MID_WINDOW, storage_over
from tests.services.machine import Machine, principal, text
from tests.services.test_rate_limits import someone

GPT = ("openai", "gpt-4o")
MINI = ("openai", "gpt-4o-mini")


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(MID_WINDOW, tick=False) as traveller:
        yield traveller


def service(store: Store, *rules: Rule) -> RateLimitService:
    return RateLimitService(storage_over(store), 3, lambda: InstanceSettings(limit_rules=rules))


def admitted(
    limits: RateLimitService, store: Store, who: Principal, model: tuple[str, str], surface: str = "native"
) -> int:
    """How many of ten calls."""
    count = 0
    for _ in range(10):
        try:
            store.write(lambda work: limits.count_calls(work, who, surface, [model]))
        except TooMany:
            continue
        count += 1
    return count


def test_each_kind_counts_by_itself(store: Store, clock: time_machine.Coordinates) -> None:
    key = new_id()
    limits = service(
        store,
        Rule("model", None, "requests", 6),
        Rule("model", "openai/gpt-4o", "requests", 3),
        Rule("surface", "openai", "requests", 4),
        Rule("key", None, "requests", 2),
    )
    ann, ben = someone(), someone()
    assert admitted(limits, store, ann, GPT) == 3, "the model's own rule"
    assert admitted(limits, store, ann, MINI) == 6, "every other model's"
    assert admitted(limits, store, ben, GPT) == 3, "another account counts anew"
    assert admitted(limits, store, someone(), MINI, "openai") == 4
    with_key = replace(someone(), api_key_id=key)
    assert admitted(limits, store, with_key, MINI) == 2
    assert admitted(limits, store, replace(with_key, api_key_id=new_id()), MINI) == 2, "another key"


def test_a_refused_call_counts_nowhere(store: Store, clock: time_machine.Coordinates) -> None:
    limits = service(store, Rule("model", None, "requests", 2), Rule("user", None, "requests", 8))
    ann = someone()
    assert admitted(limits, store, ann, GPT) == 2
    state = {one.name: one.remaining for one in limits.look(ann)}
    assert state["requests-user"] == 6
    with pytest.raises(TooMany, match="all 2 calls of this hour that you have for this model") as refusal:
        store.write(lambda work: limits.count_calls(work, ann, "native", [GPT]))
    assert refusal.value.retry_after is not None


def test_one_of_a_name_stands_above_the_one_for_all() -> None:
    ann = Origin(new_id(), None, "native", "openai", "gpt-4o")
    for_all, own = Rule("user", None, "tokens", 10), Rule("user", str(ann.user_id), "tokens", 99)
    for rules in ([for_all, own], [own, for_all]):
        assert holding(rules, ann) == [own]
        assert holding(rules, replace(ann, user_id=new_id())) == [for_all]
    assert holding([Rule("key", None, "requests", 1)], ann) == [], "without a key no key's limit"


def test_tokens_are_counted_at_the_end_and_bite_at_the_next_beginning(
    store: Store, register: Callable[[str], User]
) -> None:
    user = register("ann")
    ann = principal(user.id, "ann")
    rules = (Rule("user", None, "tokens", 1500), Rule("model", "demo/demo", "tokens", 10**6))
    machine = Machine(store, rules=rules)
    machine.generations.start()
    steps = [(0.0, (Usage(900, 100),)), text("x")]
    for _ in range(2):  # 1000, 2000: the second one begins within the limit
        machine.ended(ann, machine.send(ann, machine.chat(ann), *steps).generation_id)
    with pytest.raises(TooMany, match="1,500 tokens"):
        machine.send(ann, machine.chat(ann), *steps)
    left = {one.name: one.remaining for one in machine.limits.look(ann)}
    assert left["tokens-user"] == 0
    machine.generations.stop()


def test_without_rules_nothing_is_asked(store: Store) -> None:
    limits = service(store)
    assert store.write(lambda work: limits.count_calls(work, someone(), "native", [GPT])) == ()
