"""Small previews of images, kept by the tab: the page draws them anew on every run."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from ui import state
from ui.api_client import ApiClient, ApiError, Picture

EDGE = 640
MOST_PIXELS = 25_000_000  # opened, an image takes four bytes a pixel of the page's memory
KEPT = 100


def preview(api: ApiClient, picture: Picture) -> bytes | None:
    """None where it cannot be shown here: too large, damaged, or gone meanwhile."""
    kept = state.page().previews
    if picture.id not in kept:
        fits = picture.width * picture.height <= MOST_PIXELS
        kept[picture.id] = small(lambda: api.image_content(picture.id)) if fits else b""
        while len(kept) > KEPT:
            del kept[next(iter(kept))]
    return kept[picture.id] or None


def small(fetch: Callable[[], bytes]) -> bytes:
    """A picture of the API's, as `shrunk` makes it; empty where it is damaged or has gone meanwhile."""
    try:
        return shrunk(fetch())
    except ApiError as error:
        if error.away or error.status in {401, 429}:
            raise
        return b""


def shrunk(data: bytes) -> bytes:
    """In the form that Streamlit passes on as it is: JPEG, or PNG where something shows through. Empty if damaged."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            opened.thumbnail((EDGE, EDGE))
            clear = opened.has_transparency_data
            out = io.BytesIO()
            opened.convert("RGBA" if clear else "RGB").save(out, "PNG" if clear else "JPEG", quality=88)
    except (OSError, ValueError, SyntaxError):  # what Pillow raises for a damaged file
        return b""
    return out.getvalue()
