"""Adding and removing a person's own models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ui import state
from ui.api_client import ApiError
from ui.sign_in.current import my_client
from ui.wording import explain


@dataclass(frozen=True)
class Kind:
    """A way to reach a model, as the form offers it."""

    label: str
    provider: str
    asks_url: bool
    key: Literal["needed", "optional", "none"]
    model_hint: str
    url_hint: str = ""


KINDS = (
    Kind("OpenAI", "openai", asks_url=False, key="needed", model_hint="gpt-5-mini"),
    Kind(
        "OpenAI-compatible server",
        "custom",
        asks_url=True,
        key="optional",
        model_hint="the name the server knows it by",
        url_hint="https://models.example.com/v1",
    ),
    Kind("Ollama", "ollama", asks_url=True, key="none", model_hint="llama3.2", url_hint="http://127.0.0.1:11434"),
)


def kind_of(label: str | None) -> Kind:
    return next((kind for kind in KINDS if kind.label == label), KINDS[0])


def add() -> None:
    kind = kind_of(state.widget("model_kind"))
    model, name = _text("model_model"), _text("model_name")
    key, url = _text("model_key"), _text("model_url")
    page = state.page()
    page.form_errors, page.notice = {}, None
    if not model:
        page.form_errors["model"] = "Enter the model's name, as the provider writes it."
    if kind.key == "needed" and not key:
        page.form_errors["api_key"] = "Paste the API key the provider gave you."
    if kind.provider == "custom" and not url:
        page.form_errors["base_url"] = "Enter the address of the server, up to and including /v1."
    if page.form_errors:
        return
    fields: dict[str, object] = {"name": name or model, "provider": kind.provider, "model": model}
    if key:
        fields["api_key"] = key
    if url:
        fields["base_url"] = url
    fields["is_default"] = bool(state.widget("model_default"))
    try:
        added = my_client().create_model_config(fields)
    except ApiError as error:
        known = {"model", "name", "api_key", "base_url"}
        page.form_errors = {n: t for n, t in error.fields.items() if n in known} or {"": explain(error).text}
        return
    for widget in ("model_model", "model_name", "model_key", "model_url"):
        state.put_widget(widget, "")
    page.catalogue = None
    page.toast = f"{added.name or model} can be chosen now."


def remove(config_id: str) -> None:
    try:
        my_client().delete_model_config(config_id)
    except ApiError as error:
        if error.status != 404:
            state.page().notice = state.Notice(explain(error).text)
    state.page().catalogue = None


def _text(key: str) -> str:
    return str(state.widget(key) or "").strip()
