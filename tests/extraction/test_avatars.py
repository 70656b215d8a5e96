"""An avatar is drawn anew in the child: small, upright, in sRGB, whatever kind of picture it was."""

from __future__ import annotations

import io
import tempfile
from typing import Any

import pytest
from PIL import Image, ImageCms

from api.domain.errors import FileRefused
from api.extraction import avatars
from api.extraction.documents import DocumentReader, Limits

READER = DocumentReader(limits=Limits(cpu=60, wall=300))
RED, BLUE = (220, 20, 20), (20, 20, 220)


def sent(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def drawn(data: bytes, reader: DocumentReader = READER) -> Image.Image:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        found = Image.open(io.BytesIO(reader.avatar(file)))
    assert found.format == "WEBP"
    return found


def pixel(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    return tuple(picture.convert("RGBA").getpixel((x, y)))  # type: ignore[arg-type]


def is_near(found: tuple[int, ...], wanted: tuple[int, ...], by: int = 25) -> bool:
    return all(abs(one - other) <= by for one, other in zip(found, wanted, strict=False))


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_is_upright(turn: int) -> None:
    """As ImageOps turns the whole picture; here the middle is taken first."""
    wide = Image.new("RGB", (900, 600), RED)
    wide.paste(BLUE, (0, 0, 450, 600))
    exif = Image.Exif()
    exif[0x0112] = turn
    found = drawn(sent(wide, "JPEG", exif=exif, quality=95))
    assert found.size == (512, 512)
    assert not found.getexif()
    blue_at = {1: (60, 256), 2: (450, 256), 3: (450, 256), 4: (60, 256), 5: (256, 60), 6: (256, 60)}
    blue_at |= {7: (256, 450), 8: (256, 450)}
    assert is_near(pixel(found, *blue_at[turn]), BLUE)
    x, y = blue_at[turn]
    assert is_near(pixel(found, 511 - x, 511 - y), RED)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "I;16"])
def test_every_kind_of_colour(mode: str) -> None:
    if mode == "I;16":
        picture = Image.new("I;16", (60, 60), 0x8000)
        form, wanted = "PNG", (128, 128, 128)
    else:
        shade = Image.new("RGB", (60, 60), (255, 255, 255) if mode == "1" else (128, 128, 128))
        picture = shade.quantize(4) if mode == "P" else shade.convert(mode)
        form = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
        wanted = (255, 255, 255) if mode == "1" else (128, 128, 128)
    assert is_near(pixel(drawn(sent(picture, form)), 30, 30), wanted, by=6)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_what_is_clear_stays_clear(mode: str) -> None:
    options: dict[str, Any] = {}
    if mode == "P":
        picture = Image.new("RGB", (40, 40), (1, 2, 3)).quantize(4)
        options["transparency"] = 0
    elif mode == "RGB":
        picture = Image.new("RGB", (40, 40), (1, 2, 3))
        options["transparency"] = (1, 2, 3)
    else:
        picture = Image.new("RGBA", (40, 40), (0, 0, 0, 0)).convert(mode)
    assert pixel(drawn(sent(picture, **options)), 20, 20)[3] == 0


def test_wide_colours_are_told_in_srgb() -> None:
    """What stands for itself in another space is another number in sRGB; the profile goes, the colour stays."""
    space = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    plain = Image.new("RGB", (50, 50), RED)
    for profile in (space.tobytes(), b"no profile at all"):  # of no use for these colours
        assert is_near(pixel(drawn(sent(plain, icc_profile=profile)), 25, 25), RED)
    swapped = _swapped(srgb.tobytes())
    found = drawn(sent(plain, icc_profile=swapped))
    assert is_near(pixel(found, 25, 25), BLUE)
    assert "icc_profile" not in found.info


def _swapped(profile: bytes) -> bytes:
    """A profile whose red is sRGB's blue and the other way round: what obeys it shows one as the other."""
    return profile.replace(b"rXYZ", b"-XYZ").replace(b"bXYZ", b"rXYZ").replace(b"-XYZ", b"bXYZ")


def test_an_honest_large_picture_is_drawn() -> None:
    """Forty million pixels, as cameras make them, in a form that has no small way to be read."""
    found = drawn(sent(Image.new("RGB", (8_000, 5_000), RED), compress_level=1))
    assert found.size == (512, 512)


def test_a_child_that_takes_too_long_is_ended() -> None:
    with pytest.raises(FileRefused) as caught:
        drawn(sent(Image.new("RGB", (8_000, 5_000)), compress_level=1), DocumentReader(limits=Limits(wall=0.01)))
    assert caught.value.extra["reason"] == "too_heavy"
    assert "time or memory" in str(caught.value)


def test_only_pictures_are_opened() -> None:
    """Pillow knows forty forms, some of which start other programs."""
    assert set(avatars.FORMATS) == {"PNG", "JPEG", "GIF", "WEBP"}
    for form in ("BMP", "TIFF", "PPM", "ICO"):
        with pytest.raises(FileRefused) as caught:
            drawn(sent(Image.new("RGB", (32, 32)), form))
        assert caught.value.extra["reason"] == "damaged"
