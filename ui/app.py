"""One run of the page: set-up, whose page it is, and the part that draws. Run by Streamlit for every interaction."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError
from ui.components.away import draw_failure
from ui.components.drawer import close_drawer
from ui.components.exchange import exchange, leave
from ui.components.style import set_up
from ui.modules.chat import view as chat
from ui.modules.models import view as models
from ui.modules.sidebar import view as sidebar
from ui.sign_in import view as sign_in
from ui.sign_in.actions import cookie_set
from ui.sign_in.current import client, current_session, session_ended
from ui.sign_in.sessions import Session


def main() -> None:
    set_up()
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
        draw_failure(error, client())


def signed_in(session: Session) -> None:
    page, api = state.page(), client(session)
    if page.ticket:
        exchange(page.ticket, cookie_set)
    if page.toast:
        st.toast(page.toast)
        page.toast = ""
    page.chat_page = st.Page(lambda: draw(chat.draw, chat.draw_offline), title="Chat", url_path="chat", default=True)
    page.models_page = st.Page(lambda: draw(models.draw), title="Models", url_path="models")
    here = st.navigation([page.chat_page, page.models_page], position="hidden")
    going, page.going = page.going, None
    if going is not None and here is not page.chat_page:
        st.switch_page(page.chat_page, query_params={"chat": going} if going else None)

    def draw(view: Callable[[ApiClient], None], offline: Callable[[], None] | None = None) -> None:
        """A page of ours with the sidebar; when a call fails, what can be kept is kept and the page says why."""
        try:
            sidebar.draw(api, session.user)
            close_drawer(f"{here.url_path} {st.query_params.get('chat', '')}")
            view(api)
        except ApiError as error:
            if error.status == 401:
                raise
            if offline:
                offline()
            draw_failure(error, client())

    here.run()


if __name__ == "__main__":
    main()
