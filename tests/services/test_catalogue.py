"""The catalogue: what is there is listed, who does not answer is named, and nobody is asked twice at once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from api.domain.errors import NotFound, ProviderAuthFailed, ProviderTimeout
from api.providers import control, sdk_calls
from api.providers.catalogue import Catalogue
from api.services import catalogue as module
from api.services import fan_out
from tests.loopback import Handler, Loopback
from tests.server import until
from tests.services.whole import KEY, Whole, statements
from tests.upstream import MODELS, Upstream

PRICED = b"""{"data": [
    {"id": "maker/full", "context_length": 200000, "top_provider": {"max_completion_tokens": 8000},
     "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
     "supported_parameters": ["tools", "reasoning", "temperature"],
     "pricing": {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "0.0000003", "request": "0"}},
    {"id": "maker/free", "pricing": {"prompt": "0", "completion": "0"}},
    {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
    {"id": "openai/gpt-4o"}]}"""


@pytest.fixture(autouse=True)
def _time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDKs are there before any clock runs, and a slow machine misses no deadline but those that a test sets."""
    import_module("openai")
    import_module("ollama")
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 60.0)


class Lists(Loopback):
    """A provider that only lists models: `answers` by path's first part; `asked` counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.hanging = threading.Event()
        self.let_go = False  # somebody who hung
        lists = self

        class Asked(Handler):
            def do_GET(self) -> None:
                how = self.path.split("/")[1]
                lists.asked.append(how)
                if how == "hang":
                    lists.hanging.wait(120)
                    lists.let_go = True
                else:
                    lists.gate.wait(20)
                status = int(how) if how.isdigit() else 200
                two = b'{"data": [{"id": "one"}, {"id": "two"}]}'
                body = {"html": b"<html>", "none": b'{"data": []}', "priced": PRICED}.get(how, two)
                self.say(status, body)

        super().__init__(Asked)

    def url(self, how: str) -> str:
        return f"{self.origin}/{how}"

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self.hanging.set()
        super().__exit__()


@pytest.fixture
def lists() -> Iterator[Lists]:
    with Lists() as provider:
        yield provider


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
    missing = whole.services.catalogue.provider_models(whole.ben, "custom")
    assert (missing["models"], missing["configured_providers"]) == ([], [])
    assert [one["provider"] for one in missing["missing_providers"]] == ["custom"]
    assert "add a model config" in missing["message"]


def test_one_bad_key_of_a_provider_leaves_the_models_of_the_good_one(whole: Whole, lists: Lists) -> None:
    whole.config(whole.ann, "bad", provider="custom", base_url=lists.url("401"), model=None)
    whole.config(whole.ann, "good", provider="custom", base_url=lists.url("ok"), model=None)
    found = whole.services.catalogue.provider_models(whole.ann, "custom")
    assert names(found, "custom") == ["one", "two"]
    assert provider(found, "custom")["error"]["code"] == "provider_auth_failed"


def test_a_hundred_parallel_loads_are_one_call(whole: Whole, lists: Lists) -> None:
    for vendor, how in (("custom", "ok"), ("groq", "none"), ("mistral", "500")):
        whole.config(whole.ann, vendor, provider=vendor, base_url=lists.url(how), model=None)
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
    assert sorted(lists.asked) == ["500", "none", "ok"], "one call each"


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


def test_eight_providers_of_which_three_fail(whole: Whole, lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    whole.config(whole.ann, "warm", provider="custom", base_url=lists.url("ok"), model=None)
    whole.services.catalogue.models(whole.ann)  # SDKs are imported at first use
    how = {"groq": "hang", "mistral": "500", "deepseek": "401"}
    for vendor in ("openai", "groq", "openrouter", "mistral", "deepseek", "qwen", "huggingface"):
        whole.config(whole.ann, vendor, provider=vendor, base_url=lists.url(how.get(vendor, "ok")), model=None)
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 10.0)
    found = whole.services.catalogue.models(whole.ann)
    assert not lists.let_go, "it answered while one provider still hung"
    for vendor in ("custom", "openai", "openrouter", "qwen", "huggingface"):
        assert names(found, vendor) == ["one", "two"]
        assert "error" not in provider(found, vendor)
    errors = {vendor: provider(found, vendor)["error"]["code"] for vendor in how}
    assert errors == {
        "groq": "provider_timeout",
        "mistral": "provider_unavailable",
        "deepseek": "provider_auth_failed",
    }
    assert all(provider(found, vendor)["error"]["detail"] for vendor in how)
    monkeypatch.setattr(module, "DEADLINE_SECONDS", 0.5)
    with pytest.raises(ProviderTimeout):
        whole.services.catalogue.provider_models(whole.ann, "groq")
    assert {asked: lists.asked.count(asked) for asked in how.values()} == dict.fromkeys(how.values(), 1)


def test_a_slow_import_at_first_use_takes_no_providers_time(
    whole: Whole, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported, passed, importing = sdk_calls.import_whole, [0.0], []

    def slow_once(*sdks: str) -> None:
        if not importing:
            passed[0] += 1_000
        importing.append(threading.get_ident())
        imported(*sdks)

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + passed[0]))
    for place in (control, sdk_calls):
        monkeypatch.setattr(place, "import_whole", slow_once)
    whole.config(whole.ann, "mine", provider="custom", base_url=lists.url("ok"), model=None)
    assert names(whole.services.catalogue.models(whole.ann), "custom") == ["one", "two"]
    assert importing[0] == threading.get_ident(), "and not while a provider's time ran"


def test_hanging_providers_of_one_user_do_not_hold_up_another(
    whole: Whole, lists: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(fan_out.SHARE * 3):
        whole.config(whole.ann, f"hangs {number}", provider="custom", base_url=lists.url("hang"), model=None)
    whole.config(whole.ben, "answers", provider="custom", base_url=lists.url("ok"), model=None)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(whole.services.catalogue.models, whole.ann)
        until(lambda: lists.asked.count("hang") == fan_out.SHARE)
        assert names(whole.services.catalogue.models(whole.ben), "custom") == ["one", "two"]
        assert lists.asked.count("hang") == fan_out.SHARE, "one user holds his share of the threads, no more"
        lists.hanging.set()
        waiting.result(30)


def test_entries_say_what_is_known_and_null_for_the_rest(whole: Whole, lists: Lists) -> None:
    whole.config(whole.ann, "router", provider="openrouter", base_url=lists.url("priced"), model=None)
    whole.config(whole.ann, "mine", provider="custom", base_url=lists.url("ok"), model=None)
    found = {model["id"]: model for model in whole.services.catalogue.models(whole.ann)["models"]}
    full = found["openrouter/maker/full"]
    assert (full["context_window"], full["max_output"]) == (200_000, 8_000)
    assert full["abilities"] == ["chat", "reasoning", "tools", "vision"]
    assert full["prices"] == {
        "currency": "USD",
        "per_tokens": 1_000_000,
        "input": "3",
        "output": "15",
        "cached": "0.3",
        "cache_write": None,
        "reasoning": None,
        "thinking": None,
        "above": [],
        "source": "openrouter",
    }
    assert found["openrouter/maker/free"]["prices"]["input"] == "0", "said to be free, which is known"
    assert found["openrouter/openrouter/auto"]["prices"] is None
    known = found["openrouter/openai/gpt-4o"]
    assert known["prices"]["source"].startswith("genai-prices")
    assert known["context_window"] == 128_000
    unknown = found["custom/one"]
    assert [unknown[name] for name in ("context_window", "max_output", "abilities", "prices")] == [None] * 4


def test_rates_that_rise_with_the_prompt_are_shown(whole: Whole) -> None:
    whole.config(whole.ann, "qwen", provider="qwen", base_url="http://127.0.0.1:9/v1", model="qwen3-max")
    found = whole.services.catalogue.models(whole.ann)
    prices = next(model["prices"] for model in found["models"] if model["id"] == "qwen/qwen3-max")
    assert (prices["input"], prices["output"]) == ("1.2", "6")
    assert prices["above"] == [
        {"prompt_tokens": 32_000, "input": "2.4", "output": "12"},
        {"prompt_tokens": 128_000, "input": "3", "output": "15"},
    ]


def test_models_that_do_nothing_we_do_are_not_listed() -> None:
    from api.domain.model_facts import known

    vendor = Catalogue().vendor("openai")
    assert vendor is not None
    offered = {name: known("openai", name) for name in ("gpt-4o", "whisper-1", "tts-1", "text-embedding-3-small")}
    shown = {entry["name"]: entry["abilities"] for entry in module._entries(module.Listing(vendor, offered))}
    assert shown == {"gpt-4o": ["chat", "tools", "vision"], "text-embedding-3-small": ["embeddings"]}


def test_what_the_operator_set_up_and_is_down_is_named(make_app: Any) -> None:
    whole = Whole(make_app(litellm_base_url="http://127.0.0.1:9", ollama_base_url="http://127.0.0.1:9"))
    found = whole.services.catalogue.models(whole.ann)
    assert provider(found, "litellm")["error"]["code"] == "provider_unavailable"
    assert "ollama" in {one["provider"] for one in found["missing_providers"]}
