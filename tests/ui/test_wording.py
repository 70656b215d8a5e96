"""Errors in plain words with the next step, and the headings of the chat list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ui.api_client import ApiError, Chat, Message
from ui.modules.settings.security import device
from ui.modules.sidebar.grouping import by_time
from ui.wording import ago, explain, explain_reply, status_words, token_words, when


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ApiError(0, "api_unreachable"), "does not answer"),
        (ApiError(409, "chat_busy"), "still being written"),
        (ApiError(429, "rate_limited", retry_after=42), "in 42 seconds"),
        (ApiError(429, "rate_limited", retry_after=1800), "in 30 minutes"),
        (
            ApiError(429, "rate_limited", "You have used all 20 replies of this hour; try again in 5 minutes."),
            "20 replies",
        ),
        (ApiError(429, "provider_rate_limited"), "provider's own limit"),
        (ApiError(429, "provider_rate_limited", "No credit is left.", retry_after=7), "in 7 seconds"),
        (ApiError(429, "provider_rate_limited", "No credit is left."), "No credit is left."),
        (ApiError(502, "provider_unavailable"), "cannot be reached"),
        (ApiError(502, "provider_unavailable", "The provider has a problem of its own."), "a problem of its own"),
        (ApiError(502, "provider_auth_failed"), "refused the API key"),
        (ApiError(400, "provider_refused"), "Change what you sent"),
        (ApiError(400, "provider_refused", "The provider said: bad schema"), "bad schema"),
        (ApiError(502, "provider_error", "The provider ended the reply."), "ended the reply"),
        (ApiError(500, "internal_error", extra={"request_id": "r-7"}), "reference r-7"),
        (ApiError(422, "invalid", "Give it a title."), "Give it a title."),
        (ApiError(418, "teapot"), "did not work"),
    ],
)
def test_an_error_says_what_to_do(error: ApiError, says: str) -> None:
    assert says in explain(error).text


def test_a_wrong_key_leads_to_the_models_page() -> None:
    assert explain_reply({"code": "provider_auth_failed", "status": 502}).models
    assert not explain_reply({}).models
    away = {"code": "provider_unavailable", "status": 502}
    assert explain_reply(away | {"detail": "Check the base URL."}).models
    assert not explain_reply(away | {"detail": "It broke off."}).models


def test_ends_that_are_not_usual_are_named() -> None:
    assert [bool(status_words(s)) for s in ("stopped", "interrupted", "length", "filtered", "complete")] == [
        True,
        True,
        True,
        True,
        False,
    ]


def test_a_reply_that_the_chats_own_settings_cut_says_so() -> None:
    assert status_words("length", 200, 200) == "Cut off: this chat's settings allow 200 tokens an answer"
    for written in (None, 150):
        assert "the model's length limit, or at that of this chat's settings (200 tokens)" in status_words(
            "length", 200, written
        )
    assert status_words("length") == "Cut off at the model's length limit"
    assert status_words("stopped", 200, 200) == "Stopped"


def test_times() -> None:
    assert (when(1, ""), when(89, ""), when(91, ""), when(7200, ""), when(None, "soon")) == (
        "in 1 second",
        "in 89 seconds",
        "in 2 minutes",
        "in 2 hours",
        "soon",
    )


def test_tokens() -> None:
    assert (token_words(1), token_words(1_234, estimated=True)) == ("1 token", "about 1,234 tokens")


def test_a_message_tells_its_tokens_and_its_problem() -> None:
    told = Message.read({"metadata": {"completion_tokens": 7, "estimated": True, "error": {"code": "x"}}})
    assert (told.tokens, told.estimated, told.problem) == (7, True, {"code": "x"})
    assert Message.read({"metadata": None}).tokens is None


def test_chats_stand_under_the_readers_days() -> None:
    now = datetime(2026, 3, 10, 1, 0, tzinfo=UTC)
    ages = {"a": 0, "b": 2, "c": 25, "d": 24 * 5, "e": 24 * 20, "f": 24 * 300}
    chats = [Chat(name, name, updated_at=now - timedelta(hours=age)) for name, age in ages.items()]
    pinned = Chat("p", "p", pinned=True, updated_at=now - timedelta(days=3))
    groups = by_time([*chats, pinned], now, ZoneInfo("UTC"))
    assert [(heading, [chat.id for chat in members]) for heading, members in groups] == [
        ("Pinned", ["p"]),
        ("Today", ["a"]),
        ("Yesterday", ["b", "c"]),
        ("Last 7 days", ["d"]),
        ("Last 30 days", ["e"]),
        ("Older", ["f"]),
    ]
    in_tokyo = by_time(chats[:2], now, ZoneInfo("Asia/Tokyo"))
    assert [heading for heading, _ in in_tokyo] == ["Today"]


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(5, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (86_400, "1 day ago"), (90 * 86_400, "on 2 ")],
)
def test_how_long_ago(seconds: int, says: str) -> None:
    now = datetime(2026, 3, 2 + 1, tzinfo=UTC) + timedelta(days=89)
    assert ago(now - timedelta(seconds=seconds), now).startswith(says)


@pytest.mark.parametrize(
    ("agent", "says"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
            "Chrome on Linux",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0 Safari/537.36 Edg/131.0", "Edge on Windows"),
        ("curl/8.1", "curl"),
        ("<script>", "A program"),
        ("", "A program"),
    ],
)
def test_a_browser_by_the_name_people_know(agent: str, says: str) -> None:
    assert device(agent) == says
