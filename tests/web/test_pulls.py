"""Fetching a model into an Ollama: by admins, with progress, over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.answers import Answers, ollama, pulled
from tests.services.whole import Whole
from tests.web.conftest import Actor, register, sign_in


def events(text: str) -> list[tuple[str, Any]]:
    """The kinds and values of a whole stream."""
    frames = [frame.split("\n") for frame in text.split("\n\n") if frame and not frame.startswith(":")]
    return [(frame[1].removeprefix("event: "), json.loads(frame[2].removeprefix("data: "))) for frame in frames]


@pytest.fixture
def models() -> dict[str, int]:
    return {}


@pytest.fixture
def server(models: dict[str, int]) -> Iterator[Answers]:
    def steps(body: Any) -> Iterator[dict[str, Any]]:
        if body["model"] == "missing":
            return iter([{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}])
        models[body["model"]] = 4096
        return pulled()

    with Answers(ollama(models, steps)) as server:
        yield server


@pytest.fixture
def app(make_app: Any, server: Answers) -> Any:
    app = make_app(ollama_base_url=server.url)
    app.extensions["parley"].generations.start()
    return app


@pytest.fixture
def actors(app: Any) -> tuple[Actor, Actor]:
    for name in ("ann", "ben"):
        assert register(app.test_client(), name).status_code == 201
    return sign_in(app.test_client(), "ann"), sign_in(app.test_client(), "ben")


def test_an_admin_sees_how_far_it_is(server: Answers, actors: tuple[Actor, Actor]) -> None:
    ann, ben = actors
    assert ann.get("/v1/providers/ollama/models").json["models"] == []
    answer = ann.post("/providers/ollama/pull", {"model": "llama3.2"})
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    found = events(answer.text)
    assert found[0] == (
        "progress",
        {"status": "pulling manifest", "digest": None, "total": None, "completed": None},
    )
    assert ("progress", {"status": "pulling aa", "digest": "sha256:aa", "total": 2000, "completed": 2000}) in found
    assert found[-1] == ("finished", {"status": "complete", "model": "llama3.2"})
    assert [name for _, name in [(m["id"], m["name"]) for m in ann.get("/v1/models").json["models"]]][-1:] == [
        "llama3.2"
    ]
    before = len(server.asked)
    assert ben.post("/providers/ollama/pull", {"model": "llama3.2"}).status_code == 403
    assert ann.post("/providers/ollama/pull", {"model": ""}).status_code == 422
    assert ann.post("/providers/ollama/pull", {"model": "m", "model_config_id": ann.id}).status_code == 404
    assert len(server.asked) == before


def test_a_failure_is_the_last_event(actors: tuple[Actor, Actor]) -> None:
    found = events(actors[0].post("/providers/ollama/pull", {"model": "missing"}).text)
    assert [kind for kind, _ in found] == ["progress", "error"]
    assert "file does not exist" in found[-1][1]["problem"]["detail"]


def test_who_asks_again_joins_the_download(make_app: Any) -> None:
    gate = threading.Event()

    def steps(_: Any) -> Iterator[dict[str, Any]]:
        yield {"status": "pulling manifest"}
        gate.wait(20)
        yield from pulled()

    with Answers(ollama({}, steps)) as server:
        whole = Whole(make_app(ollama_base_url=server.url))
        readers = [whole.services.pulls.pull(whole.ann, "m") for _ in range(3)]
        assert len({id(reader.cursor.log) for reader in readers}) == 1
        readers[0].close()
        ended = threading.Event()
        log = readers[1].cursor.log
        log.subscribe(lambda: ended.set() if log.closed else None)
        gate.set()
        assert ended.wait(20)
        assert server.paths().count("/api/pull") == 1
        assert [event[0] for event in log.events][-1] == "finished"
        for reader in readers:
            reader.close()


def test_an_ollama_of_ones_own_is_guarded(make_app: Any) -> None:
    with Answers(ollama()) as server:
        whole = Whole(make_app(ollama_base_url="http://127.0.0.1:9"))
        config = whole.services.model_configs.get(
            whole.ann, whole.config(whole.ann, "box", provider="ollama", base_url=server.url, api_key=None)
        )
        reader = whole.services.pulls.pull(whole.ann, "m", config.id)
        ended = threading.Event()
        log = reader.cursor.log
        log.subscribe(lambda: ended.set() if log.closed else None)
        assert log.closed or ended.wait(20)
        assert log.events[-1][1]["code"] == "address_forbidden"
        assert server.asked == []
        reader.close()
