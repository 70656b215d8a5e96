"""The page without a browser: what each failure of the API becomes on it, and what is kept."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit import dataframe_util
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequest, ScriptRequests
from streamlit.testing.v1 import AppTest

from tests.server import ROOT
from tests.ui.conftest import PATIENCE, press, words
from tests.ui.fake_api import FakeApi
from ui import state
from ui.api_client import Model, ModelCatalogue, ModelConfig
from ui.modules.chat.model import _usual

pytestmark = pytest.mark.usefixtures("page")


def test_a_stranger_sees_the_form(page_run: AppTest) -> None:
    assert not page_run.exception
    assert "Sign in to Parley" in words(page_run)
    assert not page_run.chat_input


def test_empty_fields_are_told_without_asking_the_api(page_run: AppTest, page: FakeApi) -> None:
    press(page_run, "Sign in")
    assert "Enter your email address or username" in words(page_run)
    assert page.calls == []


def test_a_wrong_password_names_no_field(page_run: AppTest, person: tuple[str, str]) -> None:
    page_run.text_input(key="sign_in_name").input(person[0])
    page_run.text_input(key="sign_in_password").input("wrong")
    press(page_run, "Sign in")
    assert "Email, username or password is not right" in words(page_run)


def test_the_first_account_of_a_production_server_is_asked_for_its_code(page_run: AppTest, page: FakeApi) -> None:
    page.refuse["POST /auth/register"] = (403, {"code": "setup_code_required", "detail": "Enter the code."})
    press(page_run, "Create an account")
    for key, text in (("email", "a@example.com"), ("username", "a"), ("password", "long enough")):
        page_run.text_input(key=f"register_{key}").input(text)
    press(page_run, "Create account")
    assert page_run.text_input(key="register_code").label == "Set-up code"
    page.refuse.clear()
    page_run.text_input(key="register_code").input("the-code")
    press(page_run, "Create account")
    assert page_run.chat_input


def test_an_empty_chat_offers_examples_and_the_model(ada: AppTest) -> None:
    assert "What can I help with?" in words(ada)
    assert ada.selectbox[0].options == ["Demo · 8k"]
    assert sum(button.key is not None and button.key.startswith("example-") for button in ada.button) == 4


def test_a_message_is_sent_once_and_its_reply_drawn(ada: AppTest, page: FakeApi) -> None:
    ada.chat_input[0].set_value("hello *you*").run()
    assert not ada.exception
    assert ada.query_params["chat"] == next(iter(page.chats))
    assert len(page.runs) == 1
    assert "This is a demo reply" in words(ada)
    assert [text.value for text in ada.text if "hello" in text.value] == ["hello *you*"]
    ada.run()
    assert len(page.runs) == 1


def test_words_whose_callback_streamlit_lost_are_sent_all_the_same(ada: AppTest, page: FakeApi) -> None:
    """As it does with a box that a page which is being loaded has not drawn to its end yet."""
    box = ada.chat_input[0]
    ada.session_state._state._state._new_widget_state.widget_metadata.pop(box.proto.id)
    box.set_value("precious words").run()
    assert not ada.exception
    assert [text.value for text in ada.text if "precious" in text.value] == ["precious words"]
    ada.run()
    assert len(page.runs) == 1


@pytest.mark.parametrize(
    ("status", "problem", "says"),
    [
        (429, {"code": "rate_limited", "detail": "All 9 replies of this hour."}, "All 9 replies of this hour."),
        (503, {"code": "overloaded", "retry_after": 5}, "full just now"),
        (422, {"code": "invalid", "detail": "Too long."}, "Too long."),
    ],
)
def test_what_cannot_be_sent_comes_back(
    ada: AppTest, page: FakeApi, status: int, problem: dict[str, object], says: str
) -> None:
    chat = page.add_chat()["id"]
    ada.query_params["chat"] = chat
    page.refuse[f"POST /chats/{chat}/messages"] = (status, problem)
    ada.run().chat_input[0].set_value("precious words").run()
    assert says.replace(".", r"\.") in words(ada)
    assert ada.chat_input[0].proto.value == "precious words"
    keys = [headers["Idempotency-Key"] for headers in page.headers if "Idempotency-Key" in headers]
    page.refuse.clear()
    ada.chat_input[0].set_value("precious words").run()
    keys += [headers["Idempotency-Key"] for headers in page.headers if "Idempotency-Key" in headers]
    assert len(set(keys)) == 1, "a message that may have been posted goes out under the same key"
    assert len(page.runs) == 1


def test_a_command_that_is_sent_again_has_its_key_again(ada: AppTest, page: FakeApi) -> None:
    chat = page.add_chat()["id"]
    ada.query_params["chat"] = chat
    commands = f"POST /chats/{chat}/commands"
    page.refuse[commands] = (503, {"code": "overloaded", "retry_after": 5})
    for _ in range(2):
        ada.run().chat_input[0].set_value("/help").run()
        page.refuse.clear()
    ada.chat_input[0].set_value("/help").run()
    keys = [headers["Idempotency-Key"] for headers in page.headers if "Idempotency-Key" in headers]
    assert len(keys) == 3
    assert keys[0] == keys[1] != keys[2], "another command has another one"


def test_reads_over_the_limit_say_when(ada: AppTest, page: FakeApi) -> None:
    page.refuse["GET /chats"] = (429, {"code": "rate_limited", "detail": "You have used all reads; try in 30 seconds."})
    ada.run()
    assert "all reads; try in 30 seconds" in words(ada)
    assert ada.chat_input, "what is being typed stays"
    page.refuse.clear()
    press(ada, "Try again")
    assert "What can I help with?" in words(ada)


def test_a_database_that_is_away_is_waited_for(ada: AppTest, page: FakeApi) -> None:
    page.refuse["GET /chats"] = page.refuse["GET /ready"] = (503, {"code": "store_unavailable"})
    ada.run()
    assert "does not answer" in words(ada)
    assert ada.chat_input


def test_an_ended_session_asks_to_sign_in(ada: AppTest, page: FakeApi) -> None:
    page.sessions.clear()
    ada.run()
    assert "Your session has ended" in words(ada)
    assert not ada.chat_input


def test_a_deleted_chat_is_said_to_be_gone(ada: AppTest) -> None:
    ada.query_params["chat"] = "no-such-chat"
    ada.run()
    assert "This chat is not there" in words(ada)


@pytest.mark.parametrize(
    ("status", "says"),
    [("stopped", "Stopped"), ("interrupted", "server went down"), ("length", "length limit"), ("filtered", "filter")],
)
def test_an_unusual_end_is_told_under_the_reply(ada: AppTest, page: FakeApi, status: str, says: str) -> None:
    chat = page.add_chat()
    chat["messages"].append({"id": "m", "role": "assistant", "content": "Half a", "status": status, "metadata": {}})
    ada.query_params["chat"] = chat["id"]
    ada.run()
    assert "Half a" in words(ada)
    assert says in words(ada)


def test_the_models_default_is_chosen_for_a_new_chat(ada: AppTest, page: FakeApi, person: tuple[str, str]) -> None:
    page.configs.append({"id": "c", "name": "Mine", "provider": "openai", "model": "gpt-x", "is_default": True})
    again = AppTest.from_file(str(ROOT / "ui" / "app.py"), default_timeout=PATIENCE).run()
    again.text_input(key="sign_in_name").input(person[0])
    again.text_input(key="sign_in_password").input(person[1])
    press(again, "Sign in")
    assert again.selectbox[0].value == "openai/gpt-x"


def test_what_is_left_of_the_limit_stands_in_the_account_menu(ada: AppTest) -> None:
    assert "57 of 60 replies left this hour" in words(ada)


def test_a_key_for_images_is_no_default_for_chats() -> None:
    listed = ModelCatalogue([Model("openai/paints", "paints", abilities=("images",)), Model("openai/talks", "talks")])
    router = ModelConfig("1", "Router", "imagerouter", "", is_default=True)
    paints = ModelConfig("2", "Paints", "openai", "paints", is_default=True)
    first, own = (ModelConfig(name, name, "openai", name) for name in ("talks", "unlisted"))
    assert _usual(listed, [router, paints, first, own]) == "openai/talks"
    assert _usual(listed, [first, replace(own, is_default=True)]) == "openai/unlisted"
    assert _usual(listed, [router, paints]) == ""


def test_importing_the_page_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from ui import app

    main: Callable[[], None] = app.main
    assert callable(main)


@pytest.mark.parametrize("place", ["page", "widget", "put_widget"])
def test_a_message_is_sent_once_though_the_browser_asks_for_another_run_meanwhile(
    ada: AppTest, page: FakeApi, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    asked: list[str] = []
    kept = getattr(state, place)

    def interrupted(*args: Any) -> Any:
        sending = any(frame.function in {"_post", "_deliver"} for frame in inspect.stack()[1:4])
        if sending and not asked:
            asked.append(place)
            get_script_run_ctx().script_requests.request_rerun(RerunData())  # type: ignore[union-attr]
        return kept(*args)

    monkeypatch.setattr(state, place, interrupted)
    ada.chat_input[0].set_value("precious words").run()
    assert asked
    posted = [path for method, path in page.calls if method == "POST" and path.endswith("/messages")]
    created = [path for method, path in page.calls if (method, path) == ("POST", "/chats")]
    assert (len(posted), len(created)) == (1, 1)
    assert ada.query_params["chat"] == next(iter(page.chats)), "the browser asked from the address that it had"
    assert "precious words" in words(ada)


def test_a_click_is_not_lost_to_another_that_comes_before_it_is_carried_out(
    ada: AppTest, page: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = ScriptRequests.on_scriptrunner_ready
    followed: list[ScriptRequest] = []

    def followed_at_once(self: ScriptRequests) -> ScriptRequest:
        request = taken(self)
        if not followed:
            followed.append(request)
            self.request_rerun(RerunData())
        return request

    monkeypatch.setattr(ScriptRequests, "on_scriptrunner_ready", followed_at_once)
    press(ada, "Keyboard shortcuts")
    assert followed
    assert ada.session_state[state.PREFIX + "page"].dialog.kind == "shortcuts"


def test_a_chat_needs_none_of_the_libraries_for_tables(no_tables: None, ada: AppTest, page: FakeApi) -> None:
    """They keep seventy megabytes for good, and Streamlit loads them to tell whether a list is a table."""
    ada.chat_input[0].set_value("hello").run()
    assert "This is a demo reply" in words(ada)
    assert not ada.error


@pytest.fixture
def no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_into(value: object) -> None:
        raise AssertionError(f"Streamlit loads pandas to look into a {type(value).__name__}")

    monkeypatch.setattr(dataframe_util, "determine_data_format", looked_into)


def test_what_follows_at_once_stays_in_the_chat_that_begins(
    ada: AppTest, page: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second message was sent from the empty page, while the first one made it a chat."""
    asked: list[str] = []
    kept, box = state.widget, ada.chat_input[0].proto.id

    def interrupted(*args: Any) -> Any:
        if not asked and any(frame.function == "submit" for frame in inspect.stack()[1:3]):
            asked.append(box)
            states = WidgetStates()
            states.widgets.add(id=box).chat_input_value.data = "the second words"
            get_script_run_ctx().script_requests.request_rerun(RerunData(widget_states=states))  # type: ignore[union-attr]
        return kept(*args)

    monkeypatch.setattr(state, "widget", interrupted)
    ada.chat_input[0].set_value("the first words").run()
    assert asked
    assert [path for method, path in page.calls if (method, path) == ("POST", "/chats")] == ["/chats"]
    assert "the first words" in words(ada)
    assert "the second words" in words(ada)


def test_a_line_with_a_slash_is_the_apis_to_read(ada: AppTest, page: FakeApi) -> None:
    ada.chat_input[0].set_value("/help").run()
    assert "Show all" in words(ada)
    assert not page.chats, "a chat that was made only to ask in goes again"
    ada.chat_input[0].set_value("/hlep").run()
    assert "Did you mean" in words(ada)
    assert ada.chat_input[0].proto.value == "/hlep"
    assert not page.chats
    ada.chat_input[0].set_value("//etc").run()
    assert [text.value for text in ada.text if "etc" in text.value] == ["/etc"]


def test_a_message_for_a_busy_chat_waits_for_the_replys_end(ada: AppTest, page: FakeApi) -> None:
    chat = page.add_chat()["id"]
    ada.query_params["chat"] = chat
    page.refuse[f"POST /chats/{chat}/messages"] = (409, {"code": "chat_busy"})
    ada.run().chat_input[0].set_value("precious words").run()
    assert "precious words" in words(ada)
    assert not page.runs
    page.refuse.clear()
    ada.run()
    assert [run.message["role"] for run in page.runs.values()] == ["assistant"]
    ada.run()
    assert len(page.runs) == 1
    assert [text.value for text in ada.text if "precious" in text.value] == ["precious words"]
