"""Compare without a browser: what a refusal leaves behind, and which model a chat goes on with."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import press, words
from tests.ui.fake_api import FakeApi

pytestmark = pytest.mark.usefixtures("page")
ASKED = "POST /chats/*/compare"


@pytest.fixture
def compare(ada: AppTest, page: FakeApi) -> AppTest:
    """Signed in, on the page Compare, with two models to ask."""
    page.configs.append({"id": "1", "provider": "openai", "model": "gpt", "name": "gpt"})
    ada.session_state["parley_page"].catalogue = None
    ada.session_state["parley_page"].visit = "compare"
    ada.run()
    assert ada.title[0].value == "Compare"
    return ada


def keys(page: FakeApi) -> list[str]:
    return [headers["Idempotency-Key"] for headers in page.headers if "Idempotency-Key" in headers]


@pytest.mark.parametrize("status", [404, 422, 429])
def test_a_refused_question_leaves_no_empty_chat(compare: AppTest, page: FakeApi, status: int) -> None:
    page.refuse[ASKED] = (status, {"code": "refused", "detail": "Not now"})
    compare.chat_input[0].set_value("precious words").run()
    assert page.chats == {}
    assert compare.chat_input[0].proto.value == "precious words"
    compare.chat_input[0].set_value("precious words").run()
    assert page.chats == {}
    assert len(set(keys(page))) == 2


@pytest.mark.parametrize(
    ("status", "code"), [(503, "outcome_unknown"), (503, "store_unavailable"), (502, "http_502"), (500, "x")]
)
def test_a_question_that_may_be_stored_keeps_its_chat_and_its_key(
    compare: AppTest, page: FakeApi, status: int, code: str
) -> None:
    page.refuse[ASKED] = (status, {"code": code})
    compare.chat_input[0].set_value("precious words").run()
    page.refuse[ASKED] = (429, {"code": "rate_limited"})
    compare.chat_input[0].set_value("precious words").run()
    assert compare.chat_input[0].proto.value == "precious words"
    assert len(page.chats) == 1
    assert len(set(keys(page))) == 1


def test_a_chat_that_could_not_be_made_at_first_is_taken_back_too(compare: AppTest, page: FakeApi) -> None:
    page.refuse["POST /chats"] = (503, {"code": "store_unavailable"})
    compare.chat_input[0].set_value("precious words").run()
    page.refuse = {ASKED: (429, {"code": "rate_limited"})}
    compare.chat_input[0].set_value("precious words").run()
    assert page.chats == {}
    assert len(keys(page)) == 1


def test_a_chat_goes_on_with_the_model_of_the_chosen_answer(compare: AppTest, page: FakeApi) -> None:
    chat = page.add_chat()
    chat["model"] = "openai/gpt"
    compare.query_params["lanes"] = page.start(chat, "hello").id
    assert "about 1 token" in words(compare.run()).replace("\n", " ")
    press(compare, "Go on with this one")
    assert (chat["model"], chat["model_config_id"]) == ("demo/demo", None)
    assert compare.query_params["chat"] == chat["id"]


@pytest.mark.parametrize("status", [404, 409, 422])
def test_a_model_that_cannot_be_set_is_told_and_the_chat_goes_on(compare: AppTest, page: FakeApi, status: int) -> None:
    chat = page.add_chat()
    compare.query_params["lanes"] = page.start(chat, "hello").id
    compare.run()
    page.refuse["PATCH /chats/*"] = (status, {"code": "invalid", "detail": "No such model"})
    press(compare, "Go on with this one")
    assert "demo/demo could not be set as its model" in words(compare).replace("\\", "")
    assert compare.query_params["chat"] == chat["id"]
