"""What a config's test says for each way in which it can end."""

from __future__ import annotations

import pytest

from ui.modules.models.trial import MENDED_BY_CHANGE, words

ADDRESS = "http://models.lan:8000/v1"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("provider_auth_failed", "paste a new one"),
        ("model_not_found", "no model “m”"),
        ("provider_rate_limited", "Try again in 30 seconds"),
        ("provider_unavailable", f"Nobody answers at {ADDRESS}"),
        ("provider_timeout", "No answer came in time"),
        ("provider_bad_response", "most end with /v1"),
        ("context_too_long", "Shorten it"),
        ("content_filtered", "the filter's own words"),
        ("address_forbidden", "the filter's own words"),
        ("provider_refused", "the filter's own words"),
        ("provider_error", "the filter's own words"),
    ],
)
def test_each_outcome_has_its_words(code: str, says: str) -> None:
    problem = {"code": code, "status": 400, "detail": "the filter's own words", "retry_after": 30}
    assert says in words(problem, "m", ADDRESS)


def test_an_address_that_is_the_providers_is_not_named() -> None:
    assert "at the provider's address" in words({"code": "provider_unavailable"}, "m", "")
    assert "in a minute" in words({"code": "provider_rate_limited", "retry_after": None}, "m", "")


def test_what_a_change_of_the_config_mends_leads_to_its_form() -> None:
    assert {"provider_auth_failed", "model_not_found", "provider_refused", "key_unreadable"} <= MENDED_BY_CHANGE
    assert not {"provider_rate_limited", "content_filtered", "budget_exceeded"} & MENDED_BY_CHANGE
