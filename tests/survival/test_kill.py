"""A killed server loses at most what it had not yet flushed, and nothing that it had acknowledged."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server import Person, Server, running_server, until
from tests.survival.parts import (
    ENDS,
    LONG,
    Insistent,
    Reader,
    Stored,
    counting,
    dice_for,
    ended,
    join,
    new_tag,
    text_of,
)
from tests.upstream import Upstream

KILLS = 30 if LONG else 6
CHATS = 4
TOKENS, PAUSE_MS = 500, 20


@dataclass
class Reply:
    """One running reply at the moment of the kill."""

    chat: str
    generation: str
    tag: str
    begun: float
    flushed: str = ""  # in the database just before
    sent: int = 0  # tokens that the provider had written just before
    killed: float = 0.0


@pytest.mark.timeout(600)
def test_kill(
    database_url: str,
    tmp_path: Path,
    upstream: Upstream,
    stored: Stored,
    record_property: Callable[[str, object], None],
) -> None:
    dice = dice_for("kill")
    losses: list[float] = []
    with running_server(database_url, tmp_path, OPENAI_BASE_URL=f"{upstream.url}/v1") as server:
        ann = server.person()
        ann.openai()
        own_chat = ann.chat()
        for _ in range(KILLS):
            insistent = Insistent(ann, own_chat, f"openai/count:2:0#{new_tag()}")
            losses += one_kill(server, ann, upstream, stored, dice)
            insistent.finish()
            assert stored.said(own_chat) == [f"message {n}" for n in range(len(insistent.sent))]
            own_chat = ann.chat()
        server.kill()
    median = statistics.median(losses)
    record_property("told", f"{KILLS} kills: median loss {median:.0f} ms, greatest {max(losses):.0f} ms")
    assert median < 1_500, "five times what an idle machine may lose"


def one_kill(server: Server, ann: Person, upstream: Upstream, stored: Stored, dice: random.Random) -> list[float]:
    replies = [begun(ann, upstream) for _ in range(CHATS)]
    reader = Reader(join(ann, replies[0].generation))
    if dice.random() < 0.8:  # else it may be killed before anything was flushed
        until(lambda: all(stored.flushed(reply.generation) for reply in replies), what="a flush")
    time.sleep(dice.uniform(0.0, 1.2))
    for reply in replies:
        reply.flushed = stored.flushed(reply.generation)
    for reply in replies:
        reply.sent, reply.killed = len(upstream.sent(reply.tag).tokens), time.monotonic()  # type: ignore[union-attr]
    server.kill()
    seen = reader.wait()
    server.start()
    # PostgreSQL lets the lock of a dead process go when it notices that its connection has
    patience = 10 if stored.database.is_postgresql else 0
    until(lambda: {ann.generation(one.generation)["status"] for one in replies} == {"interrupted"}, patience)
    losses = [checked(reply, ann, upstream, stored) for reply in replies]
    resumed = list(join(ann, replies[0].generation, seen[-1][0], by_header=True))
    assert [kind for _, kind, _ in [*seen, *resumed] if kind in ENDS] == ["finished"]
    assert [number for number, _, _ in [*seen, *resumed]] == list(range(1, len(seen) + len(resumed) + 1))
    return losses


def begun(ann: Person, upstream: Upstream) -> Reply:
    chat, tag = ann.chat(), new_tag()
    answer = ann.send(chat, "first", model=counting(TOKENS, PAUSE_MS, tag))
    assert answer.status == 202, answer.body
    upstream.wait(lambda up: (sent := up.sent(tag)) is not None and sent.tokens, 60)
    return Reply(chat, answer.json["generation"]["id"], tag, time.monotonic())


def checked(reply: Reply, ann: Person, upstream: Upstream, stored: Stored) -> float:
    """The reply after the restart is as it should be; returns what was lost of it, in ms."""
    assert ended(ann, reply.generation)["status"] == "interrupted"
    kept = stored.answer(reply.generation)
    upstream.wait(lambda up: up.sent(reply.tag).left, 60)  # type: ignore[union-attr]
    sent = upstream.sent(reply.tag)
    assert sent is not None
    assert kept.status == "interrupted"
    assert sent.text.startswith(kept.content)
    assert kept.content.startswith(reply.flushed)
    taken = until(
        lambda: (answer := ann.send(reply.chat, "second", model=counting(1, 0, new_tag()))).status == 202 and answer,
        what="the chat to take the next message",
    )
    assert stored.said(reply.chat) == ["first", "second"]
    events = list(join(ann, reply.generation))
    assert text_of(events) == kept.content
    assert events[-1][2]["message"]["content"] == kept.content
    assert ended(ann, taken.json["generation"]["id"])["status"] == "complete"
    pace = (reply.killed - reply.begun) / max(1, reply.sent)
    return max(0, reply.sent - len(kept.content.split())) * pace * 1000
