"""How a chat answers, in one place beside its model: prompt, parameters, plan mode. Each change holds at once.

A chat that is not begun keeps what is chosen until its first message makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Chat, Model, Plan, Prompt
from ui.components.blanks import ask_for_blanks, left_blank
from ui.components.question import ask
from ui.modules.chat.model import model_name
from ui.render import label
from ui.sign_in.current import my_client
from ui.wording import explain, token_words

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

    @property
    def prompt(self) -> Prompt | None:
        """The chat's own one, where the library has it."""
        return next((one for one in state.page().prompts if one.id == self.prompt_id), None)

    @property
    def values(self) -> dict[str, str]:
        """What the prompt's blanks are filled with."""
        return self.parameters.get("prompt_values") or {}

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
    prompt = now.prompt
    parts = [label(prompt.name, 24)] if prompt else []
    if prompt and (left := left_blank(prompt, now.values)):
        parts.append("1 blank" if len(left) == 1 else f"{len(left)} blanks")
    if now.parameters.get("temperature") is not None:
        parts.append(f"temperature {now.parameters['temperature']:g}")
    if now.parameters.get("max_tokens") is not None:
        parts.append(token_words(now.parameters["max_tokens"]))
    if not now.chat_id and state.page().begun.get("temporary"):
        parts.append("temporary")
    return " · ".join(parts) or "Settings"


def _prompt(now: Settings) -> None:
    prompts = {one.id: one.name for one in state.page().prompts}
    active = state.page().active_prompt
    usual = f"As usual: {active.name}" if active and active.id else "None"
    truth = now.prompt_id or ""
    names = {"": usual, **({truth: "A prompt that you cannot see"} if truth else {}), **prompts}
    _choice("Prompt or role", _key(now, "prompt", truth), truth, names, partial(change_prompt, now))
    chosen = now.prompt
    if chosen and chosen.variables:
        left = left_blank(chosen, now.values)
        words = f"Fill in {', '.join(left)}" if left else "Change what is filled in"
        st.button(
            label(words, 60), key="chat-blanks", icon=":material/edit_note:", on_click=ask_blanks, args=(now, chosen)
        )
    else:
        st.empty()  # holds the place: what stands below keeps its own


def _parameters(now: Settings) -> None:
    heat, tokens = now.parameters.get("temperature"), now.parameters.get("max_tokens")
    heat_key, tokens_key = _key(now, "temperature", heat), _key(now, "tokens", tokens)
    with st.container(key="chat-numbers", horizontal=True):
        st.number_input(
            "Temperature",
            min_value=0.0,
            max_value=2.0,
            value=None if heat is None else float(heat),
            step=0.1,
            placeholder="As usual",
            key=heat_key,
            on_change=change_parameter,
            args=(now, "temperature", heat_key),
            help="Low is sober, high is inventive.",
        )
        st.number_input(
            "Max tokens",
            min_value=1,
            max_value=1_000_000,
            value=tokens,
            step=100,
            placeholder="As usual",
            key=tokens_key,
            on_change=change_parameter,
            args=(now, "max_tokens", tokens_key),
        )
    if heat is not None or tokens is not None:  # a number's field that is emptied takes its value back
        st.button("Back to the usual numbers", key="chat-numbers-usual", type="tertiary", on_click=unset, args=(now,))
    else:
        st.empty()  # holds the place: what stands below keeps its own


def _plan(now: Settings, models: dict[str, Model]) -> None:
    key = _key(now, "plan", now.plan is not None)
    st.toggle(
        "Plan first",
        now.plan is not None,
        key=key,
        on_change=switch_plan,
        args=(now, _usual_models(now, models), key),
        help="One model writes a plan of the answer, another one follows it.",
    )
    if now.plan is None:
        return
    for part, title, chosen in (
        ("planner", "Plans", now.plan.planner),
        ("answerer", "Answers", now.plan.answerer),
    ):
        names = {one: model_name(models.get(one), one) for one in (models if chosen in models else [chosen, *models])}
        _choice(title, _key(now, part, chosen), chosen, names, partial(change_planner, now, part))
    key = _key(now, "review", now.plan.review)
    st.checkbox(
        "Let me review the plan before it is followed",
        now.plan.review,
        key=key,
        on_change=change_review,
        args=(now, key),
    )


def _own_id(now: Settings) -> None:
    temporary, slug = bool(state.page().begun.get("temporary")), str(state.page().begun.get("slug") or "")
    key = _key(now, "temporary", temporary)
    st.toggle(
        "Temporary chat",
        temporary,
        key=key,
        on_change=switch_temporary,
        args=(now, key),
        help="It is in no list and no search, and goes a day after its last message.",
    )
    key = _key(now, "slug", slug)
    st.text_input(
        "Id of your own",
        slug,
        max_chars=50,
        placeholder="Optional, such as trip-to-oslo",
        key=key,
        on_change=change_slug,
        args=(now, key),
        help=SLUG_HELP,
    )


