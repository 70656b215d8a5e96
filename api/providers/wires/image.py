"""OpenAI's image API, and ImageRouter's, which has its form: requests and answers, no I/O.

Sources: OpenAI's API reference ("Create image", the image object, `usage`), ImageRouter's documentation (its own
`b64_ephemeral`, `cost`; one image a call). ImageRouter begins its answer before the image is there: white space
keeps the line open, and an error then stands in an answer of status 200.
"""

from __future__ import annotations

import base64
import binascii
import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from api.domain.errors import ProviderBadResponse, ProviderError
from api.domain.events import Usage
from api.domain.images import Drawn, DrawnAnswer, ImageOrder
from api.domain.text import clean_text
from api.providers.assembly import count_of
from api.providers.failures import from_object

PATH: Final = "/images/generations"
_DALL_E: Final = re.compile(r"(?:.*/)?dall-e.*")
_DATA_URL: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,")
_MAX_PROMPT: Final = 32_000
_MAX_COST: Final = 1_000_000
_READ: Final = msgspec.json.Decoder(float_hook=Decimal)


class ImageWire:
    """`answer_form` is the `response_format` that brings the bytes themselves; None where a model must not be told:
    OpenAI's newer ones refuse the word, and always send them."""

    def __init__(self, answer_form: str | None = None) -> None:
        self._answer_form = answer_form

    def encode(self, order: ImageOrder) -> dict[str, Any]:
        """The body of the request."""
        body: dict[str, Any] = dict(order.extra) | {"model": order.model, "prompt": clean_text(order.prompt)}
        if order.n > 1:
            body["n"] = order.n
        for name in ("size", "quality"):
            if (value := getattr(order, name)) is not None:
                body[name] = value
        if form := self._answer_form or ("b64_json" if _DALL_E.fullmatch(order.model) else None):
            body["response_format"] = form
        return body

    def decode(self, body: bytes, *, most: int, max_bytes: int) -> DrawnAnswer:
        """At most so many images of so many bytes each. Raises ProviderError where the answer tells of none."""
        try:
            said = _READ.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
            raise _refused("the answer is not JSON") from None
        if isinstance(said, dict) and said.get("error"):
            raise from_object(msgspec.json.decode(body)["error"])  # without Decimals, as others read it
        rows = said.get("data") if isinstance(said, dict) else None
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise _refused("the answer holds no images")
        usage = Usage(count_of(said, "usage", "input_tokens"), count_of(said, "usage", "output_tokens"))
        images, fault = [], None
        for row in rows[:most]:
            try:
                images.append(_drawn(row, max_bytes))
            except ProviderError as error:
                fault = fault or error
        return DrawnAnswer(tuple(images), usage, _cost(said.get("cost")), fault)


def _drawn(row: dict[str, Any], max_bytes: int) -> Drawn:
    revised = row.get("revised_prompt")
    words = clean_text(revised)[:_MAX_PROMPT] if isinstance(revised, str) and revised.strip() else None
    text, url = row.get("b64_json"), row.get("url")
    if isinstance(url, str) and _DATA_URL.match(url[:100]):
        text = text or url
    if isinstance(text, str) and text:
        return Drawn(_unpacked(text, max_bytes), None, words)
    if isinstance(url, str) and url:
        return Drawn(None, url, words)
    raise _refused("an entry holds neither an image nor its address")


def _unpacked(text: str, max_bytes: int) -> bytes:
    if label := _DATA_URL.match(text[:100]):
        text = text[label.end() :]
    if len(text) > max_bytes * 4 // 3 + 4:
        raise too_large(max_bytes)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("the image is not base64") from None
    if len(data) > max_bytes:
        raise too_large(max_bytes)
    return data


def _cost(told: Any) -> Decimal | None:
    """A number of dollars; whatever else stands there says nothing."""
    if isinstance(told, bool) or not isinstance(told, int | Decimal):
        return None
    cost = Decimal(told)
    return cost if cost.is_finite() and 0 <= cost < _MAX_COST else None


def too_large(max_bytes: int) -> ProviderBadResponse:
    """MAX_IMAGE_BYTES, in words."""
    return ProviderBadResponse(
        f"The provider sent an image of more than {max_bytes:,} bytes, which this server does not keep. Ask for a "
        "smaller size or a lower quality."
    )


def _refused(what: str) -> ProviderBadResponse:
    return ProviderBadResponse(
        f"The provider's answer is not one of an image API ({what}). Try again, or check the model and the base URL."
    )
