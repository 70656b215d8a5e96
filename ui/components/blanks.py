"""Asks for the blanks of a prompt before it is used: one form wherever a prompt is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from ui import state
from ui.api_client import Prompt, Variable
from ui.components.focus import focus
from ui.components.problem import draw_problem
from ui.render import literal, spoken

HINTS = {"number": "a number", "date": "2026-12-31"}


def ask_for_blanks(
    prompt: Prompt, values: Mapping[str, str], act: Callable[[dict[str, str]], str], later: str = "Cancel"
) -> None:
    """For callbacks: the form is drawn by the run that follows. `act` says what is wrong with the values, or nothing;
    `later` is the button that leaves them as they are."""
    state.page().blanks = state.Blanks(prompt, dict(values), act, later)


def left_blank(prompt: Prompt, values: Mapping[str, str]) -> list[str]:
    """The names that neither a value nor a default fills."""
    return [one.name for one in prompt.variables if not (values.get(one.name) or one.default)]


def draw_blank(variable: Variable, key: str, value: str, *, live: bool = False) -> str:
    """The field of one blank. `live`: heard while one types, outside of a form."""
    name = spoken(variable.name)
    if variable.choices:
        at = variable.choices.index(value) if value in variable.choices else 0
        return str(st.selectbox(name, variable.choices, index=at, key=key))
    return st.text_input(name, value, key=key, placeholder=HINTS.get(variable.type, ""), live=live) or ""


def draw_blanks() -> None:
    asked = state.page().blanks
    if asked is None:
        return

    @st.dialog("Fill in the blanks", on_dismiss=_close)
    def shown(asked: state.Blanks) -> None:
        prompt, values = asked.prompt, {}
        st.markdown(f"**{literal(prompt.name)}** leaves these words to you.")
        with st.container(key="blanks-text"):
            st.text(prompt.content)
        with st.form(f"blanks-{asked.id}", border=False):
            places = {}
            for one in prompt.variables:
                key = f"blank-{one.name}-{asked.id}"
                values[one.name] = draw_blank(one, key, asked.values.get(one.name) or one.default).strip()
                places[one.name] = st.empty()
            with st.container(key="dialog-steps-blanks", horizontal=True):  # Enter presses the first button
                done = st.form_submit_button("Use it", type="primary")
                later = st.form_submit_button(asked.later)
        missing = left_blank(prompt, values) if done else []
        for name in missing:
            with places[name].container():
                draw_problem(f"blank-{name}", "Fill this in.")
        first = (missing or [prompt.variables[0].name])[0]
        focus(f"blank-{first}-{asked.id}", f"{asked.id} {missing}")
        wrong = asked.act({name: value for name, value in values.items() if value}) if done and not missing else ""
        if wrong:
            draw_problem("blanks", wrong)
        elif later or (done and not missing):
            _close()
            st.rerun()

    shown(asked)


def _close() -> None:
    state.page().blanks = None
