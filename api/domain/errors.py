"""Every error a caller can meet, as one tree; `docs/errors.md` lists each code.

AppError
├── Invalid               422  the request is understood and cannot be carried out as it stands
│   ├── ProviderNotConfigured  the model's provider has no key or address here yet
│   ├── PriceUnknown           a money budget holds, and nobody knows what the model costs
│   ├── KeyUnreadable          a stored key cannot be opened: enter it again
│   ├── FileRefused            a file that is not taken; `reason` says why in a word
│   └── ModelCannotSee         images for a model that is known to take none
├── Unauthenticated       401  no credential, or one that no longer counts
│   ├── BadCredentials         unknown account, wrong password or disabled account: never said which
│   ├── TokenExpired           the access token is over: refresh it
│   └── SessionEnded           signed out, revoked, or a refresh token used twice: sign in again
├── Forbidden             403  a valid credential without the right
│   ├── InsufficientScope      the API key lacks the scope that this route needs
│   ├── WrongPassword          the present password, asked for again, was wrong
│   ├── RegistrationClosed     people may not register themselves here
│   └── SetupCodeRequired      the first account of a production server needs the printed code
├── NotFound              404  no such object, or somebody else's
├── Conflict              409  the state of the object forbids it now
│   ├── AlreadyTaken           an email address, a username, or a name among one's own things is in use
│   ├── LastAdmin              the only administrator who can sign in stays
│   └── ChatBusy               a reply is running in that chat
├── FileTooLarge          413  a file of more bytes than one may have
├── LimitExceeded         429  a rate limit; `retry_after` seconds
│   └── BudgetExceeded         a budget does not cover the call; `budget` names it
├── Overloaded            503  more than this process will carry; `retry_after` seconds
├── StoreUnavailable      503  the database cannot be reached
│   └── OutcomeUnknown         it went away at the last moment: what was asked for may be done
└── ProviderError         502  a model's provider failed (mapped from what it said)
    ├── ProviderAuthFailed        the provider refused the key
    ├── ProviderRateLimited       the provider's own limit; `retry_after` if it said so
    ├── ModelNotFound             the provider does not know the model
    ├── ProviderRefused           the provider took the request for wrong as it stands: sending it again is no use
    ├── ContextTooLong            the conversation does not fit the model's window
    ├── ContentFiltered           the provider's filter refused
    ├── ProviderBadResponse       an answer that does not follow the protocol
    ├── ProviderTimeout           connect, first token, between tokens or total
    ├── ProviderUnavailable       not reachable, cut off, or 5xx
    └── AddressForbidden          the egress guard refused the address
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self


class AppError(Exception):
    """`detail` is for people: what happened and what to do. `code` is stable and documented."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **extra: Any) -> None:
        self.detail = detail or self.title
        self.retry_after = retry_after
        self.extra = extra
        super().__init__(self.detail)

    @classmethod
    def together(cls, wrong: Sequence[Self]) -> Self:
        """Of several that were made by `at`, one that tells them all."""
        entries = [entry for one in wrong for entry in one.extra["errors"]]
        return cls(" ".join(one.detail for one in wrong), errors=entries)

    @classmethod
    def at(cls, field: str, detail: str, *, told: str = "", code: str = "", **extra: Any) -> Self:
        """About one field: its name, or the path to it (`items/1/name`). `told` is what stands beside the field where
        that is shorter than `detail`; `code` says more of it than the field's name."""
        entry = {"pointer": f"/{field}", "detail": told or detail, "code": code or field.rpartition("/")[2]}
        return cls(detail, errors=[entry], **extra)

    def problem(self) -> dict[str, Any]:
        """RFC 9457 data without what belongs to one request: for answers, events and stored messages."""
        return {
            "type": f"/docs/errors#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **({} if self.retry_after is None else {"retry_after": math.ceil(self.retry_after)}),
            **self.extra,
        }


class Invalid(AppError):
    """`errors` carries RFC 9457 entries `{pointer, detail, code}` wherever fields are to blame: see `at`."""

    status = 422
    code = "invalid"
    title = "The request is not valid"


class ProviderNotConfigured(Invalid):
    code = "provider_not_configured"
    title = "The provider is not set up"


class PriceUnknown(Invalid):
    code = "price_unknown"
    title = "The price is not known"


class KeyUnreadable(Invalid):
    code = "key_unreadable"
    title = "The stored key cannot be read"


