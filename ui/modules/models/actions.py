"""Adding, changing and removing the keys and servers that models come from."""

from __future__ import annotations

from functools import partial
from typing import Any

from ui import state
from ui.api_client import ApiError, ModelConfig
from ui.components.question import ask
from ui.modules.models.kinds import kind_of
from ui.render import literal
from ui.sign_in.current import my_client
from ui.wording import explain

FIELDS = {"model", "name", "api_key", "base_url", "temperature", "max_tokens", "system_prompt", "shared"}


def open_form(provider: str, config: ModelConfig | None = None) -> None:
    page = state.page()
    page.adding, page.changing, page.form_errors = provider, config, {}


def field(name: str) -> str:
    """A widget of the open form: what is typed for one provider, a key above all, never shows up in another's form."""
    page = state.page()
    return f"{name}-{page.changing.id if page.changing else page.adding}"


def close_form() -> None:
    open_form("")


def save(title: str) -> None:
    """The form was sent: a new config, or changes of the one that it shows."""
    page = state.page()
    provider, config = page.adding, page.changing
    kind, key, url = kind_of(provider), _text(field("model_key")), _text(field("model_url"))
    page.form_errors, page.notice = {}, None
    if kind.key == "needed" and not key and config is None:
        page.form_errors["api_key"] = "Paste the API key the provider gave you."
    if kind.url_hint and kind.key == "optional" and not url:
        page.form_errors["base_url"] = "Enter the address of the server, up to and including /v1."
    if page.form_errors:
        return
    model = _text(field("model_model"))
    fields: dict[str, Any] = {
        "name": _text(field("model_name")) or (config.name if config else model or title),
        "model": model or None,
        "base_url": url or None,
        "temperature": state.widget(field("model_temperature")),
        "max_tokens": state.widget(field("model_max_tokens")),
        "system_prompt": _text(field("model_system")) or None,
        "is_default": bool(state.widget(field("model_default"))),
    }
    if key:
        fields["api_key"] = key
    if (shared := state.widget(field("model_shared"))) is not None:
        fields["shared"] = bool(shared)
    try:
        if config is None:
            given = {name: value for name, value in fields.items() if value is not None}
            saved = my_client().create_model_config({**given, "provider": provider})
        else:
            saved = my_client().update_model_config(config.id, fields)
    except ApiError as error:
        page.form_errors = {n: t for n, t in error.fields.items() if n in FIELDS} or {"": explain(error).text}
        return
    state.put_widget(field("model_key"), "")
    close_form()
    page.catalogue = None
    page.trials.pop(saved.id, None)
    page.toast = f"{saved.name} was {'changed' if config else 'added'}. Test tells whether it works."


def choose(config: ModelConfig, key: str) -> None:
    """An entry of a config's menu."""
    choice = state.widget(key)
    if choice == "Change":
        open_form(config.provider, config)
    elif choice == "Make default":
        _update(config, is_default=True)
    elif choice == "Delete":
        ask(
            f"Delete {literal(config.name)}?",
            "Its key is deleted with it. Chats that used it stay; they need another model to go on.",
            "Delete",
            partial(_delete, config.id),
        )


def try_out(config: ModelConfig) -> None:
    page = state.page()
    page.trials.pop(config.id, None)
    page.trying = config.id


def _update(config: ModelConfig, **changes: Any) -> None:
    try:
        my_client().update_model_config(config.id, changes)
    except ApiError as error:
        state.page().notice = state.Notice(explain(error).text)
    state.page().catalogue = None


def _delete(config_id: str) -> str:
    state.page().catalogue = None
    try:
        my_client().delete_model_config(config_id)
    except ApiError as error:
        if error.status != 404:
            return explain(error).text
    return ""


def pull(config_id: str) -> None:
    name = _text(f"pull_{config_id}")
    state.page().pulling = (config_id, name) if name else None


def look_again() -> None:
    state.page().catalogue = None


def _text(key: str) -> str:
    return str(state.widget(key) or "").strip()
