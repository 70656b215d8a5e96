"""A picture drawn anew as an avatar: square, small, nothing but pixels. Runs in the child only."""

from __future__ import annotations

import io
from typing import BinaryIO

from PIL import Image, ImageOps

from api.domain.avatars import SIDE
from api.domain.pictures import MAX_PIXELS
from api.extraction.reasons import Unreadable

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
QUALITY = 85
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def avatar_of(file: BinaryIO, most: int) -> bytes:
    """The middle of the picture, upright, as WebP. Raises Unreadable, and whatever a damaged file makes of the
    library."""
    with Image.open(file, formats=FORMATS) as picture:
        picture.draft("RGB", (2 * SIDE, 2 * SIDE))  # of a large JPEG only so much is decoded
        upright = ImageOps.exif_transpose(picture)
    pixels = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    side = min(SIDE, *pixels.size)
    out = io.BytesIO()
    ImageOps.fit(pixels, (side, side)).save(out, "WEBP", quality=QUALITY, exif=b"", icc_profile=b"", xmp=b"")
    if out.tell() > most:
        raise Unreadable("too_heavy")
    return out.getvalue()
