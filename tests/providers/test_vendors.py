"""Every row of the table against its golden file: what that vendor is sent, what it answers, what we make of it.

A new vendor that speaks a known wire is a row in `vendors.py` and a file in `tests/golden/vendors`: nothing else.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from api.config import Settings
from api.domain.conversation import CompletionRequest, Tool, Turn
from api.domain.embeddings import EmbeddingOrder
from api.domain.errors import Invalid
from api.domain.events import Finish
from api.providers import catalogue
from api.providers.catalogue import Catalogue
from api.providers.control import Control
from api.providers.vendors import VENDORS, Vendor
from api.security.egress import Egress
from bench.decode import CASES
from tests.answers import Answers

GOLDEN = Path(__file__).parent.parent / "golden" / "vendors"
KEY = "sk-golden-0123456789"
WEATHER = Tool("weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}})
TURNS = (Turn("user", "Hi 👋"), Turn("assistant", "Hello!"), Turn("user", "介绍一下RUST"))
CATALOGUE = Catalogue()
CHAT = [vendor for vendor in VENDORS if "chat" in vendor.abilities]


def request_for(vendor: Vendor) -> CompletionRequest:
    """Everything that a caller can set."""
    model = vendor.default_model or "some-model"
    return CompletionRequest(model, TURNS, "Be brief.", 0.2, 0.9, 64, tools=(WEATHER,), stop=("END",), seed=7)


def asked(vendor: Vendor) -> dict[str, Any]:
    """The request, as the golden file holds it."""
    endpoint = CATALOGUE.endpoint(vendor.id, None if vendor.base_url else vendor.url_hint, KEY)
    sent = CATALOGUE.wire(vendor.id).encode(endpoint, request_for(vendor))
    assert KEY not in sent.url
    assert KEY not in repr(sent)
    headers = {name: value.replace(KEY, "KEY") for name, value in sent.headers.items()}
    return {"url": sent.url, "headers": headers, "body": json.loads(sent.body), "notes": list(sent.notes)}


def told(vendor: Vendor, answer: bytes) -> list[dict[str, Any]]:
    """The events of an answer, as the golden file holds them."""
    decoder = CATALOGUE.wire(vendor.id).decoder(request_for(vendor))
    events = decoder.feed(answer) + decoder.end()
    return [
        {
            type(event).__name__: {
                n: v for n in event.__struct_fields__ if (v := getattr(event, n)) not in (None, False, "")
            }
        }
        for event in events
    ]


@pytest.mark.parametrize("vendor", CHAT, ids=lambda vendor: vendor.id)
def test_golden(vendor: Vendor) -> None:
    golden = json.loads((GOLDEN / f"{vendor.id}.json").read_text())
    assert asked(vendor) == golden["request"]
    assert told(vendor, "".join(golden["answer"]).encode()) == golden["events"]


def test_every_golden_file_has_its_row() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {vendor.id for vendor in CHAT}


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.id)
def test_rows_are_whole(vendor: Vendor) -> None:
    assert re.fullmatch(r"[a-z]+", vendor.id)
    assert vendor.title
    assert vendor.takes_key or not vendor.needs_key
    assert vendor.key_hint or not vendor.takes_key
    assert vendor.base_url is None or vendor.base_url == vendor.base_url.rstrip("/") or vendor.id == "demo"
    assert vendor.base_url is None or not vendor.needs_key or vendor.base_url.startswith("https://")
    assert not vendor.key_prefix or vendor.key_hint.startswith(vendor.key_prefix)
    for family in vendor.families:
        re.compile(family.models)
        known = {field.name for field in dataclasses.fields(CompletionRequest)}
        assert set(family.refuses) <= known


def test_the_vendors_that_people_have() -> None:
    wanted = "openai anthropic claude gemini google qwen huggingface groq openrouter imagerouter mistral deepseek"
    for name in [*wanted.split(), "litellm", "custom", "ollama", "demo"]:
        assert CATALOGUE.vendor(name) is not None, name


def test_usual_models() -> None:
    """The documents' own where they are still offered; of Anthropic, Gemini and Qwen they are not any more."""
    usual = {vendor.id: vendor.default_model for vendor in VENDORS}
    assert (usual["openai"], usual["huggingface"]) == ("gpt-4o", "meta-llama/Llama-3.3-70B-Instruct")
    gone = {"claude-sonnet-4-5-20250929", "gemini-2.0-flash-exp", "qwen-max"}
    assert not gone & set(usual.values())
    assert {name for name, model in usual.items() if model is None} == {"imagerouter", "litellm", "custom", "ollama"}