class FileRefused(Invalid):
    """`extra["reason"]` is why, in a word of `api/extraction/reasons.py`."""

    code = "file_refused"
    title = "The file cannot be taken"


class FileTooLarge(AppError):
    """Also where nobody said beforehand how long it would be."""

    status = 413
    code = "file_too_large"
    title = "The file is too large"


class ModelCannotSee(Invalid):
    """`extra["model"]` names it."""

    code = "model_cannot_see"
    title = "The model cannot see images"


class Unauthenticated(AppError):
    status = 401
    code = "unauthenticated"
    title = "Sign in first"


class BadCredentials(Unauthenticated):
    code = "bad_credentials"
    title = "These credentials are not right"


class TokenExpired(Unauthenticated):
    code = "token_expired"
    title = "The access token has expired"


class SessionEnded(Unauthenticated):
    code = "session_ended"
    title = "This session has ended"


class Forbidden(AppError):
    status = 403
    code = "forbidden"
    title = "Not allowed"


class InsufficientScope(Forbidden):
    code = "insufficient_scope"
    title = "The API key may not do this"


class WrongPassword(Forbidden):
    code = "wrong_password"
    title = "The password is not right"


class RegistrationClosed(Forbidden):
    code = "registration_closed"
    title = "Registration is closed"


class SetupCodeRequired(Forbidden):
    code = "setup_code_required"
    title = "The first account needs the set-up code"


class NotFound(AppError):
    status = 404
    code = "not_found"
    title = "Not found"


class Conflict(AppError):
    status = 409
    code = "conflict"
    title = "Conflict"


class AlreadyTaken(Conflict):
    """`errors` names the field, as in Invalid."""

    code = "already_taken"
    title = "Already taken"


class LastAdmin(Conflict):
    code = "last_admin"
    title = "The last administrator stays"


class ChatBusy(Conflict):
    """`extra["generation_id"]` names the running reply."""

    code = "chat_busy"
    title = "A reply is running in this chat"


class LimitExceeded(AppError):
    status = 429
    code = "rate_limited"
    title = "Limit reached"


class BudgetExceeded(LimitExceeded):
    """`extra["budget"]` names it."""

    code = "budget_exceeded"
    title = "The budget is used up"


class Overloaded(AppError):
    status = 503
    code = "overloaded"
    title = "The server is full"


class StoreUnavailable(AppError):
    status = 503
    code = "store_unavailable"
    title = "The database cannot be reached"


class OutcomeUnknown(StoreUnavailable):
    """Without `retry_after`, which clients follow by themselves."""

    code = "outcome_unknown"
    title = "It may be stored, or not"


class ProviderError(AppError):
    """A provider's failure. `detail` never holds a key: texts are redacted by value and cut to 500 characters."""

    status = 502
    code = "provider_error"
    title = "The provider failed"


class ProviderAuthFailed(ProviderError):
    code = "provider_auth_failed"
    title = "The provider refused the key"


class ProviderRateLimited(ProviderError):
    status = 429
    code = "provider_rate_limited"
    title = "The provider's limit is reached"


class ModelNotFound(ProviderError):
    status = 404
    code = "model_not_found"
    title = "The provider does not know this model"


class ProviderRefused(ProviderError):
    """The request itself is at fault, whoever wrote it: the client, the config or we."""

    status = 400
    code = "provider_refused"
    title = "The provider refused this request"


class ContextTooLong(ProviderError):
    status = 400
    code = "context_too_long"
    title = "The conversation is too long for this model"


class ContentFiltered(ProviderError):
    status = 400
    code = "content_filtered"
    title = "The provider's filter refused"


class ProviderBadResponse(ProviderError):
    code = "provider_bad_response"
    title = "The provider's answer could not be read"


class ProviderTimeout(ProviderError):
    status = 504
    code = "provider_timeout"
    title = "The provider took too long"


class ProviderUnavailable(ProviderError):
    status = 502
    code = "provider_unavailable"
    title = "The provider cannot be reached"


class AddressForbidden(ProviderError):
    status = 422
    code = "address_forbidden"
    title = "This address may not be called"


@functools.cache
def kinds() -> dict[str, type[AppError]]:
    """Every kind of error by its code."""
    found = (kind for kind in globals().values() if isinstance(kind, type) and issubclass(kind, AppError))
    return {kind.code: kind for kind in found}
