"""Draws the Models page: providers as cards with the keys brought to them, and the catalogue of what they offer."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ModelCatalogue, ModelConfig, Provider, User
from ui.components.frame import head
from ui.components.problem import draw_problem
from ui.modules.chat.model import catalogue as kept_catalogue
from ui.modules.models import actions
from ui.modules.models.catalogue import draw_catalogue
from ui.modules.models.form import draw_form
from ui.modules.models.kinds import kind_of
from ui.modules.models.pulls import draw_pulls
from ui.modules.models.trial import draw_trial
from ui.render import literal, spoken
from ui.sign_in.current import this_user


def draw(api: ApiClient) -> None:
    head("Models", "Bring a key or a server, and its models can be chosen in every chat.")
    page, user = state.page(), this_user()
    listed, configs = kept_catalogue(api), api.model_configs()
    draw_problem("notice", page.notice.text if page.notice else None)
    providers, models = st.tabs(["Providers", "All models"], key="models_tab", on_change="rerun")
    with providers:
        if providers.open:
            _providers(api, listed, configs, user)
    with models:
        if models.open:
            draw_catalogue(listed)


def _providers(api: ApiClient, listed: ModelCatalogue, configs: list[ModelConfig], user: User) -> None:
    page = state.page()
    titles = {provider.id: provider.title for provider in listed.providers}
    if page.adding:
        draw_form(page.adding, titles.get(page.adding, page.adding), page.changing, user)
    for provider in listed.providers:
        own = [config for config in configs if config.provider == provider.id]
        if provider.configured or own:
            _card(api, provider, own, listed, user)
    missing = [one for one in listed.providers if not one.configured and not any(c.provider == one.id for c in configs)]
    if missing:
        st.header("Add a model", anchor=False)
        with st.container(key="missing"):
            for provider in missing:
                kind = kind_of(provider.id)
                st.button(
                    f"**{literal(provider.title)}**  \n{kind.about}",
                    key=f"add-{provider.id}",
                    icon=kind.icon,
                    width="stretch",
                    on_click=actions.open_form,
                    args=(provider.id,),
                )


def _card(api: ApiClient, provider: Provider, configs: list[ModelConfig], listed: ModelCatalogue, user: User) -> None:
    kind = kind_of(provider.id)
    count = sum(1 for model in listed.all_models if model.id.startswith(f"{provider.id}/"))
    with st.container(key=f"provider-{provider.id}", border=True, gap="small"):
        with st.container(key=f"provider-head-{provider.id}", horizontal=True, vertical_alignment="center"):
            st.markdown(f"{kind.icon} **{literal(provider.title)}**  \n{kind.about}")
            if provider.error:
                st.button("Try again", key=f"retry-{provider.id}", on_click=actions.look_again)
            else:
                st.markdown(f":green-badge[{count} model{'' if count == 1 else 's'}]", width="content")
            if kind.key != "none" or kind.url_hint:
                st.button("Add another", key=f"add-{provider.id}", on_click=actions.open_form, args=(provider.id,))
        if provider.error:
            draw_problem(f"provider-{provider.id}", provider.error)
        for config in configs:
            _config(config, user)
            draw_trial(api, config, mine=not config.shared or user.role == "admin")
        if provider.id == "ollama" and user.role == "admin":
            draw_pulls(api, configs)


def _config(config: ModelConfig, user: User) -> None:
    with st.container(key=f"line-config-{config.id}", horizontal=True, vertical_alignment="center", wrap=False):
        marks = "".join(
            f" :{colour}-badge[{word}]"
            for word, colour, so in (
                ("default", "blue", config.is_default),
                ("shared", "violet", config.shared),
                ("key unreadable: paste it again", "red", config.key_unreadable),
            )
            if so
        )
        where = config.base_url.removeprefix("https://").removeprefix("http://")  # words, not a link
        parts = [part for part in (config.model, where, config.masked_key) if part]
        st.markdown(f"{literal(config.name)}{marks}  \n:gray[{literal(' · '.join(parts))}]")
        st.button("Test", key=f"try-{config.id}", type="tertiary", on_click=actions.try_out, args=(config,))
        if config.shared and user.role != "admin":
            return
        menu = f"config-menu-{config.id}"
        entries = ["Change", "Delete"] if config.is_default else ["Change", "Make default", "Delete"]
        st.menu_button(
            f"Options for {spoken(config.name)}",
            entries,
            key=menu,
            icon=":material/more_horiz:",
            type="tertiary",
            on_click=actions.choose,
            args=(config, menu),
        )
