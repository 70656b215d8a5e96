"""/images over HTTP: only its owner sees an image, and what is served can do nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from api.services.registry import Services
from tests.answers import Answer, Answers
from tests.image_router import KEY, png, running
from tests.server import until
from tests.web.conftest import Actor, register, sign_in

CONFIG = {"name": "pictures", "provider": "imagerouter", "api_key": KEY}


@pytest.fixture
def router() -> Iterator[Answers]:
    with running() as server:
        yield server


@pytest.fixture
def app(make_app: Callable[..., Flask], router: Answers) -> Flask:
    return make_app(imagerouter_base_url=f"{router.url}/v1/openai", allowed_private_hosts=f"127.0.0.1:{router.port}")


@pytest.fixture
def ann(app: Flask) -> Actor:
    assert register(app.test_client(), "ann").status_code == 201
    ann = sign_in(app.test_client(), "ann")
    assert ann.post("/model-configs", CONFIG).status_code == 201
    return ann


def make(who: Actor, **values: Any) -> Any:
    return who.post("/images/generations", {"prompt": "a fox"} | values)


def test_an_images_life(ann: Actor, actor: Callable[[str], Actor]) -> None:
    ben = actor("ben")
    answered = make(ann, n=2, size="8x8", quality="low", model="imagerouter/url")
    assert answered.status_code == 201, answered.text
    assert (answered.json["cost"], len(answered.json["items"])) == ("0.008", 2)
    image = answered.json["items"][0]
    assert (image["mime"], image["size"], image["requested_size"], image["cost"]) == (
        "image/png",
        "16x4",
        "8x8",
        "0.008",
    )
    assert (image["url"], image["bytes"]) == (f"/images/{image['id']}/content", len(png(16, 4)))
    assert "digest" not in image
    assert "user_id" not in image
    assert ann.get(f"/images/{image['id']}").json == image
    assert ann.get("/images?limit=1").json["items"] == [answered.json["items"][1]]
    generation = ann.get(f"/generations/{answered.json['generation_id']}").json
    assert (generation["provider"], generation["cost"]) == ("imagerouter", "0.008")
    assert ben.get("/images").json == {"items": [], "next_cursor": None}
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        assert ben.ask(method, f"/images/{image['id']}{path}").status_code == 404
    assert ann.ask("DELETE", f"/images/{image['id']}").status_code == 204
    assert ann.get(image["url"]).status_code == 404
    assert len(ann.get("/images").json["items"]) == 1


def test_the_bytes_can_do_nothing(ann: Actor) -> None:
    image = make(ann, model="imagerouter/url").json["items"][0]
    served = ann.get(image["url"])
    assert (served.status_code, served.data) == (200, png(16, 4))
    served.close()
    headers = served.headers
    assert headers["Content-Type"] == "image/png"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert headers["Content-Disposition"] == f'inline; filename="{image["id"]}.png"'
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    again = ann.client.get(image["url"], headers=ann.headers | {"If-None-Match": headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert ann.client.head(image["url"], headers=ann.headers).headers["Content-Length"] == str(len(served.data))
    assert ann.client.get(image["url"]).status_code == 401


def test_a_failure_has_a_code_and_words(ann: Actor) -> None:
    for model, status, code in (
        ("status:400", 400, "provider_refused"),
        ("status:401", 502, "provider_auth_failed"),
        ("status:429", 429, "provider_rate_limited"),
        ("error:moderation_blocked", 400, "content_filtered"),
        ("svg", 502, "provider_bad_response"),
        ("html", 502, "provider_bad_response"),
        ("junk", 502, "provider_bad_response"),
        ("metadata", 422, "address_forbidden"),
    ):
        refused = make(ann, model=f"imagerouter/{model}")
        assert (refused.status_code, refused.json["code"]) == (status, code), refused.text
        assert KEY not in refused.text
    assert ann.get("/images").json["items"] == []


def test_a_missing_key_is_named(app: Flask, router: Answers) -> None:
    register(app.test_client(), "ann")
    ann = sign_in(app.test_client(), "ann")
    refused = make(ann)
    assert (refused.status_code, refused.json["code"]) == (422, "provider_not_configured")
    assert "Add an API key for one that does, on the page under Models" in refused.json["detail"]
    assert refused.json["detail"].count("ImageRouter") == 1
    assert "config" not in refused.json["detail"]
    assert router.asked == []


def test_what_is_no_order(ann: Actor, router: Answers) -> None:
    for name, value in (
        ("prompt", ""),
        ("prompt", "   "),
        ("n", 0),
        ("n", 11),
        ("size", "big"),
        ("size", "0x5"),
        ("quality", "best"),
        ("base_url", "http://127.0.0.1"),
        ("model_config_id", "no"),
    ):
        refused = make(ann, **{name: value})
        assert refused.status_code == 422
        assert refused.json["errors"][0]["pointer"] == f"/{name}"
    assert router.asked == []


def test_the_same_key_asks_once(ann: Actor, router: Answers) -> None:
    headers = ann.headers | {"Idempotency-Key": "the-same"}
    answers = [
        ann.client.post("/images/generations", json={"prompt": prompt}, headers=headers)
        for prompt in ("a fox", "a fox", "a hare")
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 422]
    assert answers[1].json == answers[0].json
    assert [answer.headers.get("Idempotent-Replay") for answer in answers] == [None, "true", None]
    assert len(router.asked) == len(ann.get("/images").json["items"]) == 1


def test_every_way_to_an_image_counts_in_one_bucket(ann: Actor) -> None:
    for _ in range(3):
        assert make(ann).status_code == 201
        assert ann.post("/v1/images/generations", {"prompt": "a fox", "model": "imagerouter/test"}).status_code == 200
    (bucket,) = (one for one in ann.get("/usage/limits").json["limits"] if one["name"] == "generations")
    assert bucket["limit"] - bucket["remaining"] in (5, 6), "an hour that begins meanwhile lets one fade"


def test_the_slash_command(ann: Actor) -> None:
    chat = ann.post("/chats").json["id"]
    told = ann.post(f"/chats/{chat}/commands", {"text": "/image a fox in the snow"})
    assert told.status_code == 200, told.text
    (image,) = told.json["images"]
    assert (told.json["command"], image["prompt"]) == ("image", "a fox in the snow")
    assert ann.get("/images").json["items"] == [image]
    refused = ann.post(f"/chats/{chat}/commands", {"text": "/image"})
    assert (refused.status_code, refused.json["detail"]) == (422, "Write /image <prompt>.")
    assert ann.post(f"/chats/{chat}/commands", {"text": "/help"}).json["images"] == []


def test_the_slash_command_with_one_key_asks_once(ann: Actor, router: Answers) -> None:
    chat = ann.post("/chats").json["id"]
    headers = ann.headers | {"Idempotency-Key": "the-same"}
    answers = [
        ann.client.post(f"/chats/{chat}/commands", json={"text": text}, headers=headers)
        for text in ("/image a fox", "/image a fox", "/image a hare", "/new", "/help")
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 422, 422, 200]
    assert answers[1].json == answers[0].json
    assert [answer.headers.get("Idempotent-Replay") for answer in answers] == [None, "true", None, None, None]
    assert len(router.asked) == len(ann.get("/images").json["items"]) == 1


def test_the_key_is_tried_out(ann: Actor, router: Answers) -> None:
    reference = ann.get("/model-configs").json["items"][0]["id"]
    told = ann.post(f"/model-configs/{reference}/test").json
    assert (told["ok"], told["provider"], told["model"], told["error"]) == (True, "imagerouter", "test/test", None)
    assert (told["first_token_ms"], told["latency_ms"] >= 0) == (None, True)
    router.by_path["/v1/openai/images/generations"] = (401, {"error": {"message": f"no such key {KEY}"}})
    answered = ann.post(f"/model-configs/{reference}/test")
    assert (answered.json["ok"], answered.json["error"]["code"]) == (False, "provider_auth_failed")
    assert KEY not in answered.text
    assert ann.get("/images").json["items"] == []


def test_who_signs_out_keeps_the_image_and_who_stops_has_none(app: Flask, ann: Actor, router: Answers) -> None:
    """The provider is still at it when both are answered."""
    path, asked, go = "/v1/openai/images/generations", threading.Event(), threading.Event()
    draw = router.by_path[path]

    def held(body: Any) -> Answer:
        asked.set()
        assert go.wait(120)
        return draw(body)

    router.by_path[path] = held
    services: Services = app.extensions["parley"]
    services.generations.start()
    with ThreadPoolExecutor(1) as pool:
        try:
            first = pool.submit(make, Actor(app.test_client(), ann.tokens))
            assert asked.wait(60)
            until(lambda: services.chats._store.database.pool_in_use() == 0, what="no connection while it is drawn")
            assert ann.post("/auth/logout").status_code == 204
            answer = first.result(60)
            assert (answer.status_code, answer.json["code"]) == (401, "session_ended")
            go.set()
            again = sign_in(ann.client, "ann")
            until(lambda: len(again.get("/images").json["items"]) == 1)
            asked.clear()
            go.clear()
            second = pool.submit(make, Actor(app.test_client(), again.tokens))
            assert asked.wait(60)
            (running_one,) = services.chats._store.read(lambda work: work.generations.active_of_user(UUID(ann.id)))
            assert again.post(f"/generations/{running_one.id}/stop").status_code == 200
            assert second.result(60).status_code == 409
            assert again.get(f"/generations/{running_one.id}").json["status"] == "stopped"
            assert len(again.get("/images").json["items"]) == 1
        finally:
            go.set()
