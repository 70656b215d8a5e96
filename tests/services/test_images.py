"""Images as a use case: which model makes them, what is counted and kept, and what goes again."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api.domain import clock
from api.domain.audit import Actor
from api.domain.budgets import Budget
from api.domain.errors import (
    BudgetExceeded,
    Invalid,
    KeyUnreadable,
    NotFound,
    Overloaded,
    PriceUnknown,
    ProviderAuthFailed,
    ProviderError,
    ProviderNotConfigured,
    StoreUnavailable,
)
from api.domain.ids import new_id
from api.domain.model_facts import image_rates_of
from api.domain.money import to_units
from api.repositories.unit_of_work import Store
from api.services.files import FileService
from api.services.images import ImageDraft
from api.services.retention import RetentionService
from api.storage import GRACE_SECONDS, FileStorage
from tests.answers import Answers
from tests.image_router import KEY, b64, png, running
from tests.services.test_model_configs import raw
from tests.services.whole import PASSWORD, Whole

ROOT = Actor(None, "root")
PATH = "/v1/openai/images/generations"


@pytest.fixture
def router() -> Iterator[Answers]:
    with running() as server:
        yield server


@pytest.fixture
def whole(make_app: Callable[..., Flask], router: Answers) -> Whole:
    """The server as ImageRouter and as OpenAI; at most two calls at a time."""
    urls = {"imagerouter_base_url": f"{router.url}/v1/openai", "openai_base_url": f"{router.url}/v1"}
    return Whole(make_app(**urls, max_image_bytes=100_000, threads=8, image_timeout=30.0))


def configured(whole: Whole, provider: str = "imagerouter", **values: Any) -> str:
    given = {"provider": provider, "api_key": KEY, "model": None, "name": provider} | values
    return whole.config(whole.ann, **given)


def made(whole: Whole, **draft: Any) -> Any:
    return whole.services.images.make(whole.ann, ImageDraft(**{"prompt": "a fox"} | draft))


def model_asked(server: Answers) -> tuple[str, str]:
    path, body, _ = server.asked[-1]
    return path, body["model"]


def test_which_model_makes_it(whole: Whole, router: Answers) -> None:
    with pytest.raises(ProviderNotConfigured, match="ImageRouter"):
        made(whole)
    with pytest.raises(ProviderNotConfigured, match="ImageRouter"):
        made(whole, model="imagerouter/test/test")
    talking = configured(whole, "openai", model="gpt-4o", name="talks")
    made(whole)
    assert model_asked(router) == ("/v1/images/generations", "gpt-image-2"), "a model that talks makes none"
    other = configured(whole, "openai", model="gpt-image-1", name="draws")
    own = configured(whole)
    for draft, path, model in (
        ({}, "openai/", "openai/gpt-image-2"),
        ({"model": "imagerouter/test/test"}, "openai/", "test/test"),
        ({"model": "openai/tokens"}, "", "tokens"),
        ({"model": "draws"}, "", "gpt-image-1"),
        ({"model_config_id": talking}, "", "gpt-image-2"),
        ({"model_config_id": other}, "", "gpt-image-1"),
        ({"model_config_id": own, "model": "a/b"}, "openai/", "a/b"),
        ({"model_config_id": own, "model": "imagerouter/a/b"}, "openai/", "a/b"),
    ):
        if "model_config_id" in draft:
            draft["model_config_id"] = whole.services.model_configs.get(whole.ann, str(draft["model_config_id"])).id
        assert made(whole, **draft).images[0].model == model
        assert model_asked(router) == (f"/v1/{path}images/generations", model)
    asked = len(router.asked)
    with pytest.raises(Invalid, match="Demo makes no images"):
        made(whole, model="demo/demo")
    with pytest.raises(NotFound):
        made(whole, model_config_id=new_id())
    with pytest.raises(ProviderNotConfigured, match="ImageRouter"):
        whole.services.images.make(whole.ben, ImageDraft("a fox"))
    for draft in ({"prompt": " "}, {"prompt": "a\0b"}, {"prompt": "a" * 100_001}, {"n": 0}, {"n": 11}):
        with pytest.raises(Invalid):
            made(whole, **draft)
    assert len(router.asked) == asked, "nobody was asked"


def test_what_is_kept(whole: Whole, router: Answers, tmp_path: Path) -> None:
    configured(whole)
    batch = made(whole, n=2, size="8x8", quality="high")
    first, second = batch.images
    assert (first.prompt, first.revised_prompt, first.provider) == ("a fox", "a fox, revised", "imagerouter")
    assert (first.mime, first.size, first.requested_size, first.quality) == ("image/png", "8x8", "8x8", "high")
    assert first.cost == second.cost == Decimal("0.008"), "of the whole call"
    assert first.digest != second.digest
    images = whole.services.images
    opened, file = images.open(whole.ann, str(first.id))
    with file:
        assert file.read() == images.read(first)
    assert opened == first
    assert (tmp_path / "files" / first.digest[:2] / first.digest).read_bytes() == images.read(first)
    pages = [made(whole).images[0].id for _ in range(2)]
    page = images.page(whole.ann, 3, None)
    assert [image.id for image in page.items] == [*pages[::-1], second.id]
    rest = images.page(whole.ann, 3, page.next_cursor)
    assert ([image.id for image in rest.items], rest.next_cursor) == ([first.id], None)
    with pytest.raises(Invalid):
        images.page(whole.ann, 3, "no cursor")
    for nobody in (str(first.id), str(new_id()), "nothing"):
        for act in (images.get, images.open, images.delete):
            with pytest.raises(NotFound) as caught:
                act(whole.ben, nobody)
            assert caught.value.detail == "There is no such image."
    images.delete(whole.ann, str(first.id))
    with pytest.raises(NotFound):
        images.get(whole.ann, str(first.id))


def test_each_call_is_a_row_of_the_ledger(whole: Whole) -> None:
    configured(whole)
    generation = whole.services.generations.get(whole.ann, str(made(whole, n=3).generation_id))
    assert (generation.status, generation.provider, generation.surface) == ("complete", "imagerouter", "native")
    assert (generation.cost, generation.price_source) == (Decimal("0.012"), "imagerouter")
    with pytest.raises(ProviderAuthFailed) as caught:
        made(whole, model="imagerouter/status:401")
    assert KEY not in caught.value.detail
    assert raw(whole, "SELECT error_code FROM generations WHERE status = 'error'") == "provider_auth_failed"
    assert raw(whole, "SELECT count(*) FROM images") == 3


def test_what_is_paid_for_is_kept_though_the_database_is_away(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(whole)
    write, refusals = Store.write, iter(range(3))

    def away(store: Store, *args: Any, **options: Any) -> Any:
        if threading.current_thread().name == "call" and next(refusals, None) is not None:
            raise StoreUnavailable("away")
        return write(store, *args, **options)

    monkeypatch.setattr(Store, "write", away)
    batch = made(whole)
    assert next(refusals, None) is None
    generation = whole.services.generations.get(whole.ann, str(batch.generation_id))
    assert (generation.status, generation.cost) == ("complete", Decimal("0.004"))
    assert whole.services.images.get(whole.ann, str(batch.images[0].id)).cost == Decimal("0.004")


def test_what_somebody_else_has_ended_meanwhile_is_not_told_as_made(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(whole)
    write, generations, once = Store.write, whole.services.generations, iter([True])

    def late(store: Store, *args: Any, **options: Any) -> Any:
        if threading.current_thread().name == "call" and next(once, False):
            assert generations.recovery.recover(generations.owner) == 1
        return write(store, *args, **options)

    monkeypatch.setattr(Store, "write", late)
    with pytest.raises(StoreUnavailable, match="Try again"):
        made(whole)
    assert whole.services.images.page(whole.ann, 3, None).items == []


def test_what_it_costs(whole: Whole) -> None:
    """The administrator's word, the provider's, the tables', and null where nobody knows."""
    configured(whole)
    configured(whole, "openai")
    unknown = made(whole, model="imagerouter/free")
    assert unknown.images[0].cost is None
    assert made(whole, model="imagerouter/cost:0").images[0].cost == 0
    assert made(whole, model="openai/tokens").images[0].cost is None
    by_table = Decimal(10 * 5 + 100 * 30) / 1_000_000
    rates = image_rates_of("openai", "gpt-image-2")
    assert rates is not None
    assert rates.output is not None
    assert (rates.input.base * 10 + rates.output.base * 100) / 1_000_000 == by_table
    assert image_rates_of("openai", "gpt-4o") is None


