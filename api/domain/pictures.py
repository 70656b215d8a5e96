"""What bytes are a picture of, by their own first words: nobody's label is believed.

Only what browsers draw as pixels and nothing else: PNG, JPEG, WebP, GIF. SVG and HTML are documents that can act.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

PICTURE_HEAD: Final = 1 << 20
"""So many bytes tell what it is: a JPEG says its size behind its notes."""
MAX_SIDE: Final = 16_384
MAX_PIXELS: Final = 100_000_000
"""More than that costs whoever draws it gigabytes of memory, however few bytes it is."""
EXTENSIONS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG's segments that tell the size
_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD9)))  # and those without a length


@dataclass(frozen=True, slots=True)
class Picture:
    """Its media type, and its size in pixels."""

    mime: str
    width: int
    height: int


def picture_of(data: bytes) -> Picture | None:
    """None for what is no picture, is cut before its size, or is larger than anybody should draw."""
    try:
        found = _png(data) or _gif(data) or _webp(data) or _jpeg(data)
    except (struct.error, IndexError):
        return None
    if found is None or not (0 < found.width <= MAX_SIDE and 0 < found.height <= MAX_SIDE):
        return None
    return found if found.width * found.height <= MAX_PIXELS else None


def _png(data: bytes) -> Picture | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or data[12:16] != b"IHDR":
        return None
    return Picture("image/png", *struct.unpack_from(">II", data, 16))


def _gif(data: bytes) -> Picture | None:
    if not data.startswith((b"GIF87a", b"GIF89a")):
        return None
    return Picture("image/gif", *struct.unpack_from("<HH", data, 6))


def _webp(data: bytes) -> Picture | None:
    if not data.startswith(b"RIFF") or data[8:12] != b"WEBP":
        return None
    match data[12:16]:
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            width, height = struct.unpack_from("<HH", data, 26)
            return Picture("image/webp", width & 0x3FFF, height & 0x3FFF)
        case b"VP8L" if data[20:21] == b"\x2f":
            (bits,) = struct.unpack_from("<I", data, 21)
            return Picture("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
            return Picture("image/webp", width, height) if len(data) >= 30 else None
    return None


def _jpeg(data: bytes) -> Picture | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Picture("image/jpeg", width, height)
        else:
            (length,) = struct.unpack_from(">H", data, at + 2)
            if length < 2:
                return None
            at += 2 + length
    return None
