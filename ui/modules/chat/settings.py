"""How a chat answers, in one place beside its model: prompt, parameters, plan mode. Each change holds at once.

A chat that is not begun keeps what is chosen until its first message makes it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from ui import state
from ui.api_client import ApiError, Chat, Model, Plan
from ui.components.question import ask
from ui.modules.chat.model import model_name
from ui.render import label
from ui.sign_in.current import my_client
from ui.wording import explain

SLUG_HELP = "Letters, digits, _ and -. It stands in the API's addresses instead of the long id."


@dataclass(frozen=True)
class Settings:
    """What is set of a chat, begun or not."""

    chat_id: str = ""
    prompt_id: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    plan: Plan | None = None

    @classmethod
    def of(cls, chat: Chat | None) -> Settings:
        if chat is not None:
            return cls(chat.id, chat.prompt_id, chat.parameters, chat.plan)
        begun = state.page().begun
        plan = begun.get("plan")
        return cls("", begun.get("prompt_id"), begun.get("parameters") or {}, Plan.read(plan) if plan else None)

    def key(self, name: str) -> str:
        return f"set-{name}-{self.chat_id or 'new'}"


def draw_settings(chat: Chat | None, models: dict[str, Model], *, empty: bool) -> None:
    """The button says what differs from the usual; behind it everything can be changed."""
    now = Settings.of(chat)
    state.page().planned = now.chat_id if now.plan else None
    with (
        st.popover(summary(now), icon=":material/tune:", type="tertiary", key="chat-settings"),
        st.container(key="chat-settings-body", gap="small"),
    ):
        _prompt(now)
        _parameters(now)
        _plan(now, models)
        if chat is None:
            _own_id(now)
        elif not empty:
            clear = partial(_ask_to_clear, chat.id)
            st.button("Clear the conversation", key="chat-clear", icon=":material/delete_sweep:", on_click=clear)


def summary(now: Settings) -> str:
    """In a few words what is not as usual."""
    name = next((one.name for one in state.page().prompts if one.id == now.prompt_id), "") if now.prompt_id else ""
    parts = [label(name, 24)] if name else []
    if now.parameters.get("temperature") is not None:
        parts.append(f"temperature {now.parameters['temperature']:g}")
    if now.parameters.get("max_tokens") is not None:
        parts.append(f"{now.parameters['max_tokens']:,} tokens")
    if not now.chat_id and state.page().begun.get("temporary"):
        parts.append("temporary")
    return " · ".join(parts) or "Settings"


def _prompt(now: Settings) -> None:
    prompts = {one.id: one.name for one in state.page().prompts}
    active = state.page().active_prompt
    usual = f"As usual: {active.name}" if active and active.id else "None"
    options = ["", *prompts] if not now.prompt_id or now.prompt_id in prompts else ["", now.prompt_id, *prompts]
    st.selectbox(
        "Prompt or role",
        options,
        key=_synced(now.key("prompt"), now.prompt_id or ""),
        format_func=lambda one: prompts.get(one, "A prompt that you cannot see" if one else usual),
        on_change=change_prompt,
        args=(now,),
    )


def _parameters(now: Settings) -> None:
    with st.container(key="chat-numbers", horizontal=True):
        st.number_input(
            "Temperature",
            min_value=0.0,
            max_value=2.0,
            step=0.1,
            placeholder="As usual",
            key=_synced(now.key("temperature"), now.parameters.get("temperature")),
            on_change=change_parameters,
            args=(now,),
            help="Low is sober, high is inventive.",
        )
        st.number_input(
            "Max tokens",
            min_value=1,
            max_value=1_000_000,
            step=100,
            placeholder="As usual",
            key=_synced(now.key("tokens"), now.parameters.get("max_tokens")),
            on_change=change_parameters,
            args=(now,),
        )


def _plan(now: Settings, models: dict[str, Model]) -> None:
    st.toggle(
        "Plan first",
        key=_synced(now.key("plan"), now.plan is not None),
        on_change=switch_plan,
        args=(now, _usual_models(now, models)),
        help="One model writes a plan of the answer, another one follows it.",
    )
    if now.plan is None:
        return
    for name, title, chosen in (
        ("planner", "Plans", now.plan.planner),
        ("answerer", "Answers", now.plan.answerer),
    ):
        st.selectbox(
            title,
            list(models) if chosen in models else [chosen, *models],
            key=_synced(now.key(name), chosen),
            format_func=lambda one: model_name(models.get(one), one),
            on_change=change_plan,
            args=(now,),
        )
    st.checkbox(
        "Let me review the plan before it is followed",
        key=_synced(now.key("review"), now.plan.review),
        on_change=change_plan,
        args=(now,),
    )


def _own_id(now: Settings) -> None:
    st.toggle(
        "Temporary chat",
        key=_synced(now.key("temporary"), bool(state.page().begun.get("temporary"))),
        on_change=switch_temporary,
        args=(now,),
        help="It is in no list and no search, and goes a day after its last message.",
    )
    st.text_input(
        "Id of your own",
        max_chars=50,
        placeholder="Optional, such as trip-to-oslo",
        key=_synced(now.key("slug"), str(state.page().begun.get("slug") or "")),
        on_change=change_slug,
        args=(now,),
        help=SLUG_HELP,
    )


def _usual_models(now: Settings, models: dict[str, Model]) -> tuple[str, str]:
    """What plan mode begins with: the model that answers, in both parts."""
    found = state.page().answering or next(iter(models), "")
    return found, found


def _synced(key: str, truth: Any) -> str:
    """The API's word is shown, also when another tab or a command changed it."""
    if state.widget(key, ...) != truth:
        state.put_widget(key, truth)
    return key