def test_limits_and_budgets_hold(whole: Whole, router: Answers) -> None:
    configured(whole)
    configured(whole, "openai")
    money = Budget(new_id(), "everyone", None, "cost", "month", to_units(Decimal("0.5")))
    whole.services.budgets.put(ROOT, money)
    asked = len(router.asked)
    with pytest.raises(PriceUnknown, match="nobody-knows"):
        made(whole, model="openai/nobody-knows")
    with pytest.raises(BudgetExceeded):
        made(whole, model="openai/gpt-image-2", n=10)
    assert len(router.asked) == asked, "nobody was asked"
    assert made(whole, model="openai/gpt-image-2").images


def test_what_is_charged_afterwards_is_put_aside_before(whole: Whole, router: Answers) -> None:
    """ImageRouter's prices are not known beforehand: a quarter of a dollar an image is held, what it says counts."""
    configured(whole)
    money = Budget(new_id(), "everyone", None, "cost", "month", to_units(Decimal("0.6")))
    budgets = whole.services.budgets
    budgets.put(ROOT, money)
    asked = len(router.asked)
    with pytest.raises(BudgetExceeded):
        made(whole, n=3)
    assert len(router.asked) == asked, "nobody was asked"
    seen: list[int] = []
    told = router.by_path[PATH]

    def answered(body: Any) -> Any:
        seen.append(budgets.states(whole.ann)[0].reserved)
        return told(body)

    router.by_path[PATH] = answered
    assert len(made(whole, n=2).images) == 2
    assert set(seen) == {to_units(Decimal("0.5"))}
    (state,) = budgets.states(whole.ann)
    assert (state.used, state.reserved) == (to_units(Decimal("0.008")), 0), "what it said that it charged"
    with pytest.raises(ProviderAuthFailed):
        made(whole, model="imagerouter/status:401")
    (state,) = budgets.states(whole.ann)
    assert (state.used, state.reserved) == (to_units(Decimal("0.008")), 0)


