"""Images on the page, as far as it needs no browser: previews, facts, and work that is waited for beside the page."""

from __future__ import annotations

import io
import threading

import pytest
from PIL import Image

from ui.api_client import ApiError, Outcome, Picture
from ui.components.errand import begin
from ui.modules.images.card import facts
from ui.modules.images.previews import EDGE, shrunk

MADE = {
    "id": "1",
    "prompt": "a fox",
    "model": "openai/gpt-image-2",
    "mime": "image/jpeg",
    "width": 1536,
    "height": 1024,
    "cost": "0.04",
    "created_at": "2026-11-21T10:00:00Z",
}


def drawn(mode: str, size: tuple[int, int], form: str) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "form", "becomes"),
    [
        ("RGB", "PNG", "JPEG"),
        ("RGBA", "PNG", "PNG"),
        ("L", "JPEG", "JPEG"),
        ("P", "GIF", "JPEG"),
        ("RGB", "WEBP", "JPEG"),
    ],
)
def test_a_preview_is_small_and_of_a_form_that_is_passed_on(mode: str, form: str, becomes: str) -> None:
    with Image.open(io.BytesIO(shrunk(drawn(mode, (1600, 800), form)))) as small:
        assert (small.format, small.size) == (becomes, (EDGE, EDGE // 2))


@pytest.mark.parametrize("data", [b"", b"no image", drawn("RGB", (900, 900), "PNG")[:60]])
def test_of_a_damaged_file_there_is_no_preview(data: bytes) -> None:
    assert shrunk(data) == b""


def test_a_picture_says_what_it_is() -> None:
    picture = Picture.read(MADE)
    assert picture.ending == "jpg"
    assert [part.replace("\\", "") for part in facts(picture)][:3] == ["openai/gpt-image-2", "1536 × 1024", "$0.04"]
    assert len(facts(Picture.read(MADE | {"cost": None}))) == 3, "unknown is not told, and is not free"


def test_a_commands_outcome_may_hold_images_or_a_file() -> None:
    made = Outcome.read({"command": "image", "text": "Here it is.", "images": [MADE]})
    assert made.shown
    assert not made.without("1").shown
    assert Outcome.read({"command": "export", "text": "", "download": "/chats/1/export?format=html"}).shown
    assert not Outcome.read({"command": "pin", "text": "Pinned."}).shown


def test_an_errand_goes_on_beside_and_brings_what_came_of_it() -> None:
    go = threading.Event()
    errand = begin(lambda: go.wait(60))
    assert not errand.done()
    go.set()
    assert errand.result(60) is True

    def fails() -> None:
        raise ApiError(502, "provider_unavailable")

    with pytest.raises(ApiError):
        begin(fails).result(60)
