"""Mirrors of replies that run elsewhere: shared while they are read, each reader leaving his own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.json import encode

from api.db import Database
from api.domain.accounts import User
from api.domain.principal import Principal
from api.repositories.generation_events import EventsRange
from api.repositories.unit_of_work import Store
from api.services.generations.tail import Tail
from tests.services.machine import FOR_EVER, Machine, principal, taken, text, waited


@pytest.fixture
def machines(database: Database) -> Iterator[tuple[Machine, Machine]]:
    """The one that runs replies, and another one."""
    pair = (Machine(Store(database)), Machine(Store(database)))
    for machine in pair:
        machine.generations.start()
    yield pair
    for machine in pair:
        machine.generations.stop()


@pytest.fixture
def ann(register: Callable[[str], User]) -> Principal:
    user = register("ann")
    return principal(user.id, user.username)


def test_readers_share_a_mirror_and_none_takes_it_from_another(
    machines: tuple[Machine, Machine], ann: Principal
) -> None:
    owner, other = machines
    sent = owner.send(ann, owner.chat(ann), text("a"), FOR_EVER)
    state = owner.generations.get(ann, str(sent.generation_id))
    tail = Tail(other.store, other.loop, 60.0)  # not started
    first, second = tail.open(state), tail.open(state)
    assert first is second
    tail.release(first)
    assert tail.open(state) is second
    tail.release(second)
    tail.release(second)
    newer = tail.open(state)
    assert newer is not first
    tail.release(first)  # late: its mirror is gone, and the newer one is not his
    assert tail.open(state) is newer


def test_an_end_that_was_read_late_leaves_a_newer_mirror(machines: tuple[Machine, Machine], ann: Principal) -> None:
    owner, other = machines
    sent = owner.send(ann, owner.chat(ann), text("a"), FOR_EVER)
    state = owner.generations.get(ann, str(sent.generation_id))
    tail = Tail(other.store, other.loop, 60.0)  # not started
    old = tail.open(state)
    mirror = tail._mirrors[state.id]
    tail.release(old)
    newer = tail.open(state)
    tail._drop(mirror)
    assert tail.open(state) is newer


def test_a_row_that_grew_after_it_was_read(machines: tuple[Machine, Machine], ann: Principal, store: Store) -> None:
    """A commit's answer was lost, so the owner stored the same range again, longer: a mirror takes what is new."""
    owner, other = machines
    sent = owner.send(ann, owner.chat(ann), FOR_EVER)
    state = owner.generations.get(ann, str(sent.generation_id))
    tail = Tail(other.store, other.loop, 60.0)  # not started
    log = tail.open(state)
    place = (ann.user_id, state.id, 1, 0)
    waited(lambda: store.read(lambda work: work.generation_events.after([place])), "the owner's first row")
    events = [("delta", f"{number} ") for number in range(2, 9)]
    for first, last in ((2, 3), (2, 5), (6, 6), (6, 8)):
        part = EventsRange(ann.user_id, state.id, first, events[first - 2 : last - 1])
        store.write(lambda work, part=part: work.generation_events.add([part]))
        tail._catch_up()
    waited(lambda: len(log.events) == 8, "all of it")
    assert log.events[1:] == events


def test_a_reply_that_is_deleted_under_its_readers(
    machines: tuple[Machine, Machine], ann: Principal, store: Store
) -> None:
    """With its account everything goes: the readers elsewhere are let go, without an end that nobody wrote."""
    owner, other = machines
    sent = owner.send(ann, owner.chat(ann), text("a"), FOR_EVER)
    reader = other.generations.follow(ann, str(sent.generation_id))
    waited(lambda: len(reader.cursor.log.events) == 2, "the first events")
    store.write(lambda work: work.accounts.delete(ann.user_id))
    assert [kind for _, kind, _ in taken(reader)] == ["started", "delta"]
    waited(lambda: owner.generations.running == 0, "the run to be noticed as lost")


def test_a_reader_elsewhere_sees_it_grow(machines: tuple[Machine, Machine], ann: Principal) -> None:
    owner, other = machines
    sent = owner.send(ann, owner.chat(ann), *(text(f"{n} ", pause=0.02) for n in range(40)))
    readers = [other.generations.follow(ann, str(sent.generation_id), after) for after in (0, 0, 5)]
    whole, again, part = (taken(reader) for reader in readers)
    assert whole == again
    assert whole[5:] == part
    assert encode(whole) == encode(other.read(ann, sent.generation_id))
    assert [number for number, _, _ in whole] == list(range(1, 44))