def test_what_was_charged_counts_though_no_image_could_be_kept(whole: Whole) -> None:
    configured(whole)
    money = Budget(new_id(), "everyone", None, "cost", "month", to_units(Decimal("0.6")))
    whole.services.budgets.put(ROOT, money)
    for number, model in enumerate(("svg", "huge", "metadata"), 1):
        with pytest.raises(ProviderError):
            made(whole, model=f"imagerouter/{model}")
        (state,) = whole.services.budgets.states(whole.ann)
        assert (state.used, state.reserved) == (number * to_units(Decimal("0.004")), 0)
    assert raw(whole, "SELECT count(*) FROM generations WHERE status = 'error' AND cost IS NOT NULL") == 3
    assert raw(whole, "SELECT count(*) FROM images") == 0


def test_no_more_at_a_time_than_leaves_threads_for_others(whole: Whole, router: Answers) -> None:
    configured(whole)
    arrived, go = threading.Semaphore(0), threading.Event()

    def slow(_: Any) -> Any:
        arrived.release()
        assert go.wait(60)
        return {"data": [{"b64_json": "iVBORw0KGgo="}]}

    router.by_path[PATH] = slow
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(made, whole) for _ in range(2)]
        assert arrived.acquire(timeout=60)
        assert arrived.acquire(timeout=60)
        with pytest.raises(Overloaded) as caught:
            made(whole)
        assert caught.value.retry_after
        go.set()
        for call in calls:
            assert call.exception() is not None, "half an image is none"
    assert raw(whole, "SELECT count(*) FROM generations") == 2
    router.by_path[PATH] = {"data": [b64(png())]}
    assert made(whole).images, "there is room again"


