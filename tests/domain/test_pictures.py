"""What is a picture is told by its own bytes, and by nothing else."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from api.domain.pictures import MAX_SIDE, Picture, picture_of
from tests import hypothesis_profiles  # noqa: F401
from tests.image_router import HTML, SVG, bomb, png

FORMS: list[tuple[str, str, dict[str, Any]]] = [
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("JPEG", "RGB", {}),
    ("JPEG", "RGB", {"progressive": True, "comment": b"c" * 300}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("WEBP", "RGBA", {}),
    ("GIF", "P", {}),
]


def drawn(form: str, mode: str, size: tuple[int, int], **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 1 if mode == "P" else (1, 2, 3, 128)[: len(mode)]).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize(("form", "mode", "options"), FORMS)
def test_what_browsers_draw(form: str, mode: str, options: dict[str, Any]) -> None:
    for size in ((1, 1), (7, 300), (513, 2)):
        data = drawn(form, mode, size, **options)
        assert picture_of(data) == Picture(f"image/{form.lower()}", *size)
        for end in (0, 3, 9):
            assert picture_of(data[:end]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SVG,
        HTML,
        b"<?xml version='1.0'?>" + SVG,
        b"%PDF-1.7",
        b"\x89PNG\r\n\x1a\n" + HTML * 10,
        b"\xff\xd8\xff" + HTML * 10,
        b"\xff\xd8\xff\xe0\x00\x00" + b"\0" * 50,
        b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 40,
        b"RIFF\0\0\0\0WAVEfmt " + b"\0" * 40,
        b"GIF89a\0\0\0\0",
        bomb(),
        png(MAX_SIDE + 1, 1),
    ],
)
def test_what_is_none(data: bytes) -> None:
    assert picture_of(data) is None


STARTS = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFFxxxxWEBPVP8X", b"RIFFxxxxWEBPVP8L", b"GIF89a"]


@given(st.sampled_from(STARTS), st.binary(max_size=200))
def test_any_bytes_are_read_without_a_fault(start: bytes, rest: bytes) -> None:
    found = picture_of(start + rest)
    assert found is None or 0 < found.width <= MAX_SIDE
