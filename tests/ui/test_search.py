"""Search as one types: whose route it is, what it tells, and how a snippet becomes plain text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.ui.fake_api import FakeApi
from ui.api_client import ApiClient
from ui.api_client.search import parts
from ui.components.palette import SEARCH_PATH
from ui.runtime import sessions, transport
from ui.search import search_routes
from ui.settings import settings

OURS = {"X-Requested-By": "parley", "Origin": "http://testserver", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("snippet", "told"),
    [
        ("plain", (("plain", False),)),
        ("… a <mark>wh</mark>ale", (("… a ", False), ("wh", True), ("ale", False))),
        ("&lt;mark&gt;<mark>&lt;img src=x&gt;</mark>", (("<mark>", False), ("<img src=x>", True))),
        ("", ()),
    ],
)
def test_a_snippet_becomes_plain_text_with_marks(snippet: str, told: tuple[tuple[str, bool], ...]) -> None:
    assert parts(snippet) == told


@pytest.fixture
def browser(page: FakeApi, person: tuple[str, str]) -> Iterator[tuple[TestClient, str]]:
    """A browser with the cookie of a session, and the id of whose it is."""
    session = sessions().add(ApiClient(transport()).login(*person))
    with TestClient(Starlette(routes=search_routes())) as client:
        client.cookies.set(settings().cookie_name, session.handle)
        yield client, session.user.id


def asked(client: TestClient, user: str, words: str, **headers: str) -> Any:
    return client.post(SEARCH_PATH, json={"q": words, "cursor": "", "user": user}, headers=OURS | headers)


def test_hits_are_told_as_rows_of_the_palette(browser: tuple[TestClient, str], page: FakeApi) -> None:
    chat = page.add_chat("About birds")
    chat["messages"].append({"id": "m", "role": "user", "content": "an albatross", "status": "complete"})
    answer = asked(*browser, "albatross")
    assert answer.headers["cache-control"] == "no-store"
    (row,) = answer.json()["items"]
    assert row["id"] == f"{chat['id']}/m/aside"
    assert (row["title"], row["parts"]) == ("About birds", [["albatross", True], [" & more", False]])
    assert row["what"].startswith("You · ")
    assert asked(*browser, "pelican").json()["items"] == []


@pytest.mark.parametrize(
    "headers", [{"X-Requested-By": ""}, {"Origin": "http://elsewhere.invalid"}, {"Content-Type": "text/plain"}]
)
def test_no_other_page_can_ask(browser: tuple[TestClient, str], page: FakeApi, headers: dict[str, str]) -> None:
    assert asked(*browser, "albatross", **headers).status_code == 403
    assert ("GET", "/search") not in page.calls


def test_a_tab_of_another_person_and_a_stranger_get_nothing(browser: tuple[TestClient, str], page: FakeApi) -> None:
    client, _ = browser
    assert asked(client, "somebody-else", "albatross").status_code == 403
    client.cookies.clear()
    assert asked(client, "", "albatross").status_code == 403
    assert ("GET", "/search") not in page.calls


@pytest.mark.parametrize(
    ("status", "problem", "says"),
    [
        (401, {"code": "unauthenticated"}, "Your session has ended"),
        (
            429,
            {"code": "rate_limited", "detail": "All reads of this hour are used."},
            "All reads of this hour are used.",
        ),
        (503, {"code": "store_unavailable"}, "cannot reach its database"),
    ],
)
def test_a_refusal_is_told_in_words(
    browser: tuple[TestClient, str], page: FakeApi, status: int, problem: dict[str, object], says: str
) -> None:
    page.refuse["GET /search"] = (status, problem)
    assert says in asked(*browser, "albatross").json()["error"]
