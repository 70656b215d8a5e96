"""The account's picture: drawn beside what changes it. Nothing is loaded from elsewhere."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, User
from ui.components.problem import draw_problem
from ui.modules.images.previews import small
from ui.modules.settings import actions
from ui.render import literal

FORMS = ["png", "jpg", "jpeg", "gif", "webp"]
MOST_MB = 10  # the API takes no more


def draw_avatar(api: ApiClient, user: User) -> None:
    with st.container(key="avatar", horizontal=True, vertical_alignment="center"):
        if user.avatar_is_here and (picture := _picture(api, user)):
            st.image(picture, width=144, alt="Your picture")  # drawn at half of it, for fine screens
        else:
            with st.container(key="avatar-none", width="content"):
                st.markdown(literal((user.full_name or user.username)[:1].upper()), width="content")
        _steps(user)
    if user.avatar_url and not user.avatar_is_here:
        st.caption(f"Your picture is at {literal(user.avatar_url)}; this page loads nothing from there.")
    draw_problem("settings-avatar", state.page().form_errors.get("avatar"))


def _picture(api: ApiClient, user: User) -> bytes:
    """As of its last change; empty where it cannot be shown."""
    page = state.page()
    if page.avatar[0] != user.updated_at:
        page.avatar = (user.updated_at, small(lambda: api.avatar(user.id)))
    return page.avatar[1]


def _steps(user: User) -> None:
    # another key is another widget: closed, and empty again
    rounds = state.page().avatars_taken
    with st.popover("Change picture" if user.avatar_url else "Add a picture", key=f"avatar-choice-{rounds}"):
        field = f"{actions.AVATAR_FILE}-{rounds}"
        st.file_uploader(
            "A picture: PNG, JPEG, GIF or WebP",
            FORMS,
            key=field,
            max_upload_size=MOST_MB,
            on_change=actions.take_avatar,
            args=(field,),
        )
        st.caption("Everybody with an account here may see it. Its middle is kept; a photo's place and time are not.")
    if user.avatar_url:
        st.button("Remove", key="avatar-remove", type="tertiary", on_click=actions.remove_avatar)
