"""An image as it is shown on its page and where a command made it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ui.api_client import ApiClient, Picture
from ui.modules.images.previews import preview
from ui.render import file_name, literal
from ui.wording import ago, cost_words


def draw_picture(api: ApiClient, picture: Picture) -> None:
    small = preview(api, picture)
    if small is None:
        st.caption(":material/hide_image: It cannot be shown here. Download it to see it.")
    else:
        st.image(small, width="stretch", alt=" ".join(picture.prompt.split())[:200])


def draw_download(api: ApiClient, picture: Picture) -> None:
    st.download_button(
        "Download",
        data=partial(api.image_content, picture.id),
        file_name=f"{file_name(picture.prompt)}.{picture.ending}",
        mime=picture.mime,
        key=f"image-file-{picture.id}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def facts(picture: Picture) -> list[str]:
    """What made it, how large it is, what the call cost, and when."""
    parts = [literal(picture.model), f"{picture.width} × {picture.height}"]
    if picture.cost is not None:
        parts.append(literal(cost_words(picture.cost)))
    return [*parts, ago(picture.created_at)]
