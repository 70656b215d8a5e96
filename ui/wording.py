"""What an error means to a person: what happened, and what to do next. Pure: codes in, words out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ui.api_client import ApiError


@dataclass(frozen=True)
class Words:
    """`models` says that the next step is on the Models page."""

    text: str
    models: bool = False


USERNAME_RULE = "3 to 50 letters, digits, dots, hyphens or underscores"
PASSWORD_RULE = "At least 8 characters"

_PROVIDER = {
    "provider_auth_failed": Words("The provider refused the API key. Check the key, or bring another one.", True),
    "model_not_found": Words("The provider does not know this model. Choose another one, or correct its name.", True),
    "context_too_long": Words(
        "This conversation is longer than the model can take in. Start a new chat, or choose a model that holds more."
    ),
    "content_filtered": Words("The provider's content filter refused this. Word the message differently."),
    "provider_bad_response": Words(
        "The provider's answer could not be read. Try again; if it stays so, check the base URL.", True
    ),
    "provider_timeout": Words("The provider took too long to answer. Try again, or choose another model."),
    "address_forbidden": Words(
        "This server may not call that address. Ask whoever runs it to allow the host, or use another base URL.", True
    ),
}

_OURS = {
    "api_unreachable": "The Parley server does not answer. Nothing is lost: try again in a moment.",
    "store_unavailable": "The server cannot reach its database just now. Try again in a moment.",
    "outcome_unknown": "The database went away at the last moment: this may be stored. Look before you repeat it.",
    "chat_busy": "A reply is still being written in this chat. Stop it or wait for its end, then send again.",
    "not_found": "That is not there any more. It may have been deleted in another tab.",
    "forbidden": "Your account may not do that.",
    "unauthenticated": "Your session has ended. Sign in again.",
    "internal_error": "Something went wrong on the server. Try again; if it happens again, tell whoever runs it.",
}

_STATUS = {
    "stopped": "Stopped",
    "length": "Cut off at the model's length limit",
    "filtered": "Cut off by the provider's content filter",
    "interrupted": "Interrupted: the server went down while this was being written. What had arrived is kept.",
}


def explain(error: ApiError) -> Words:
    """A failed call or a failed reply, in plain words with the next step."""
    if error.code == "provider_rate_limited":
        if error.retry_after is None and error.detail:  # it may be money that is used up
            return Words(error.detail)
        return Words(f"The provider's own limit is reached. Try again {when(error.retry_after, 'in a minute')}.")
    if error.code == "provider_unavailable":  # away, broken off, or at fault: the API tells them apart
        words = error.detail or "The provider cannot be reached. Try again in a minute, or choose another model."
        return Words(words, "base URL" in words)
    if error.code == "provider_refused":  # the detail has the provider's reason
        return Words(
            error.detail or "The provider refused this request. Change what you sent, or choose another model."
        )
    if error.code in _PROVIDER:
        return _PROVIDER[error.code]
    if error.code == "overloaded":
        return Words(f"The server is full just now. Try again {when(error.retry_after, 'in a moment')}.")
    if error.status == 429:  # the API says which limit it is and until when
        return Words(error.detail or f"You have reached a limit. You can go on {when(error.retry_after, 'later')}.")
    if error.code in _OURS:
        return Words(_OURS[error.code] + reference(error))
    if error.status >= 500:
        return Words((error.detail or _OURS["internal_error"]) + reference(error))
    return Words(error.detail or "That did not work.")


def explain_reply(problem: dict[str, Any]) -> Words:
    """The problem stored with a reply that failed."""
    status = problem.get("status")
    seconds = problem.get("retry_after")
    return explain(
        ApiError(
            status if isinstance(status, int) else 502,
            str(problem.get("code") or "provider_error"),
            str(problem.get("detail") or "The provider failed. Try again, or choose another model."),
            seconds if isinstance(seconds, int | float) else None,
        )
    )


def status_words(status: str, allowed: int | None = None, written: int | None = None) -> str:
    """What stands under a reply that did not end in the usual way; empty for one that did. `allowed` are the tokens
    that the chat's settings allow an answer, `written` those that it has, where they were counted."""
    if status == "length" and allowed is not None:
        if written == allowed:
            return f"Cut off: this chat's settings allow {token_words(allowed)} an answer"
        return f"Cut off at the model's length limit, or at that of this chat's settings ({token_words(allowed)})"
    return _STATUS.get(status, "")


def reference(error: ApiError) -> str:
    """What the person who runs the server needs to find it in the log."""
    request_id = error.extra.get("request_id")
    return f" (reference {request_id})" if request_id and error.status >= 500 else ""


def when(seconds: float | None, otherwise: str) -> str:
    if seconds is None:
        return otherwise
    if seconds < 90:
        whole = max(1, math.ceil(seconds))
        return f"in {whole} second{'s' if whole > 1 else ''}"
    minutes = math.ceil(seconds / 60)
    return f"in {minutes} minutes" if minutes < 100 else f"in {math.ceil(minutes / 60)} hours"


def token_words(count: int, *, estimated: bool = False) -> str:
    """`estimated`: the provider did not count, the server did."""
    return f"{'about ' if estimated else ''}{count:,} token{'' if count == 1 else 's'}"


def cost_words(dollars: str) -> str:
    """An exact amount, short enough to be read."""
    try:
        amount = Decimal(dollars)
    except InvalidOperation:
        return ""
    if amount == 0:
        return "free"
    if amount < Decimal("0.0001"):
        return "under $0.0001"
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.4f}".rstrip("0")


def duration(seconds: float) -> str:
    """As long as it took, as exact as one cares."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{round(minutes / 60)} h"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long it is since then, as one says it."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''} ago" if count < 60 else f"on {day(moment)}"
    return "just now"


def day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def budget_warning(name: str, percent: int) -> str:
    """Of a budget by the API's name for it, such as `instance-cost-month`."""
    *instance, unit, period = name.split("-")
    whose = "The budget of all accounts together" if instance else "Your budget"
    what = "tokens" if unit == "tokens" else "money"
    used = "is used up" if percent >= 100 else f"is used to {percent} %"
    return f"{whose} of {what} a {period} {used}. What is left stands under Usage."
