"""POST /model-configs/{id}/test: one tiny real call, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from api.config import Settings
from tests.services.test_model_configs import raw, signed_in
from tests.services.whole import KEY, Whole
from tests.upstream import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as up:
        yield up


@pytest.fixture
def whole(make_app: Callable[..., Flask], settings: Callable[..., Settings], upstream: Upstream) -> Whole:
    return Whole(make_app(openai_base_url=f"{upstream.url}/v1"))


def tried(whole: Whole, reference: str, name: str = "ann") -> dict[str, Any]:
    answer = signed_in(whole, name)("POST", f"/model-configs/{reference}/test")
    assert answer.status_code == 200, answer.text
    assert KEY not in answer.text
    value: dict[str, Any] = answer.get_json()
    return value


def test_a_config_that_works(whole: Whole, upstream: Upstream) -> None:
    reference = whole.config(whole.ann, temperature=0.5, system_prompt="Speak at length.")
    told = tried(whole, reference)
    assert (told["ok"], told["provider"], told["model"], told["error"]) == (True, "openai", "text", None)
    assert 0 <= told["first_token_ms"] <= told["latency_ms"]
    sent = upstream.served[-1]
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert (len(sent.body["messages"]), sent.body["temperature"]) == (1, 0.5), "its parameters, and nothing long"
    row = "SELECT surface || ' ' || status FROM generations WHERE chat_id IS NULL"
    assert raw(whole, row) == "test complete", "it is paid for, so it is in the ledger"


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("status:400", "provider_refused", "refused with status 400"),
        ("status:401", "provider_auth_failed", "key"),
        ("status:404", "model_not_found", "model"),
        ("status:429:7", "provider_rate_limited", ""),
        ("badjson", "provider_bad_response", ""),
    ],
)
def test_what_is_wrong_in_the_words_of_a_message(whole: Whole, model: str, code: str, words: str) -> None:
    told = tried(whole, whole.config(whole.ann, model=model))
    assert (told["ok"], told["error"]["code"]) == (False, code)
    assert words in told["error"]["detail"]
    if code == "provider_rate_limited":
        assert told["error"]["retry_after"] == 7


def test_a_provider_that_says_nothing(
    make_app: Callable[..., Flask], settings: Callable[..., Settings], upstream: Upstream
) -> None:
    whole = Whole(make_app(openai_base_url=f"{upstream.url}/v1", provider_first_timeout=1.0))
    assert tried(whole, whole.config(whole.ann, model="stall"))["error"]["code"] == "provider_timeout"


def test_a_key_that_cannot_be_read(whole: Whole, upstream: Upstream) -> None:
    reference = whole.config(whole.ann)
    raw(whole, "UPDATE model_configs SET api_key_encrypted = 'v1.00000000.x'")
    told = tried(whole, reference)
    assert (told["ok"], told["error"]["code"], upstream.requests) == (False, "key_unreadable", 0)


def test_ones_own_and_shared_ones_alone(whole: Whole) -> None:
    reference = whole.config(whole.ann)
    client = signed_in(whole, "ben")
    assert client("POST", f"/model-configs/{reference}/test").status_code == 404
    assert client("POST", "/model-configs/nothing/test").status_code == 404
    whole.services.model_configs.change(whole.ann, reference, {"shared": True})
    assert tried(whole, reference, "ben")["ok"]


def test_it_counts_as_a_generation(whole: Whole) -> None:
    reference = whole.config(whole.ann)
    before = whole.services.rate_limits.look(whole.ann)
    tried(whole, reference)
    after = whole.services.rate_limits.look(whole.ann)
    used = {one.name: one.remaining - other.remaining for one, other in zip(before, after, strict=True)}
    assert 1 in used.values()