def test_the_catalogue_says_what_its_models_are_for(whole: Whole) -> None:
    configured(whole)
    listed = whole.services.catalogue.models(whole.ann)["models"]
    found = {model["id"]: model["abilities"] for model in listed if model["provider"] == "imagerouter"}
    assert list(found.values()) == [["images"], ["images"]], found


# What goes again


def later(whole: Whole, tmp_path: Path) -> FileService:
    """The files' keeper when their hour is over."""
    return FileService(
        whole.services.images._store, FileStorage(tmp_path / "files", lambda: time.time() + GRACE_SECONDS * 2)
    )


def files(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "files").glob("??/*")}


def test_a_file_goes_with_its_last_image(whole: Whole, router: Answers, tmp_path: Path) -> None:
    configured(whole)
    whole.config(whole.ben, provider="imagerouter", api_key=KEY, model=None, name="bens")
    router.by_path[PATH] = {"data": [b64(png(shade=77))]}
    mine = made(whole).images[0]
    bens = whole.services.images.make(whole.ben, ImageDraft("a fox")).images[0]
    assert mine.digest == bens.digest
    keeper = later(whole, tmp_path)
    whole.services.images.delete(whole.ann, str(mine.id))
    assert sum(keeper.sweep() for _ in range(16)) == 0
    assert whole.services.images.read(bens) == png(shade=77)
    whole.services.accounts.delete(whole.ben.user_id, PASSWORD)
    assert raw(whole, "SELECT count(*) FROM images") == 0
    attached = whole.services.attachments.add(whole.ann, "a.txt", [b"some text"])
    kept = {attached.digest, attached.text_digest or attached.digest}
    assert files(tmp_path) == {mine.digest} | kept
    assert sum(keeper.sweep() for _ in range(16)) == 1
    assert files(tmp_path) == kept


def test_retention(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(whole)
    old = made(whole, n=3)
    whole.services.instance.change(ROOT, {"retention_images_days": 30})
    moment = clock.now() + dt.timedelta(days=31)
    monkeypatch.setattr(clock, "now", lambda: moment)
    fresh = made(whole).images[0].id
    keeper = RetentionService(whole.services.images._store, lambda: whole.services.instance.current)
    assert keeper.prune()["images"] == 3
    assert [image.id for image in whole.services.images.page(whole.ann, 9, None).items] == [fresh]
    assert whole.services.generations.get(whole.ann, str(old.generation_id)).cost == Decimal("0.012")


# Trying a key out


def test_a_key_is_tried_out_for_nothing(whole: Whole, router: Answers) -> None:
    reference = configured(whole, model="openai/gpt-image-2")
    tried = whole.services.images.try_out(whole.ann, reference)
    assert tried is not None
    assert (tried.provider, tried.model, tried.error) == ("imagerouter", "test/test", None)
    assert model_asked(router) == ("/v1/openai/images/generations", "test/test")
    assert raw(whole, "SELECT surface FROM generations") == "test"
    assert raw(whole, "SELECT count(*) FROM images") == 0
    router.by_path[PATH] = (401, {"error": {"message": f"bad {KEY}"}})
    refused = whole.services.images.try_out(whole.ann, reference)
    assert refused is not None
    assert isinstance(refused.error, ProviderAuthFailed)
    assert KEY not in refused.error.detail
    raw(whole, "UPDATE model_configs SET api_key_encrypted = 'v1.00000000.x'")
    unreadable = whole.services.images.try_out(whole.ann, reference)
    assert unreadable is not None
    assert isinstance(unreadable.error, KeyUnreadable)
    with pytest.raises(NotFound):
        whole.services.images.try_out(whole.ben, reference)
    assert whole.services.images.try_out(whole.ann, whole.config(whole.ann, "talks")) is None
