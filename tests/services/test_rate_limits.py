"""What the service counts for whom, and what it says when a limit is reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
import time_machine

from api.db import Database
from api.domain.errors import LimitExceeded, NotFound, StoreUnavailable
from api.domain.instance import InstanceSettings
from api.domain.principal import ALL_SCOPES, Principal
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.rate_limits import LimitState, RateLimitService, TooMany
from tests.rate_limits.parts import MID_WINDOW, storage_over

FIVE_AND_TWO = InstanceSettings(requests_per_hour=5, generations_per_hour=2)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(MID_WINDOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def service(store: Store) -> RateLimitService:
    return RateLimitService(storage_over(store), 3, lambda: FIVE_AND_TWO)


def begun(service: RateLimitService, store: Store, who: Principal, replies: int = 1) -> tuple[LimitState, ...]:
    """Counted as what begins replies counts them."""
    return store.write(lambda work: service.count_within(work, who, replies))


def someone() -> Principal:
    return Principal(user_id=uuid4(), username="ann", role="member", scopes=ALL_SCOPES)


def standing(service: RateLimitService, who: Principal) -> dict[str, int]:
    return {state.name: state.remaining for state in service.look(who)}


def test_writes_reads_and_generations_have_their_own_limits(service: RateLimitService, store: Store) -> None:
    ann, ben = someone(), someone()
    (write,) = service.count(ann, reads=False)
    assert (write.name, write.limit, write.remaining, write.window_seconds) == ("writes", 5, 4, 3600)
    assert write.reset_seconds == 1780
    (read,) = service.count(ann, reads=True)
    assert (read.name, read.limit, read.remaining) == ("reads", 50, 49)
    both = begun(service, store, ann)
    assert [(state.name, state.remaining) for state in both] == [("writes", 3), ("generations", 1)]
    assert standing(service, ben) == {"writes": 5, "reads": 50, "generations": 2}


def test_a_limit_of_nothing_is_a_refusal_like_any_other(service: RateLimitService, store: Store) -> None:
    ann = replace(someone(), limits={"generations": 0})
    with pytest.raises(TooMany, match="the limit is 0. If that is too little, ask the administrator") as refused:
        begun(service, store, ann)
    assert refused.value.retry_after == 1780 + 3600
    assert standing(service, ann)["generations"] == 0


def test_a_refused_generation_costs_no_write(service: RateLimitService, store: Store) -> None:
    ann = someone()
    for _ in range(2):
        begun(service, store, ann)
    with pytest.raises(TooMany) as refusal:
        begun(service, store, ann)
    assert standing(service, ann) == {"writes": 3, "reads": 50, "generations": 0}
    assert [(state.name, state.remaining) for state in refusal.value.states] == [("writes", 3), ("generations", 0)]
    service.count(ann, reads=False)


def test_a_request_for_several_replies_counts_them_all_or_none(service: RateLimitService, store: Store) -> None:
    ann = someone()
    with pytest.raises(TooMany):
        begun(service, store, ann, 3)
    begun(service, store, ann, 2)
    assert standing(service, ann) == {"writes": 4, "reads": 50, "generations": 0}


def test_a_transaction_that_is_undone_has_counted_nothing(service: RateLimitService, store: Store) -> None:
    ann = someone()

    def fails(work: UnitOfWork) -> None:
        service.count_within(work, ann, 1)
        raise NotFound

    with pytest.raises(NotFound):
        store.write(fails)
    assert standing(service, ann) == {"writes": 5, "reads": 50, "generations": 2}


def test_the_refusal_says_what_when_and_who_helps(service: RateLimitService, clock: time_machine.Coordinates) -> None:
    ann = someone()
    for _ in range(5):
        service.count(ann, reads=False)
    with pytest.raises(LimitExceeded) as refusal:
        service.count(ann, reads=False)
    error = refusal.value
    assert error.detail == (
        "You have used all 5 changes and model calls of this hour; try again in 30 minutes. "
        "If that is too little, ask the administrator of this server to raise the limit."
    )
    assert error.retry_after == 1780
    clock.shift(error.retry_after - 1.5)
    with pytest.raises(LimitExceeded):
        service.count(ann, reads=False)
    clock.shift(1.5)
    service.count(ann, reads=False)


def test_sign_in_attempts_count_per_account_and_per_address(service: RateLimitService) -> None:
    for number in range(3):
        service.count_login("ann@example.org", f"192.0.2.{number}")
    with pytest.raises(LimitExceeded, match=r"sign-in attempts .* try again in \d+ minutes\.$"):
        service.count_login("ann@example.org", "198.51.100.1")
    for number in range(3):
        service.count_login(f"user{number}", "198.51.100.7")
    with pytest.raises(LimitExceeded, match="sign-in attempts"):
        service.count_login("user9", "198.51.100.7")
    service.count_login("user9", "198.51.100.8")


def test_an_ipv6_party_counts_by_its_network(service: RateLimitService) -> None:
    for last in ("1", "2", "ffff:ffff:ffff:ffff"):
        service.count_address(f"2001:db8:1:1:{last}" if ":" in last else f"2001:db8:1:1::{last}")
    with pytest.raises(LimitExceeded, match="registrations"):
        service.count_address("2001:db8:1:1::77")
    service.count_address("2001:db8:1:2::77")
    for _ in range(2):
        service.count_address("::ffff:192.0.2.9")
    service.count_address("192.0.2.9")
    with pytest.raises(LimitExceeded):
        service.count_address("192.0.2.9")
    service.count_address("unknown")


def test_what_cannot_be_counted_is_not_let_through() -> None:
    store = Store(Database("sqlite:////nowhere/at/all.db"))
    service = RateLimitService(storage_over(store), 3, lambda: FIVE_AND_TWO)
    with pytest.raises(StoreUnavailable):
        service.count(someone(), reads=True)
    with pytest.raises(StoreUnavailable):
        service.count_login("ann", "192.0.2.1")
    store.close()


def test_purge(service: RateLimitService, store: Store, clock: time_machine.Coordinates) -> None:
    begun(service, store, someone())
    assert service.purge() == 0
    clock.shift(3 * 3600)
    assert service.purge() == 2