# What is done


def change_prompt(now: Settings) -> None:
    _apply(now, prompt_id=state.widget(now.key("prompt")) or None)


def change_parameters(now: Settings) -> None:
    """Others than these two, such as a client may have set, stay."""
    given = {"temperature": state.widget(now.key("temperature")), "max_tokens": state.widget(now.key("tokens"))}
    merged = {**now.parameters, **given}
    _apply(now, parameters={name: value for name, value in merged.items() if value is not None})


def switch_plan(now: Settings, usual: tuple[str, str]) -> None:
    _apply(now, plan=asdict(Plan(*usual, review=True)) if state.widget(now.key("plan")) else None)


def change_plan(now: Settings) -> None:
    planner, answerer = (str(state.widget(now.key(name))) for name in ("planner", "answerer"))
    _apply(now, plan=asdict(Plan(planner, answerer, bool(state.widget(now.key("review"))))))


def end_plan(now: Settings) -> None:
    _apply(now, plan=None)


def switch_temporary(now: Settings) -> None:
    _apply(now, temporary=bool(state.widget(now.key("temporary"))))


def keep(now: Settings) -> None:
    """A temporary chat becomes one like all others."""
    _apply(now, temporary=False)


def change_slug(now: Settings) -> None:
    _apply(now, slug=str(state.widget(now.key("slug")) or "").strip() or None)


def _apply(now: Settings, **fields: Any) -> None:
    page = state.page()
    page.notice = None
    if not now.chat_id:
        page.begun = {name: value for name, value in {**page.begun, **fields}.items() if value}
        return
    try:
        my_client().update_chat(now.chat_id, **fields)
    except ApiError as error:
        page.notice = state.Notice(explain(error).text)


def _ask_to_clear(chat_id: str) -> None:
    ask(
        "Clear the conversation?",
        "All messages of this chat will be deleted; the chat and its settings stay. **This cannot be undone.**",
        "Clear it",
        partial(_clear, chat_id),
    )


def _clear(chat_id: str) -> str:
    try:
        my_client().clear_chat(chat_id)
    except ApiError as error:
        return explain(error).text
    return ""
