"""An owner that freezes is given up after two looks; when it wakes it writes nothing, and lives on."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.domain import clock
from api.models.generations import PROCESSES
from tests.server import Server, running_server, until
from tests.survival.parts import (
    GENERATION,
    PROCESS,
    Reader,
    Stored,
    assert_whole,
    counting,
    ended,
    freeze,
    join,
    joined_to_the_end,
    new_tag,
    thaw,
)
from tests.upstream import Upstream


@pytest.mark.timeout(600)
def test_a_frozen_owner(database_url: str, tmp_path: Path, upstream: Upstream, stored: Stored) -> None:
    settings = {"OPENAI_BASE_URL": f"{upstream.url}/v1"}
    with (
        running_server(database_url, tmp_path, **settings) as first,
        running_server(database_url, tmp_path, **settings) as second,
    ):
        ann = first.person()
        ann.openai()
        there = ann.at(second.port)
        chat, tag = ann.chat(), new_tag()
        generation = ann.send(chat, "go", model=counting(100_000, 20, tag)).json["generation"]["id"]
        at_owner = Reader(join(ann, generation))
        elsewhere = Reader(join(there, generation))
        until(lambda: len(stored.event_rows(generation)) > 2, what="some flushes")

        owner = frozen(first, stored, generation)
        assert ended(there, generation)["status"] == "interrupted"
        assert there.send(chat, "go on", model=counting(1, 0, new_tag())).status == 202
        before = stored.everything_of(generation)
        assert_whole(elsewhere.wait(), before[1].content, "interrupted")
        assert before[1].content == "".join(f"{n} " for n in range(1, len(before[1].content.split()) + 1))

        thaw(first)
        upstream.wait(lambda up: up.sent(tag).left, 60)  # type: ignore[union-attr]
        cut = at_owner.wait()
        assert [kind for _, kind, _ in cut].count("finished") == 0
        for person in (ann, there):  # what he saw beyond the stored text is put right by the end
            whole = joined_to_the_end(person, generation, list(cut))
            assert whole[-1][2]["status"] == "interrupted"
            assert whole[-1][2]["message"]["content"] == before[1].content
        until(lambda: owner in stored.processes(), what="the owner to sign on again")
        # a reply that the woken owner begins is not taken for a dead one's, over several looks of the other process
        tag = new_tag()
        again = ann.send(ann.chat(), "go", model=counting(120, 20, tag)).json["generation"]["id"]
        assert ended(there, again)["status"] == "complete"
        assert stored.answer(again).content == upstream.sent(tag).text  # type: ignore[union-attr]
        assert stored.everything_of(generation) == before
        first.kill()
        second.kill()


def frozen(server: Server, stored: Stored, generation: str) -> uuid.UUID:
    """Freeze a server between two transactions of its own, and make its heartbeat old enough for the first look."""
    owner: uuid.UUID = stored.generation(generation).owner
    while True:
        freeze(server)
        try:
            age_heartbeat(stored, owner, generation)
            return owner
        except sa.exc.OperationalError:  # frozen with a lock in its hands: not what this is about
            thaw(server)
            time.sleep(0.03)


def age_heartbeat(stored: Stored, owner: uuid.UUID, generation: str) -> None:
    with stored.database.writer.begin() as connection:
        if stored.database.is_postgresql:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '200ms'")
        lock = sa.select(GENERATION.id).where(GENERATION.id == uuid.UUID(generation)).with_for_update()
        assert connection.execute(lock).first()
        old = clock.now() - dt.timedelta(minutes=1)
        connection.execute(sa.update(PROCESSES).where(PROCESS.id == owner).values(heartbeat_at=old))
