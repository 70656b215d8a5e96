"""The catalogue: what is there is listed, who does not answer is named, and nobody is asked twice at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from api.domain.errors import NotFound, ProviderAuthFailed
from api.services import catalogue as module
from tests.services.whole import KEY, Whole, statements
from tests.upstream import MODELS, Upstream


class Lists:
    """A provider that only lists models: `answers` by path's first part; `asked` counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        lists = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                how = self.path.split("/")[1]
                lists.asked.append(how)
                lists.gate.wait(20)
                status = int(how) if how.isdigit() else 200
                two = b'{"data": [{"id": "one"}, {"id": "two"}]}'
                body = {"html": b"<html>", "none": b'{"data": []}'}.get(how, two)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def url(self, how: str) -> str:
        return f"http://127.0.0.1:{self.port}/{how}"

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def lists() -> Iterator[Lists]:
    provider = Lists()
    yield provider
    provider.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """A provider that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def whole(make_app: Any, upstream: Upstream, lists: Lists, silent: str) -> Whole:
    return Whole(
        make_app(
            openai_base_url=f"{upstream.url}/v1",
            ollama_base_url="http://127.0.0.1:9",
            allowed_private_hosts=f"127.0.0.1:{lists.port},{silent}",
        )
    )


def names(found: dict[str, Any], provider: str) -> list[str]:
    return [model["name"] for model in found["models"] if model["provider"] == provider]


def provider(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in found["configured_providers"] if one["provider"] == name)


def test_a_newcomer_sees_the_demo_and_what_is_missing(whole: Whole) -> None:
    found = whole.services.catalogue.models(whole.ann)
    assert [one["provider"] for one in found["configured_providers"]] == ["demo"]
    assert names(found, "demo") == ["demo", "demo-thinking"]
    assert {one["provider"] for one in found["missing_providers"]} >= {"openai", "custom", "ollama"}
    assert "OpenAI" in found["message"]


def test_models_of_ones_configs(whole: Whole) -> None:
    whole.config(whole.ann, model="named-in-the-config")
    found = whole.services.catalogue.models(whole.ann)
    assert names(found, "openai") == ["named-in-the-config", *sorted(MODELS)]
    assert "error" not in provider(found, "openai")
    entry = next(one for one in found["models"] if one["name"] == "text")
    assert entry["id"] == "openai/text"
    assert names(whole.services.catalogue.models(whole.ben), "openai") == [], "another's keys list nothing"
    one = whole.services.catalogue.provider_models(whole.ann, "openai")
    assert [model["name"] for model in one["models"]] == names(found, "openai")
    with pytest.raises(NotFound):
        whole.services.catalogue.provider_models(whole.ann, "nobody")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("401", "provider_auth_failed"),
        ("500", "provider_unavailable"),
        ("html", "provider_bad_response"),
        ("302", "provider_bad_response"),
    ],
)
def test_a_broken_provider_is_named_and_empties_nobody_elses_list(
    whole: Whole, lists: Lists, how: str, code: str
) -> None:
    whole.config(whole.ann, model=None)
    whole.config(whole.ann, "broken", provider="custom", base_url=lists.url(how), model="kept")
    found = whole.services.catalogue.models(whole.ann)
    assert provider(found, "custom")["error"]["code"] == code
    assert KEY not in repr(found)
    assert names(found, "custom") == ["kept"], "what its config names can be tried"
    assert names(found, "openai") == sorted(MODELS)
    assert "error" not in provider(found, "openai")


def test_a_silent_provider_is_named_within_the_deadline(
    whole: Whole, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 1.0)
    whole.config(whole.ann, model=None)
    whole.services.catalogue.provider_models(whole.ann, "openai")  # SDKs are imported at first use
    whole.config(whole.ann, "silent", provider="custom", base_url=f"http://{silent}/v1", model=None)
    found = whole.services.catalogue.models(whole.ann)
    assert provider(found, "custom")["error"]["detail"]
    assert names(found, "openai") == sorted(MODELS)
    assert "error" not in provider(found, "openai")


def test_asked_alone_a_provider_answers_with_its_error(whole: Whole, lists: Lists) -> None:
    whole.config(whole.ann, "broken", provider="custom", base_url=lists.url("401"))
    with pytest.raises(ProviderAuthFailed):
        whole.services.catalogue.provider_models(whole.ann, "custom")


def test_a_hundred_parallel_loads_are_one_call(whole: Whole, lists: Lists) -> None:
    whole.config(whole.ann, "local", provider="custom", base_url=lists.url("ok"), model=None)
    lists.gate.clear()
    waiting = threading.Semaphore(0)

    def load(_: int) -> list[str]:
        waiting.release()
        return names(whole.services.catalogue.models(whole.ann), "custom")

    with ThreadPoolExecutor(100) as pool:
        loads = [pool.submit(load, number) for number in range(100)]
        for _ in range(100):
            waiting.acquire()
        lists.gate.set()
        assert all(load.result() == ["one", "two"] for load in loads)
    assert lists.asked == ["ok"]


def test_a_changed_config_is_asked_anew(whole: Whole, lists: Lists) -> None:
    catalogue, configs = whole.services.catalogue, whole.services.model_configs
    reference = whole.config(whole.ann, "local", provider="custom", base_url=lists.url("ok"), model=None)
    assert names(catalogue.models(whole.ann), "custom") == ["one", "two"]
    assert names(catalogue.models(whole.ann), "custom") == ["one", "two"]
    assert lists.asked == ["ok"]
    configs.change(whole.ann, reference, {"base_url": lists.url("none")})
    assert names(catalogue.models(whole.ann), "custom") == []
    assert lists.asked == ["ok", "none"]


def test_a_list_takes_one_statement_however_many_configs(whole: Whole) -> None:
    whole.config(whole.ann)
    load = lambda: whole.services.catalogue.models(whole.ann)  # noqa: E731
    assert len(statements(whole, load)) == 1
    for number in range(5):
        whole.config(whole.ann, f"more {number}")
    assert len(statements(whole, load)) == 1
