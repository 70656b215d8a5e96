"""Draws the library: a list that can be searched, and one prompt with its form, a trial and its versions."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Prompt
from ui.components.blanks import draw_blank
from ui.components.focus import focus
from ui.components.frame import head
from ui.components.problem import draw_problem
from ui.modules.prompts import actions
from ui.render import label, literal
from ui.sign_in.current import this_user
from ui.wording import ago


def draw(api: ApiClient) -> None:
    head(
        "Prompts",
        "Instructions that a model follows: a role, a style, a task. The active one is told wherever nothing else is.",
    )
    page = state.page()
    draw_problem("notice", page.notice.text if page.notice else None)
    if page.open_prompt:
        _one(api, page.open_prompt)
    else:
        _library(api)


def _library(api: ApiClient) -> None:
    everything = api.prompts()
    tags = sorted({tag for prompt in everything for tag in prompt.tags}, key=str.casefold)
    with st.container(key="prompts-bar", horizontal=True, vertical_alignment="bottom"):
        words = st.text_input("Find a prompt", key="prompts_find", type="search", live=True, icon=":material/search:")
        tag = st.selectbox("Tag", tags, index=None, key="prompts_tag", placeholder="All", disabled=not tags)
        st.button("New prompt", type="primary", icon=":material/add:", on_click=actions.open_prompt, args=("new",))
    focus("prompts_find", "prompts")
    found = api.prompts(words, tag or "") if words or tag else everything
    if not found:
        st.markdown("No prompt here is like that." if everything else "No prompt yet. Write the first one.")
    for prompt in found:
        _line(prompt)


def _line(prompt: Prompt) -> None:
    with st.container(key=f"line-prompt-{prompt.id}", horizontal=True, vertical_alignment="center"):
        about = prompt.description or " ".join(prompt.content.split())
        st.markdown(f"**{literal(prompt.name)}**{_marks(prompt)}  \n:gray[{label(about, 110)}]")
        if prompt.is_active:
            st.button(
                "Deactivate", key=f"off-{prompt.id}", on_click=actions.deactivate, args=(prompt.id,), type="tertiary"
            )
        else:
            st.button("Activate", key=f"on-{prompt.id}", on_click=actions.activate, args=(prompt,), type="tertiary")
        st.button("Open", key=f"open-{prompt.id}", on_click=actions.open_prompt, args=(prompt.id,))


def _marks(prompt: Prompt) -> str:
    marks = [
        ("active", "green", prompt.is_active),
        ("built in", "gray", prompt.built_in and "built-in" not in prompt.tags),
    ]
    marks += [("shared", "violet", prompt.shared and not prompt.built_in)]
    marks += [(literal(tag), "blue", True) for tag in prompt.tags]
    return "".join(f" :{colour}-badge[{word}]" for word, colour, so in marks if so)


def _one(api: ApiClient, prompt_id: str) -> None:
    st.button("All prompts", type="tertiary", icon=":material/arrow_back:", on_click=actions.open_prompt, args=("",))
    if prompt_id == "new":
        _form(None)
        return
    try:
        prompt = api.prompt(prompt_id)
    except ApiError as error:
        if error.status != 404:
            raise
        st.markdown("This prompt is not there any more.")
        return
    with st.container(key="prompt-steps", horizontal=True):
        if prompt.is_active:
            st.button("Deactivate", on_click=actions.deactivate, args=(prompt.id,))
        else:
            st.button("Activate", type="primary", on_click=actions.activate, args=(prompt,))
        st.button("Use in a new chat", on_click=actions.use_in_new_chat, args=(prompt,))
        if not prompt.own:
            st.button("Make an own copy", on_click=actions.copy, args=(prompt,))
        else:
            st.button("Delete…", type="tertiary", on_click=actions.ask_to_delete, args=(prompt,))
    edit, trial, versions = st.tabs(["Text", "Try it", "Versions"], key=f"prompt-tabs-{prompt.id}", on_change="rerun")
    with edit:
        if prompt.own:
            _form(prompt)
        else:
            st.subheader(literal(prompt.name), anchor=False)
            st.text(prompt.content)
    with trial:
        if trial.open:
            _trial(api, prompt)
    with versions:
        if versions.open:
            _versions(api, prompt)


def _form(prompt: Prompt | None) -> None:
    errors, marker = state.page().form_errors, f"{prompt.id}-{prompt.version}" if prompt else "new"
    with st.form(f"prompt-{marker}", border=False):
        st.text_input("Name", prompt.name if prompt else "", key=actions.field("prompt_name", prompt), max_chars=100)
        draw_problem("prompt_name", errors.get("name"))
        st.text_area(
            "What the model is told",
            prompt.content if prompt else "",
            key=actions.field("prompt_content", prompt),
            height=240,
            placeholder="You translate into {{language}}. Keep the tone {{tone: choice(formal, friendly) = friendly}}.",
        )
        draw_problem("prompt_content", errors.get("content"))
        st.caption(
            literal("{{name}} is a blank. {{count: number = 3}} has a type (text, number, date, choice) and a default.")
        )
        st.text_input(
            "Description",
            prompt.description if prompt else "",
            key=actions.field("prompt_description", prompt),
            max_chars=500,
        )
        draw_problem("prompt_description", errors.get("description"))
        kept = list(prompt.tags) if prompt else []
        st.multiselect(
            "Tags",
            kept,
            default=kept,
            key=actions.field("prompt_tags", prompt),
            accept_new_options=True,
            placeholder="Type one, then Enter",
        )
        draw_problem("prompt_tags", errors.get("tags"))
        if this_user().role == "admin":
            st.checkbox(
                "Share it with everybody here",
                prompt.shared if prompt else False,
                key=actions.field("prompt_shared", prompt),
            )
        draw_problem("prompt-form", errors.get(""))
        st.form_submit_button("Save prompt", type="primary", on_click=actions.save, args=(prompt,))
    if not state.page().modal:
        focus(actions.field("prompt_name", prompt), f"{marker} {sorted(errors)}")


def _trial(api: ApiClient, prompt: Prompt) -> None:
    values = {
        one.name: draw_blank(one, f"try-{prompt.id}-{one.name}", one.default, live=True) for one in prompt.variables
    }
    if not values:
        st.markdown("It has no blanks: the model is told it as it is.")
    try:
        st.text(api.render_prompt(prompt.id, {name: value for name, value in values.items() if value}))
    except ApiError as error:
        if error.status != 422:
            raise
        draw_problem("trial", next(iter(error.fields.values()), error.detail))


def _versions(api: ApiClient, prompt: Prompt) -> None:
    for version in sorted(api.prompt_versions(prompt.id), key=lambda one: -one.number):
        newest = version.number == prompt.version
        with st.container(key=f"line-version-{version.number}", horizontal=True, vertical_alignment="center"):
            now = " :green-badge[now]" if newest else ""
            st.markdown(f"**Version {version.number}**{now}  \n:gray[{ago(version.created_at)}]")
            if prompt.own and not newest:
                st.button(
                    "Go back to it",
                    key=f"restore-{version.number}",
                    on_click=actions.restore,
                    args=(prompt.id, version.number),
                )
        if version.diff:
            with st.expander("What changed"):
                st.code(version.diff, language="diff", wrap_lines=True)
