"""The fake API, and a page's process-wide parts that are pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.server import ROOT
from tests.ui.fake_api import FakeApi
from ui import runtime
from ui.api_client import ApiClient, Transport
from ui.settings import settings

PATIENCE = 60


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


@pytest.fixture
def page_run(page: FakeApi, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """A browser without a cookie: AppTest has none of its own."""
    browser = SimpleNamespace(cookies={}, headers={}, ip_address=None, timezone="Europe/Oslo")
    monkeypatch.setattr(st, "context", browser)
    return AppTest.from_file(str(ROOT / "ui" / "app.py"), default_timeout=PATIENCE).run()


@pytest.fixture
def ada(page_run: AppTest, person: tuple[str, str]) -> AppTest:
    """Signed in, on an empty chat."""
    page_run.text_input(key="sign_in_name").input(person[0])
    page_run.text_input(key="sign_in_password").input(person[1])
    press(page_run, "Sign in")
    assert not page_run.exception
    return page_run


def press(at: AppTest, label: str) -> AppTest:
    return next(button for button in at.button if button.label == label).click().run()


def words(at: AppTest) -> str:
    return "\n".join([one.value for one in (*at.markdown, *at.title, *at.caption, *at.warning, *at.subheader)])
