"""Stop bites from anywhere, closes the provider's line, keeps the text; and only one end is ever written."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.server import until
from tests.survival.parts import (
    LONG,
    Pair,
    Reader,
    assert_whole,
    counting,
    dice_for,
    ended,
    join,
    joined_to_the_end,
    new_tag,
)

RACES = 60 if LONG else 20


@pytest.mark.parametrize("remote", [False, True], ids=["same process", "other process"])
def test_stop(pair: Pair, remote: bool, record_property: Callable[[str, object], None]) -> None:
    ann = pair.person()
    there = pair.elsewhere(ann) if remote else ann
    chat, generation, tag = pair.begin(ann, 3000, 10, seen=5)
    reader = Reader(join(ann, generation))
    until(lambda: pair.stored.flushed(generation), what="the first flush, with which stops are looked for")
    asked = time.monotonic()
    assert there.call("POST", f"/generations/{generation}/stop").status == 200
    pair.upstream.wait(lambda up: up.sent(tag).left, 60)  # type: ignore[union-attr]
    took = time.monotonic() - asked
    record_property(
        "told", f"stop from {'another' if remote else 'the same'} process: closed after {took * 1000:.0f} ms"
    )
    assert took < 12, "it is looked for twice a second"
    kept = ended(there, generation)
    events = reader.wait()
    text = pair.stored.answer(generation).content
    assert kept["status"] == "stopped"
    assert_whole(events, text, "stopped")
    assert text
    assert pair.upstream.sent(tag).text.startswith(text)  # type: ignore[union-attr]
    assert there.call("POST", f"/generations/{generation}/stop").json["status"] == "stopped"
    assert there.send(chat, "go on", model=counting(1, 0, new_tag())).status == 202


def test_one_closer_wins(pair: Pair) -> None:
    """Stop and the natural end race; whoever wins, the row, the message and every reader tell the same."""
    dice = dice_for("stop")
    ann = pair.person()
    places = (ann, pair.elsewhere(ann))
    chat = ann.chat()
    with ThreadPoolExecutor(2) as threads:
        for number in range(RACES):
            tag = new_tag()
            answer = ann.send(chat, "race", model=counting(5, 4, tag))
            assert answer.status == 202, answer.body
            generation = answer.json["generation"]["id"]
            reading = threads.submit(joined_to_the_end, places[number // 2 % 2], generation, [])
            time.sleep(dice.uniform(0.0, 0.06))
            assert places[number % 2].call("POST", f"/generations/{generation}/stop").status == 200
            status = ended(ann, generation)["status"]
            message = pair.stored.answer(generation)
            assert status in {"complete", "stopped"}
            assert message.status == status
            assert_whole(reading.result(60), message.content, status)
            if status == "complete":
                assert message.content == pair.upstream.sent(tag).text  # type: ignore[union-attr]
