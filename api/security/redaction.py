"""Secrets out of texts, by value: whatever their shape, and also when only a part of one stands there."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

PLACEHOLDER: Final = "[redacted]"
_WINDOW: Final = 12
_TAIL: Final = 4


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` without `secrets`: raw, in base64, hexadecimal or URL-encoded, whole or 12 characters in a row of them.

    A text that ends in an ellipsis was cut: there four characters of a secret at its end are enough.
    Linear in the text's length. A secret of fewer than four characters is none.
    """
    for secret in secrets:
        if len(secret) >= _TAIL:
            text = _without(text, secret)
    return text


def _without(text: str, secret: str) -> str:
    spellings = set(_spellings(secret))
    windows = {s[at : at + _WINDOW] for s in spellings for at in range(len(s) - _WINDOW + 1)}
    for short in sorted((s for s in spellings if len(s) < _WINDOW), key=len, reverse=True):
        text = text.replace(short, PLACEHOLDER)
    cuts: list[tuple[int, int]] = []
    for start in range(len(text) - _WINDOW + 1):
        if text[start : start + _WINDOW] in windows:
            if cuts and start <= cuts[-1][1]:
                cuts[-1] = (cuts[-1][0], start + _WINDOW)
            else:
                cuts.append((start, start + _WINDOW))
    for start, end in reversed(cuts):
        text = text[:start] + PLACEHOLDER + text[end:]
    return _without_tail(text, spellings)


def _without_tail(text: str, spellings: set[str]) -> str:
    if not text.endswith("…"):
        return text
    body = text[:-1]
    for length in range(_WINDOW - 1, _TAIL - 1, -1):
        tail = body[-length:]
        if len(tail) == length and any(spelling.startswith(tail) for spelling in spellings):
            return body[:-length] + PLACEHOLDER + "…"
    return text


def _spellings(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "replace")
    yield secret
    yield quote(secret, safe="")
    yield secret.encode("unicode_escape").decode()
    yield raw.hex()
    yield raw.hex().upper()
    for shift in range(3):
        # Inside another text's base64 a secret starts at one of three offsets; the characters it shares
        # with its neighbours differ, those in between do not.
        padded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        core = padded[(0, 2, 3)[shift] : len(padded) - (1 if (len(raw) + shift) % 3 else 0)]
        if len(core) >= _TAIL:
            yield core
            yield core.translate(str.maketrans("+/", "-_"))
