"""One run of the page: set-up, whose page it is, and the part that draws. Run by Streamlit for every interaction."""

from __future__ import annotations

import streamlit as st

from ui import state
from ui.api_client import ApiError
from ui.components.away import away
from ui.components.drawer import close_drawer
from ui.components.exchange import exchange, leave
from ui.components.style import STATIC, apply_style
from ui.modules.chat import view as chat
from ui.modules.models import view as models
from ui.modules.sidebar import view as sidebar
from ui.sign_in import view as sign_in
from ui.sign_in.actions import cookie_set
from ui.sign_in.current import client, current_session, session_ended
from ui.sign_in.sessions import Session

ABOUT = "**Parley** — a self-hosted chat server for a team and all its language models."


def main() -> None:
    st.set_page_config(
        page_title="Parley",
        page_icon=str(STATIC / "favicon.svg"),
        layout="centered",
        initial_sidebar_state="auto",
        menu_items={"About": ABOUT},
    )
    apply_style()
    if state.page().leaving:
        leave()
        return
    try:
        session = current_session()
        if session is None:
            sign_in.draw()
        else:
            signed_in(session)
    except ApiError as error:
        if error.status == 401:
            session_ended(state.page().handle)
            st.rerun()
        if not error.away:
            raise
        away(client())


def signed_in(session: Session) -> None:
    page = state.page()
    if page.ticket:
        exchange(page.ticket, cookie_set)
    if page.toast:
        st.toast(page.toast)
        page.toast = ""
    api = client(session)
    pages = [
        st.Page(lambda: chat.draw(api), title="Chat", url_path="chat", default=True),
        st.Page(lambda: models.draw(api), title="Models", url_path="models"),
    ]
    here = st.navigation(pages, position="hidden")
    page.chat_page, page.models_page = pages
    sidebar.draw(api, session.user)
    close_drawer(f"{here.url_path} {st.query_params.get('chat', '')}")
    here.run()


if __name__ == "__main__":
    main()
