"""The fake API, and a page's process-wide parts that are pointed at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ui.fake_api import FakeApi
from ui import runtime
from ui.api_client import ApiClient, Transport
from ui.settings import settings


@pytest.fixture
def fake() -> Iterator[FakeApi]:
    with FakeApi() as api:
        yield api


@pytest.fixture
def anonymous(fake: FakeApi) -> ApiClient:
    return ApiClient(Transport(fake.url, "the-page's-secret"), address="203.0.113.9")


@pytest.fixture
def page(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """The page's own singletons, made anew for this fake API."""
    monkeypatch.setenv("API_URL", fake.url)
    monkeypatch.setenv("PAGE_SECRET", "the-page's-secret")
    for made in (settings, runtime.transport, runtime.sessions):
        made.cache_clear()
    yield fake
    for made in (settings, runtime.transport, runtime.sessions):
        made.cache_clear()


@pytest.fixture
def person(fake: FakeApi, anonymous: ApiClient) -> tuple[str, str]:
    """Name and password of an account."""
    anonymous.register(email="ada@example.com", username="ada", password="correct horse")
    return "ada", "correct horse"
