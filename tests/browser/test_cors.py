"""A page of another origin: it may call the API, streams included, where `CORS_ORIGINS` lists it, and nowhere else."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests import clients, foreign
from tests.server import Person, Server, running_server

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ASK = """async ([url, key, body, headers]) => {
  try {
    const answer = await fetch(url, {
      method: body ? "POST" : "GET",
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json", ...headers },
      body: body ? JSON.stringify(body) : undefined,
    });
    const reader = answer.body.getReader(), decoder = new TextDecoder();
    let text = "", pieces = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
      pieces += 1;
    }
    return { status: answer.status, text, pieces, id: answer.headers.get("X-Request-ID") };
  } catch (error) { return { refused: error.name }; }
}"""
SDK = """async ([url, apiKey]) => {
  const { default: OpenAI } = await import("/openai/index.mjs");
  const client = new OpenAI({ baseURL: url + "/v1", apiKey, maxRetries: 0, dangerouslyAllowBrowser: true });
  const asked = { model: "demo", messages: [{ role: "user", content: "hello" }] };
  try {
    let streamed = "";
    const stream = await client.chat.completions.create({ ...asked, stream: true });
    for await (const chunk of stream) streamed += chunk.choices[0]?.delta.content ?? "";
    const whole = await client.chat.completions.create(asked);
    const refused = await client.models.retrieve("nothing/here").catch((error) => error.constructor.name);
    return { streamed, said: whole.choices[0].message.content, refused };
  } catch (error) { return { refused: error.constructor.name }; }
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<!doctype html><title>Elsewhere</title>")
    (folder / "openai").symlink_to(foreign.modules(Path(clients.__file__).parent) / "openai")
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def open_api(origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("cors")
    with running_server(f"sqlite:///{folder}/parley.db", folder, CORS_ORIGINS=origin) as server:
        yield server


@pytest.fixture
def elsewhere(chromium: Browser, origin: str) -> Iterator[Page]:
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(origin)
        yield page


def ask(page: Page, person: Person, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    told = [f"http://127.0.0.1:{person.port}{path}", person.token, body, headers]
    return dict(page.evaluate(ASK, told))


HELLO = {"model": "demo", "messages": [{"role": "user", "content": "hello"}]}


def test_a_listed_origin_talks_to_all_of_it(elsewhere: Page, open_api: Server) -> None:
    ann = open_api.person("ann")
    chat = ann.chat()
    sent = ask(elsewhere, ann, f"/chats/{chat}/messages", {"content": "hello"}, Accept="text/event-stream")
    assert (sent["status"], "event: finished" in sent["text"]) == (200, True)
    assert sent["pieces"] > 1, "a stream came as a whole"
    assert sent["id"], "a page may read X-Request-ID"
    streamed = ask(elsewhere, ann, "/v1/chat/completions", HELLO | {"stream": True}, **{"Idempotency-Key": "k1"})
    assert (streamed["status"], streamed["text"].endswith("data: [DONE]\n\n")) == (200, True)
    assert streamed["pieces"] > 1
    whole = ask(elsewhere, ann, "/v1/chat/completions", HELLO)
    assert (whole["status"], '"chat.completion"' in whole["text"]) == (200, True)
    assert ask(elsewhere, ann, "/v1/models")["status"] == 200
    stranger = Person(ann.port, "parley-nobody")
    assert ask(elsewhere, stranger, "/v1/chat/completions", HELLO)["status"] == 401  # and the page may read why


def test_a_listed_origin_talks_to_sessions(elsewhere: Page, open_api: Server) -> None:
    ann = open_api.person("ann")
    made = ask(elsewhere, ann, "/api/sessions", {"title": "from a page"})
    assert made["status"] == 201
    session = json.loads(made["text"])["id"]
    asked = {"model": "demo/demo", "message": "hello"}
    said = ask(elsewhere, ann, f"/api/sessions/{session}/chat/stream", asked)
    assert (said["status"], said["text"].endswith("data: [DONE]\n\n")) == (200, True), said
    assert said["pieces"] > 1, "a stream came as a whole"
    kept = ask(elsewhere, ann, f"/api/sessions/{session}/messages")
    assert [message["role"] for message in json.loads(kept["text"])] == ["user", "assistant"]


def test_openais_sdk_in_a_page(elsewhere: Page, open_api: Server) -> None:
    ann = open_api.person("ann")
    found = elsewhere.evaluate(SDK, [f"http://127.0.0.1:{open_api.port}", ann.token])
    assert found["streamed"] == found["said"] != ""
    assert found["refused"] == "NotFoundError"


def test_an_origin_that_is_not_listed_is_refused(elsewhere: Page, api: Server) -> None:
    ben = api.person("ben")
    for path, body in (
        ("/v1/models", None),
        ("/v1/chat/completions", HELLO | {"stream": True}),
        ("/chats", {"title": "not to be"}),
        ("/api/sessions", {"title": "not to be"}),
    ):
        assert ask(elsewhere, ben, path, body) == {"refused": "TypeError"}, path
    assert ben.call("GET", "/chats").json["items"] == [], "the preflight was refused, so nothing was sent"
    assert elsewhere.evaluate(SDK, [f"http://127.0.0.1:{api.port}", ben.token]) == {"refused": "APIConnectionError"}
