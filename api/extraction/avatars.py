"""A picture drawn anew as an avatar: square, small, nothing but pixels. Runs in the child only."""

from __future__ import annotations

import io
from typing import BinaryIO

# All that is needed is loaded here: beyond this the child's memory is counted.
from PIL import GifImagePlugin, Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

from api.domain.avatars import SIDE
from api.domain.pictures import MAX_PIXELS
from api.extraction.reasons import Unreadable

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
PLAIN = ("L", "RGB", "RGBA")
WIDE = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # shades of grey in 16 bits
QUALITY = 85
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


def avatar_of(file: BinaryIO, most: int) -> bytes:
    """The middle of the picture, upright, in sRGB, as WebP. Raises Unreadable, and whatever a damaged file makes of
    the library."""
    with Image.open(file, formats=FORMATS) as picture:
        picture.draft("RGB", (2 * SIDE, 2 * SIDE))  # of a large JPEG only so much is decoded
        side = min(SIDE, *picture.size)
        small = ImageOps.fit(_plain(picture), (side, side))  # the middle stays the middle, however it is turned
    clear = small.has_transparency_data
    upright = ImageOps.exif_transpose(small)
    pixels = _in_srgb(upright.convert("RGBA" if clear else "RGB"), small.info.get("icc_profile"))
    out = io.BytesIO()
    pixels.save(out, "WEBP", quality=QUALITY, exif=b"", icc_profile=b"", xmp=b"")
    if out.tell() > most:
        raise Unreadable("too_heavy")
    return out.getvalue()


def _plain(picture: Image.Image) -> Image.Image:
    """In a mode that can be scaled; most are already, and take no second room."""
    if picture.mode in WIDE:
        return picture.convert("I").point(lambda shade: shade * (1 / 256)).convert("L")
    if picture.mode in PLAIN and "transparency" not in picture.info:
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Photos of phones have wider colours than a picture without a profile is taken to have."""
    if not profile:
        return picture
    try:
        source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, source, target, outputMode=picture.mode) or picture
    except (ImageCms.PyCMSError, OSError):  # of other colours than these, or damaged
        return picture