def _usual_models(now: Settings, models: dict[str, Model]) -> tuple[str, str]:
    """What plan mode begins with: the model that answers, in both parts."""
    found = state.page().answering or next(iter(models), "")
    return found, found


def _choice(title: str, key: str, truth: str, names: dict[str, str], act: Callable[[str], None]) -> None:
    """A list of ids by their names."""
    words = _distinct(names)
    st.selectbox(
        title,
        list(names),
        index=list(names).index(truth),
        key=key,
        format_func=lambda one: words.get(one, one),
        on_change=_chosen,
        args=(key, list(names), act),
    )


def _distinct(names: dict[str, str]) -> dict[str, str]:
    """The browser gives a list's entry back by its words: two of the same words would be one."""
    words: dict[str, str] = {}
    taken: set[str] = set()
    for one, name in names.items():
        words[one], count = name, 1
        while words[one] in taken:
            count += 1
            words[one] = f"{name} ({count})"
        taken.add(words[one])
    return words


def _chosen(key: str, options: list[str], act: Callable[[str], None]) -> None:
    """Words that no entry has any more, such as a prompt's old name, are nobody's choice."""
    value = state.widget(key)
    if value in options:
        act(value)


def _key(now: Settings, name: str, truth: Any) -> str:
    """The key of a widget that is drawn with the API's word as its default.

    Nothing may be put into the session state here: it would reach the browser in that one run only, while the popover
    is shut, and the widget would send its own default as a change later. A widget that says something else than the
    API (another tab, a command or a refused change) becomes another widget.
    """
    key, anew = now.key(name), state.page().set_anew
    if state.widget(f"{key}-{anew.get(key, 0)}", truth) != truth:
        anew[key] = anew.get(key, 0) + 1
    return f"{key}-{anew.get(key, 0)}"


# What is done


def change_prompt(now: Settings, prompt_id: str) -> None:
    """What filled another prompt's blanks goes with it; those of this one are asked for."""
    if now.chat_id:
        _apply(now, prompt_id=prompt_id or None)
    else:
        kept = {name: value for name, value in now.parameters.items() if name != "prompt_values"}
        _apply(now, prompt_id=prompt_id or None, parameters=kept)
    chosen = Settings(now.chat_id, prompt_id)
    if chosen.prompt and not state.page().notice:
        ask_blanks(chosen, chosen.prompt)


def ask_blanks_of(api: ApiClient, chat: Chat) -> bool:
    """Of the prompt that a chat has just been given by its name: whether there is something to ask."""
    prompt = api.prompt(chat.prompt_id) if chat.prompt_id else None
    if prompt is None or not prompt.variables:
        return False
    ask_blanks(Settings.of(chat), prompt)
    return True


def ask_blanks(now: Settings, prompt: Prompt) -> None:
    if prompt.variables:
        later = "Cancel" if now.values else "Leave them blank"
        ask_for_blanks(prompt, now.values, partial(_fill, now, prompt.id), later)


def _fill(now: Settings, prompt_id: str, values: dict[str, str]) -> str:
    page = state.page()
    try:
        my_client().render_prompt(prompt_id, values)  # refuses what a blank does not take
    except ApiError as error:
        return explain(error).text
    _set(now, {"prompt_values": values})
    wrong, page.notice = page.notice, None
    return wrong.text if wrong else ""


def change_parameter(now: Settings, name: str, key: str) -> None:
    _set(now, {name: state.widget(key)})


def unset(now: Settings) -> None:
    _set(now, {"temperature": None, "max_tokens": None})


def _set(now: Settings, given: dict[str, Any]) -> None:
    """Others than these, such as a client may have set, stay."""
    latest = _latest(now)
    if latest is not None:
        merged = {**latest.parameters, **given}
        _apply(now, parameters={name: value for name, value in merged.items() if value is not None})


def switch_plan(now: Settings, usual: tuple[str, str], key: str) -> None:
    _apply(now, plan=asdict(Plan(*usual, review=True)) if state.widget(key) else None)


def change_planner(now: Settings, part: str, model: str) -> None:
    _change_plan(now, {part: model})


def change_review(now: Settings, key: str) -> None:
    _change_plan(now, {"review": bool(state.widget(key))})


def _change_plan(now: Settings, given: dict[str, Any]) -> None:
    latest = _latest(now)
    if latest is not None and latest.plan is not None:
        _apply(now, plan={**asdict(latest.plan), **given})


def _latest(now: Settings) -> Settings | None:
    """As it is now: a second change may come from a page that was drawn before the first one was made."""
    try:
        return Settings.of(my_client().chat(now.chat_id).chat if now.chat_id else None)
    except ApiError as error:
        state.page().notice = state.Notice(explain(error).text)
        return None


def end_plan(now: Settings) -> None:
    _apply(now, plan=None)


def switch_temporary(now: Settings, key: str) -> None:
    _apply(now, temporary=bool(state.widget(key)))


def keep(now: Settings) -> None:
    """A temporary chat becomes one like all others."""
    _apply(now, temporary=False)


def change_slug(now: Settings, key: str) -> None:
    _apply(now, slug=str(state.widget(key) or "").strip() or None)


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
