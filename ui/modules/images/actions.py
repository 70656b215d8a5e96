"""What a person does with images. Making one takes seconds or minutes: the page goes on meanwhile."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from ui import state
from ui.api_client import ApiError, Picture
from ui.components.errand import begin
from ui.components.question import ask
from ui.render import label
from ui.sign_in.current import my_client
from ui.wording import explain

PROMPT, MODEL, SIZE, QUALITY, COUNT = "image_prompt", "image_model", "image_size", "image_quality", "image_count"
SIZES = {"As the model likes": "", "Square": "1024x1024", "Wide": "1536x1024", "Tall": "1024x1536"}
QUALITIES = {"As usual": "", "Low": "low", "Medium": "medium", "High": "high"}
PAGE = 12
FIELDS = {"prompt", "model", "size", "quality", "n"}


def make() -> None:
    page, prompt = state.page(), str(state.widget(PROMPT) or "").strip()
    page.form_errors, page.notice, page.image_needs_key, page.image_words = {}, None, False, prompt
    if page.drawing is not None:
        page.form_errors = {"": "An image is being made. The next one can begin when it is here."}
        return
    if not prompt:
        page.form_errors = {"prompt": "Say what the image should show."}
        return
    size = str(state.widget(SIZE) or "")
    fields: dict[str, Any] = {
        "prompt": prompt,
        "model": str(state.widget(MODEL) or "").strip(),
        "size": SIZES.get(size, size.strip().lower().replace("×", "x")),
        "quality": QUALITIES[str(state.widget(QUALITY) or "As usual")],
        "n": int(state.widget(COUNT) or 1),
    }
    work = partial(my_client().make_images, fields, key=str(uuid.uuid4()))
    page.drawing = state.Drawing(prompt, fields["n"], begin(work))


def finish(drawing: state.Drawing) -> None:
    """It is over: the images are in the list, or the form says why not, with the words still in it."""
    page = state.page()
    page.drawing = None
    try:
        made = drawing.errand.result()
    except ApiError as error:
        page.form_errors = {name: text for name, text in error.fields.items() if name in FIELDS} or {
            "": explain(error).text
        }
        page.image_needs_key = error.code == "provider_not_configured" or explain(error).models
        return
    page.toast = "The image is made." if len(made) == 1 else f"{len(made)} images are made."


def use_words(picture: Picture) -> None:
    state.put_widget(PROMPT, picture.prompt)


def show_more() -> None:
    state.page().shown_images += PAGE


def ask_to_delete(picture: Picture) -> None:
    ask(
        "Delete this image?",
        f"**{label(picture.prompt, 120)}** will be deleted for good. **This cannot be undone.**",
        "Delete",
        partial(_delete, picture.id),
    )


def _delete(image_id: str) -> str:
    try:
        my_client().delete_image(image_id)
    except ApiError as error:
        if error.status != 404:
            return explain(error).text
    page = state.page()
    page.previews.pop(image_id, None)
    if page.result:
        chat_id, outcome = page.result
        page.result = (chat_id, outcome.without(image_id))
    return ""
