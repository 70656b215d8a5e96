"""A reader that is cut and comes back, here or at another process, has every event once."""

from __future__ import annotations

import pytest

from tests.server import Event, Person
from tests.survival.parts import (
    ENDS,
    Pair,
    assert_whole,
    counting,
    dice_for,
    ended,
    join,
    joined_to_the_end,
    new_tag,
)

REJOINS = 20


@pytest.mark.parametrize("both", [False, True], ids=["one process", "two processes"])
def test_cut_and_rejoined_at_random(pair: Pair, both: bool) -> None:
    dice = dice_for(f"rejoin {both}")
    ann = pair.person()
    places = [ann, pair.elsewhere(ann)] if both else [ann]
    _, generation, tag = pair.begin(ann, 60 * REJOINS, 3)
    events: list[Event] = []
    for number in range(REJOINS):
        events += some(places[number % len(places)], generation, events, dice.randint(1, 40), number % 4 < 2)
    joined_to_the_end(places[-1], generation, events)
    assert_whole(events, pair.stored.answer(generation).content, "complete")
    assert events[-1][2]["message"]["content"] == pair.upstream.sent(tag).text  # type: ignore[union-attr]


def some(person: Person, generation: str, before: list[Event], count: int, by_header: bool) -> list[Event]:
    """At most `count` further events, then the line is cut."""
    found: list[Event] = []
    with join(person, generation, before[-1][0] if before else 0, by_header=by_header) as stream:
        assert stream.status == 200
        for event in stream:
            found.append(event)
            if len(found) == count:
                break
    return found


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("text", "Line\none — 介绍一下RUST 🎉👩‍👩‍👧 \u2028 data: x\n\nevent: finished\r\n" * 20),
        ("thinking", "?"),
        ("tools", "weather in Oslo?"),
        ("usage-last", "say it"),
        ("error-in-stream:5", "fail"),
        ("cut:7", "fail"),
        ("status:401", "fail"),
    ],
    ids=lambda value: value[:12].partition("\n")[0],
)
def test_the_same_events_live_and_for_ever(pair: Pair, model: str, said: str) -> None:
    """What a live reader got is what any process tells afterwards, from text and index, whatever the events were."""
    ann = pair.person()
    with ann.stream(ann.chat(), said, model=f"openai/{model}#{new_tag()}") as stream:
        live = list(stream)
    generation = live[0][2]["generation_id"]
    assert [kind for _, kind, _ in live if kind in ENDS] == [live[-1][1]]
    for person in (ann, pair.elsewhere(ann)):
        assert list(join(person, generation)) == live
        for after in range(0, len(live), max(1, len(live) // 5)):
            for by_header in (False, True):
                assert list(join(person, generation, after, by_header=by_header)) == live[after:]


def test_who_has_seen_more_than_was_kept_gets_the_end_once_more(pair: Pair) -> None:
    """A killed server may have shown what it had not yet stored: its reader waits for a number that never comes."""
    ann = pair.person()
    _, generation, _ = pair.begin(ann, 3, 0)
    ended(ann, generation)
    whole = list(join(ann, generation))
    last, kind, value = whole[-1]
    for after in (last, last + 1, last + 1000):
        assert list(join(ann, generation, after)) == [(after + 1, kind, value)]
        assert list(join(pair.elsewhere(ann), generation, after)) == [(after + 1, kind, value)]


def test_many_readers_of_one_reply(pair: Pair) -> None:
    """Readers that come and go at both processes do not disturb each other."""
    dice = dice_for("many readers")
    ann = pair.person()
    places = (ann, pair.elsewhere(ann))
    answer = ann.send(ann.chat(), "go", model=counting(150, 10, new_tag()))
    generation = answer.json["generation"]["id"]
    lines = [join(places[n % 2], generation) for n in range(8)]
    for line in lines[:4]:
        for _ in zip(range(dice.randint(1, 5)), line):
            pass
        line.close()
    read = [list(line) for line in lines[4:]]
    text = pair.stored.answer(generation).content
    for events in read:
        assert_whole(events, text, "complete")
