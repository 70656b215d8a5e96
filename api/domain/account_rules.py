"""What an email address, a username and a password may look like here, whoever asks."""

from __future__ import annotations

import re

from api.domain.errors import Invalid

EMAIL_PATTERN = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"
)
USERNAME_PATTERN = r"^[A-Za-z0-9_.-]{3,50}$"
MAX_EMAIL = 254
MIN_PASSWORD, MAX_PASSWORD = 8, 200

BOOTSTRAP = "bootstrap"  # owns the key in API_KEY
ANONYMOUS = "anonymous"  # owns what older systems stored without an account
RESERVED = frozenset((BOOTSTRAP, ANONYMOUS))
INTERNAL_DOMAIN = (
    "@parley.invalid"  # addresses of those accounts, and of others without one; `.invalid` belongs to nobody (RFC 2606)
)
BOOTSTRAP_EMAIL = BOOTSTRAP + INTERNAL_DOMAIN

_EMAIL = re.compile(EMAIL_PATTERN.rstrip("$"))
_USERNAME = re.compile(USERNAME_PATTERN.rstrip("$"))


def is_email(text: str) -> bool:
    return len(text) <= MAX_EMAIL and _EMAIL.fullmatch(text) is not None


def is_username(text: str) -> bool:
    return _USERNAME.fullmatch(text) is not None


def spelled(identifier: str) -> str:
    """Of an email address or a username as somebody types it: the one spelling that all others of it come to."""
    return identifier.strip().lower()


def check_email(text: str) -> str:
    """The address as it is stored, in lower case. Raises Invalid."""
    if not is_email(text) or text.lower().endswith(".invalid"):
        raise _invalid("email", f"Give a complete email address of at most {MAX_EMAIL} characters.")
    return text.lower()


def check_username(text: str) -> str:
    """Raises Invalid."""
    if not is_username(text):
        raise _invalid("username", "A username has 3 to 50 letters, digits, dots, hyphens or underscores.")
    if text.lower() in RESERVED:
        raise _invalid("username", "This username is reserved; choose another.")
    return text


def check_password(text: str, field: str = "password") -> str:
    """Length is the only demand. Raises Invalid."""
    if not MIN_PASSWORD <= len(text) <= MAX_PASSWORD:
        raise _invalid(field, f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise _invalid(field, "A password is made of characters that can be typed.")
    return text


def check_account(email: str | None, username: str, password: str) -> None:
    """Raises Invalid for all that is wrong, each with its field."""
    wrong: list[Invalid] = []
    for check, text in ((check_email, email), (check_username, username), (check_password, password)):
        try:
            if text is not None:
                check(text)
        except Invalid as error:
            wrong.append(error)
    if wrong:
        raise Invalid.together(wrong)


def _invalid(field: str, detail: str) -> Invalid:
    return Invalid.at(field, detail, code=f"invalid_{field}")
