"""What a person does with the library's prompts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ui import state
from ui.api_client import ApiError, Prompt
from ui.components.blanks import ask_for_blanks, left_blank
from ui.components.question import ask
from ui.render import literal
from ui.sign_in.current import my_client
from ui.wording import explain

FIELDS = {"name", "content", "description", "tags"}


def open_prompt(prompt_id: str) -> None:
    """ "new" opens an empty form; "" goes back to the list."""
    page = state.page()
    page.open_prompt, page.form_errors, page.notice = prompt_id, {}, None


def field(name: str, prompt: Prompt | None) -> str:
    """A widget of the form of one version: another one's words never stay in it."""
    return f"{name}-{prompt.id}-{prompt.version}" if prompt else name


def save(prompt: Prompt | None) -> None:
    page = state.page()
    fields: dict[str, Any] = {
        "name": _text(field("prompt_name", prompt)),
        "content": str(state.widget(field("prompt_content", prompt)) or ""),
        "description": _text(field("prompt_description", prompt)),
        "tags": [str(tag).strip() for tag in state.widget(field("prompt_tags", prompt)) or []],
    }
    if (shared := state.widget(field("prompt_shared", prompt))) is not None:
        fields["shared"] = bool(shared)
    page.form_errors = {} if fields["name"] else {"name": "Give the prompt a name."}
    if not fields["content"].strip():
        page.form_errors["content"] = "Write what the model shall do."
    if page.form_errors:
        return
    try:
        if prompt is None:
            saved = my_client().create_prompt(fields)
        else:
            saved = my_client().update_prompt(prompt.id, {**fields, "version": prompt.version})
    except ApiError as error:
        page.form_errors = {n: t for n, t in error.fields.items() if n in FIELDS} or {"": explain(error).text}
        return
    page.open_prompt, page.toast, page.active_prompt = saved.id, "Prompt saved.", None


def copy(prompt: Prompt) -> None:
    """An own one with the same words: built-in and shared prompts are not changed."""

    def work() -> None:
        state.page().open_prompt = my_client().copy_prompt(prompt).id

    _try(work)


def activate(prompt: Prompt) -> None:
    done = "Your models follow it from now on."
    if left := left_blank(prompt, {}):
        done += f" Its blanks ({', '.join(left)}) go as they are written: give them a default, or use it in a new chat."
    _try(lambda: my_client().activate_prompt(prompt.id), done)


def deactivate(prompt_id: str) -> None:
    _try(lambda: my_client().deactivate_prompt(prompt_id))


def use_in_new_chat(prompt: Prompt) -> None:
    if prompt.variables:
        ask_for_blanks(prompt, {}, partial(_use_filled, prompt))
        return

    def work() -> None:
        state.page().going = my_client().create_chat(prompt_id=prompt.id).id

    _try(work)


def _use_filled(prompt: Prompt, values: dict[str, str]) -> str:
    try:
        api = my_client()
        api.render_prompt(prompt.id, values)  # refuses what a blank does not take
        state.page().going = api.create_chat(prompt_id=prompt.id, parameters={"prompt_values": values}).id
    except ApiError as error:
        return explain(error).text
    return ""


def restore(prompt_id: str, number: int) -> None:
    _try(lambda: my_client().restore_prompt(prompt_id, number), f"Version {number} is the newest again.")


def ask_to_delete(prompt: Prompt) -> None:
    ask(
        f"Delete {literal(prompt.name)}?",
        "It goes with all its versions. Chats that used it stay, and go on without it.",
        "Delete",
        partial(_delete, prompt.id),
    )


def _delete(prompt_id: str) -> str:
    try:
        my_client().delete_prompt(prompt_id)
    except ApiError as error:
        if error.status != 404:
            return explain(error).text
    state.page().active_prompt = None
    open_prompt("")
    return ""


def _try(work: Callable[[], object], done: str = "") -> None:
    page = state.page()
    page.notice, page.active_prompt = None, None
    try:
        work()
    except ApiError as error:
        page.notice = state.Notice(explain(error).text)
        return
    page.toast = done


def _text(key: str) -> str:
    return str(state.widget(key) or "").strip()
