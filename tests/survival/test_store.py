"""PostgreSQL restarts under running replies: nobody is taken for dead, nothing is lost, the API says what is wrong."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.db import Database, upgrade
from tests.conftest import missing
from tests.postgres import Cluster, NoPostgres, running_cluster
from tests.server import running_server, until
from tests.survival.parts import LONG, Reader, Stored, assert_whole, counting, ended, join, joined_to_the_end, new_tag
from tests.upstream import Upstream


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster that this test may stop; no other test is in it."""
    try:
        with running_cluster() as cluster:
            yield cluster
    except NoPostgres as error:
        missing(f"PostgreSQL: {error}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT] if LONG else [signal.SIGINT], ids=lambda how: how.name)
def test_postgresql_restarts_in_mid_stream(
    cluster: Cluster, how: signal.Signals, tmp_path: Path, upstream: Upstream
) -> None:
    with cluster.database() as url:
        database = Database(url, pool_size=1)
        upgrade(database)
        database.dispose()
        stored = Stored(url)
        settings = {"OPENAI_BASE_URL": f"{upstream.url}/v1", "STORE_PATIENCE": "600"}
        with running_server(url, tmp_path, **settings) as first, running_server(url, tmp_path, **settings) as second:
            ann = first.person()
            ann.openai()
            there = ann.at(second.port)
            tag = new_tag()
            generation = ann.send(ann.chat(), "go", model=counting(400, 20, tag)).json["generation"]["id"]
            at_owner, elsewhere = Reader(join(ann, generation)), Reader(join(there, generation))
            until(lambda: len(elsewhere.events) > 20, what="the reply to be on its way")

            stored.database.dispose()
            cluster.stop(how)
            running = len(at_owner.events)
            for person in (ann, there):
                away = person.call("GET", "/chats")
                assert (away.status, away.json["code"]) == (503, "store_unavailable"), away.body
                assert int(away.headers["retry-after"]) > 0
                assert person.call("POST", "/chats", {}).status == 503
                assert person.call("GET", "/health").status == 200
                assert person.call("GET", "/ready").status == 503
            until(lambda: len(at_owner.events) > running + 20, what="the reply to go on without its database")
            cluster.start()

            for person in (ann, there):
                until(lambda person=person: person.call("GET", "/ready").status == 200, what="/ready to turn back")
                assert person.call("GET", "/chats").status == 200
            assert ended(there, generation)["status"] == "complete"
            text = stored.answer(generation).content
            assert text == upstream.sent(tag).text  # type: ignore[union-attr]
            for person, reader in ((ann, at_owner), (there, elsewhere)):
                assert_whole(joined_to_the_end(person, generation, reader.wait()), text, "complete")
            for server in (first, second):
                assert "replies of a process that died" not in server.log_path.read_text()
            after = ann.send(ann.chat(), "go on", model=counting(20, 20, new_tag())).json["generation"]["id"]
            assert_whole(joined_to_the_end(there, after, []), stored.answer(after).content, "complete")
            first.kill()
            second.kill()
        stored.close()


@pytest.mark.timeout(600)
def test_a_reply_does_not_wait_for_ever(cluster: Cluster, tmp_path: Path, upstream: Upstream) -> None:
    """Away for longer than STORE_PATIENCE: the reader hears so, typed, and what arrived is stored afterwards."""
    with cluster.database() as url:
        settings = {"OPENAI_BASE_URL": f"{upstream.url}/v1", "STORE_PATIENCE": "1"}
        with running_server(url, tmp_path, **settings) as server, running_server(url, tmp_path, **settings) as second:
            ann = server.person()
            ann.openai()
            there = ann.at(second.port)
            chat = ann.chat()
            generation = ann.send(chat, "go", model=counting(4000, 20, new_tag())).json["generation"]["id"]
            at_owner, elsewhere = Reader(join(ann, generation)), Reader(join(there, generation))
            until(lambda: len(elsewhere.events) > 20, what="the reply to be on its way")
            cluster.stop()
            told = at_owner.wait()
            _, kind, value = told[-1]
            assert (kind, value["problem"]["code"]) == ("error", "store_unavailable")
            assert value["problem"]["retry_after"]
            assert elsewhere.wait()[-1][1] == "delta", "cut: who comes again is told why"
            assert there.call("GET", f"/generations/{generation}/events").status == 503
            cluster.start()
            until(lambda: ann.call("GET", "/ready").status == 200, what="/ready to turn back")
            until(lambda: ann.generation(generation)["status"] == "error", what="the end to be stored")
            text = "".join(value["text"] for _, kind, value in told if kind == "delta")
            message = ann.messages(chat)[-1]
            assert (message["status"], message["content"]) == ("error", text)
            again = joined_to_the_end(there, generation, [])
            assert [event[:2] for event in again] == [event[:2] for event in told]
            server.kill()
            second.kill()
