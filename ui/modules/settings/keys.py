"""Draws the API keys: the list, the form for a new one, and the key itself, once, with what to do with it."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiKey
from ui.components.focus import focus
from ui.components.problem import draw_problem
from ui.modules.settings import actions
from ui.render import literal
from ui.settings import settings
from ui.wording import ago, day


def draw_keys(api: ApiClient) -> None:
    st.markdown(
        "With a key a program acts for you: in Parley's own API, or wherever an OpenAI-compatible server can be "
        "entered. You can also sign in with one."
    )
    made = state.page().new_key
    if made is not None:
        _shown_once(made)
    for key in api.api_keys():
        _line(key)
    st.header("New key", anchor=False)
    with st.form("new-key", border=False):
        left, middle, right = st.columns((2, 2, 1))
        with left:
            st.text_input("What it is for", key="key_name", max_chars=100, placeholder="Editor on my laptop")
            draw_problem("key-name", state.page().form_errors.get("name"))
        middle.selectbox("It may", list(actions.SCOPES), key="key_scope")
        right.selectbox("Lasts", list(actions.LIVES), key="key_life", index=1)
        draw_problem("key-form", state.page().form_errors.get(""))
        st.form_submit_button("Make a key", type="primary", on_click=actions.create_key)
    if not state.page().modal:
        focus("key_name", f"keys {sorted(state.page().form_errors)}")


def _shown_once(made: ApiKey) -> None:
    with st.container(key="new-key-shown", border=True):
        st.markdown(f"**{literal(made.name)}** is ready. Copy it now: it is not shown again.")
        st.code(made.key, language=None, wrap_lines=True)
        curl, python = st.tabs(["curl", "Python"])
        curl.code(curl_snippet(made.key), language="bash", wrap_lines=True)
        python.code(python_snippet(made.key), language="python", wrap_lines=True)
        st.button("I have copied it", key="key-copied", on_click=actions.hide_key)


def _line(key: ApiKey) -> None:
    with st.container(key=f"line-key-{key.id}", horizontal=True, vertical_alignment="center"):
        parts = [", ".join(key.scopes), f"used {ago(key.last_used_at)}" if key.last_used_at else "never used"]
        parts.append(f"until {day(key.expires_at)}" if key.expires_at else "no end")
        st.markdown(f"**{literal(key.name)}** `{key.masked}`  \n:gray[{literal(' · '.join(parts))}]")
        st.button(
            "Revoke",
            key=f"revoke-{key.id}",
            type="tertiary",
            on_click=actions.ask_to_revoke,
            args=(key.id, literal(key.name)),
        )


def curl_snippet(key: str) -> str:
    return (
        f"curl {settings().public_api_url}/v1/chat/completions \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        """  -d '{"model": "demo/demo", "messages": [{"role": "user", "content": "Hello"}]}'"""
    )


def python_snippet(key: str) -> str:
    return (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{settings().public_api_url}/v1", api_key="{key}")\n'
        "reply = client.chat.completions.create(\n"
        '    model="demo/demo",\n'
        '    messages=[{"role": "user", "content": "Hello"}],\n'
        ")\n"
        "print(reply.choices[0].message.content)"
    )
