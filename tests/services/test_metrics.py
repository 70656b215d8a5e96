"""What dashboards and alerts are fed with: every end, whatever made it, and how long the storing of replies takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from api.domain import metrics
from api.domain.errors import ProviderError
from api.domain.ids import new_id
from api.models.generations import GENERATIONS
from api.repositories.presence import presence_of
from api.services.generations.recovery import Recovery
from api.services.images import ImageDraft
from tests.answers import Answers
from tests.image_router import KEY, running
from tests.services.whole import Whole

PATH = "/v1/openai/images/generations"


def sample(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"parley_{name}", labels) or 0.0


class Growth:
    """By how much a sample has grown since it was first looked at."""

    def __init__(self, name: str, **labels: str) -> None:
        self._look: Callable[[], float] = lambda: sample(name, **labels)
        self._before = self._look()

    @property
    def now(self) -> float:
        return self._look() - self._before


@pytest.fixture
def router() -> Iterator[Answers]:
    with running() as server:
        yield server


@pytest.fixture
def drawing(make_app: Callable[..., Flask], router: Answers) -> Whole:
    whole = Whole(make_app(imagerouter_base_url=f"{router.url}/v1/openai"))
    whole.config(whole.ann, "draws", provider="imagerouter", api_key=KEY, model=None)
    return whole


def test_a_reply_is_counted_and_its_storing_is_timed(whole: Whole) -> None:
    ends, flushes = Growth("generations_total", status="complete"), Growth("flush_seconds_count")
    said = Growth("tokens_total", provider="demo", kind="completion")
    generation = whole.said(whole.ann, whole.chat(whole.ann), "demo:fast hello", model="demo/demo")
    assert generation.status == "complete"
    assert (ends.now, said.now) == (1, generation.completion_tokens)
    assert flushes.now >= 1


def test_a_call_without_a_chat_is_counted_as_well(drawing: Whole, router: Answers) -> None:
    made, failed = Growth("generations_total", status="complete"), Growth("generations_total", status="error")
    refused = Growth("provider_errors_total", provider="imagerouter", code="provider_auth_failed")
    drawing.services.images.make(drawing.ann, ImageDraft("a fox"))
    assert (made.now, failed.now, refused.now) == (1, 0, 0)
    router.by_path[PATH] = (401, {"error": {"message": "a bad key"}})
    with pytest.raises(ProviderError):
        drawing.services.images.make(drawing.ann, ImageDraft("a fox"))
    assert (made.now, failed.now, refused.now) == (1, 1, 1)


def test_what_a_dead_process_left_is_counted_once(whole: Whole) -> None:
    store, me, dead = whole.services.chats._store, new_id(), new_id()
    generation = whole.said(whole.ann, whole.chat(whole.ann), "demo:fast hello", model="demo/demo")
    left = sa.update(GENERATIONS).where(GENERATIONS.c.id == generation.id)
    left = left.values(owner=dead, status="running", finished_at=None)
    store.write(lambda work: work.connection.execute(left))
    ends = Growth("generations_total", status="interrupted")
    recovery = Recovery(store, presence_of(store.database, me), me, lambda _: False)
    assert [recovery.recover(dead), recovery.recover(dead)] == [1, 0]
    assert ends.now == 1
