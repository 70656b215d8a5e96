"""Draws the Images page: the form, what is being made, and the gallery."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, Picture
from ui.components.errand import watch
from ui.components.focus import focus
from ui.components.frame import head
from ui.components.problem import draw_problem
from ui.modules.chat.model import catalogue, model_name
from ui.modules.images import actions
from ui.modules.images.card import draw_download, draw_picture, facts
from ui.render import label

MAKING = '<div class="parley-waiting" role="status" aria-label="An image is being made"><i></i><i></i><i></i></div>'
USUAL = "Whichever is set up"


def draw(api: ApiClient) -> None:
    head("Images", "Say what it should show, and a model makes it. What was made is kept here, for you alone.")
    drawing = state.page().drawing
    if drawing is not None and drawing.errand.done():
        actions.finish(drawing)
        if state.page().toast:
            st.toast(state.page().toast)
            state.page().toast = ""
    _form(api)
    if (drawing := state.page().drawing) is not None:
        _drawing(drawing)
    _gallery(api)


def _form(api: ApiClient) -> None:
    errors = state.page().form_errors
    if state.widget(actions.PROMPT) is None:  # another page was open meanwhile
        state.put_widget(actions.PROMPT, state.page().image_words)
    models = {one.id: one for one in catalogue(api).all_models if "images" in (one.abilities or ())}
    with st.form("new-image", border=False):
        st.text_area(
            "What it should show",
            key=actions.PROMPT,
            height=88,
            placeholder="A lighthouse in fog, seen from the sea, in ink and watercolour",
        )
        draw_problem("image-prompt", errors.get("prompt"))
        with st.container(key="image-choices", horizontal=True, vertical_alignment="bottom"):
            st.selectbox(
                "Model",
                ["", *models],
                key=actions.MODEL,
                format_func=lambda name: model_name(models.get(name), name) or USUAL,
                accept_new_options=True,
                help="Or type one that is not listed, as provider/model.",
            )
            st.selectbox(
                "Size",
                list(actions.SIZES),
                key=actions.SIZE,
                format_func=_size_words,
                accept_new_options=True,
                help="Or type one that the model knows, such as 512x512.",
            )
            st.selectbox("Quality", list(actions.QUALITIES), key=actions.QUALITY)
            st.number_input("How many", 1, 10, key=actions.COUNT)
        for name in ("model", "size", "quality", "n", ""):
            draw_problem(f"image-{name or 'form'}", errors.get(name))
        st.form_submit_button("Make it", type="primary", icon=":material/brush:", on_click=actions.make)
    if state.page().image_needs_key:
        st.page_link(state.page().places["models"], label="Models and keys", icon=":material/key:")
    if not state.page().modal:
        focus(actions.PROMPT, "images")


def _size_words(name: str) -> str:
    size = actions.SIZES.get(name, "")
    return f"{name} · {size.replace('x', ' × ')}" if size else name


def _drawing(drawing: state.Drawing) -> None:
    with st.container(key="drawing", border=True, horizontal=True, vertical_alignment="center"):
        st.html(MAKING, width="content")
        many = f"{drawing.count} images are" if drawing.count > 1 else "The image is"
        st.markdown(f"**{many} being made** · {label(drawing.prompt, 120)}")
        watch(drawing.errand)
    st.caption("This may take a minute. It goes on when you leave this page.")


def _gallery(api: ApiClient) -> None:
    shown = state.page().shown_images
    found, cursor = api.images(min(shown, 100))
    while cursor and len(found) < shown:
        more, cursor = api.images(min(shown - len(found), 100), cursor)
        found += more
    if not found:
        st.caption("Nothing is made yet. The first image will be here.")
        return
    st.header("Made before", anchor=False)
    with st.container(key="gallery"):
        for picture in found:
            _card(api, picture)
    if cursor:
        st.button("Show more", key="more-images", type="tertiary", on_click=actions.show_more)


def _card(api: ApiClient, picture: Picture) -> None:
    with st.container(key=f"image-{picture.id}", border=True, gap="small"):
        draw_picture(api, picture)
        st.markdown(label(picture.prompt, 90))
        st.caption(" · ".join(facts(picture)))
        with st.container(key=f"image-steps-{picture.id}", horizontal=True, gap="xsmall"):
            draw_download(api, picture)
            _icon("Use these words again", "edit_note", f"icon-words-{picture.id}", actions.use_words, picture)
            _icon("Delete this image", "delete", f"icon-drop-{picture.id}", actions.ask_to_delete, picture)


def _icon(words: str, icon: str, key: str, act: object, picture: Picture) -> None:
    st.button(words, key=key, icon=f":material/{icon}:", type="tertiary", on_click=act, args=(picture,))  # type: ignore[arg-type]