def test_a_new_compatible_vendor_is_a_row_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent to, read, listed with what its list says, and asked for embeddings, without a line of code."""
    row = Vendor(
        id="newco",
        title="New Co",
        wire="openai",
        base_url="https://api.newco.example/v1",
        needs_key=True,
        key_hint="nc-…",
        default_model="new-1",
        abilities=frozenset({"chat", "models", "embeddings"}),
        names=(("seed", "random_seed"),),
        stream_usage=False,
    )
    monkeypatch.setattr(catalogue, "VENDORS", (*VENDORS, row))
    model = {"id": "new-1", "context_length": 64_000}
    vectors = {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 1}}
    with Answers({"/v1/models": {"data": [model]}, "/v1/embeddings": vectors}) as server:
        known = Catalogue({"newco": f"{server.url}/v1"})
        endpoint = known.endpoint("NewCo", None, KEY)
        assert endpoint.trusted
        sent = known.wire("newco").encode(endpoint, request_for(row))
        assert sent.url == f"{server.url}/v1/chat/completions"
        assert json.loads(sent.body)["random_seed"] == 7
        assert "stream_options" not in json.loads(sent.body)
        control = Control(known, Egress())
        assert [(m.id, m.facts.context_window) for m in control.list_models(endpoint)] == [("new-1", 64_000)]
        assert control.embed(endpoint, "new-e", EmbeddingOrder(("text",))).vectors == ((1.0,),)
    answer = "".join(json.loads((GOLDEN / "custom.json").read_text())["answer"]).encode()
    decoder = known.wire("newco").decoder(request_for(row))
    assert decoder.feed(answer) + decoder.end()


@pytest.mark.parametrize(
    "vendor", [vendor for vendor in VENDORS if vendor.wire != "demo"], ids=lambda vendor: vendor.id
)
def test_the_operator_may_move_every_vendor(vendor: Vendor) -> None:
    settings = Settings(**{f"{vendor.id}_base_url": "http://gateway:9000/v1/"})
    moved = Catalogue(settings.base_urls())
    endpoint = moved.endpoint(vendor.id, None, KEY)
    assert (endpoint.base_url, endpoint.trusted) == ("http://gateway:9000/v1", True)
    if "chat" in vendor.abilities:
        sent = moved.wire(vendor.id).encode(endpoint, request_for(vendor))
        assert sent.url.startswith("http://gateway:9000/v1/")
        assert sent.trusted


def test_every_wire_is_in_the_bench() -> None:
    assert set(CASES) == {vendor.wire for vendor in VENDORS}
    for wire, sample in CASES.values():
        decoder = wire().decoder(CompletionRequest("m", TURNS))
        events = decoder.feed(b"".join(sample())) + decoder.end()
        assert any(isinstance(event, Finish) for event in events)


def test_a_vendor_without_chat_says_so() -> None:
    with pytest.raises(Invalid, match="no chat models"):
        CATALOGUE.wire("imagerouter")
    assert CATALOGUE.endpoint("imagerouter", None, "key").trusted


@pytest.mark.parametrize(
    ("vendor", "model", "left_out"),
    [
        ("openai", "gpt-4o", set()),
        ("openai", "gpt-5.1-chat-latest", set()),
        ("openai", "o3", {"temperature", "top_p", "stop"}),
        ("openai", "gpt-6-luna", {"temperature", "top_p", "stop"}),
        ("anthropic", "claude-haiku-4-5-20251001", {"top_p", "seed"}),
        ("anthropic", "claude-sonnet-4-20250514", {"top_p", "seed"}),
        ("anthropic", "claude-opus-4-8", {"temperature", "top_p", "seed"}),
        ("anthropic", "claude-sonnet-5-5", {"temperature", "top_p", "seed"}),
        ("gemini", "gemini-3.8-flash", set()),
        ("ollama", "llama3.2", set()),
    ],
)
def test_what_a_family_refuses_is_left_out_with_a_note(vendor: str, model: str, left_out: set[str]) -> None:
    row = CATALOGUE.vendor(vendor)
    assert row is not None
    request = dataclasses.replace(request_for(row), model=model)
    sent = CATALOGUE.wire(vendor).encode(CATALOGUE.endpoint(vendor, None, KEY), request)
    body = json.loads(sent.body)
    fields = body | body.get("generationConfig", {}) | body.get("options", {})
    assert {note.split(" ")[0] for note in sent.notes} == left_out
    for name in left_out:
        assert name not in fields
