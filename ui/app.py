"""One run of the page: set-up, whose page it is, and the part that draws. Run by Streamlit for every interaction."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui import state
from ui.api_client import ApiError
from ui.components.away import draw_failure
from ui.components.blanks import draw_blanks
from ui.components.callbacks import keep_callbacks_whole
from ui.components.drawer import close_drawer
from ui.components.exchange import exchange, leave
from ui.components.question import draw_question
from ui.components.style import set_up
from ui.modules.sidebar import view as sidebar
from ui.navigation import CHAT, PATHS, PLACES, Place
from ui.sign_in import view as sign_in
from ui.sign_in.actions import cookie_set
from ui.sign_in.current import client, current_session, session_ended
from ui.sign_in.sessions import Session


def main() -> None:
    keep_callbacks_whole()
    set_up()
    if state.page().leaving:
        leave(PATHS)
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
    page = state.page()
    if page.ticket:
        exchange(page.ticket, cookie_set, PATHS)
    if page.toast:
        st.toast(page.toast)
        page.toast = ""
    page.places = {
        place.path: st.Page(draw(place, session), title=place.title, url_path=place.path, default=place is CHAT)
        for place in PLACES
    }
    here = st.navigation(list(page.places.values()), position="hidden")
    going, page.going = page.going, None
    if going is not None and here is not page.places[CHAT.path]:
        st.switch_page(page.places[CHAT.path], query_params={"chat": going} if going else None)
    visit, page.visit = page.visit, ""
    if visit in page.places and here is not page.places[visit]:
        st.switch_page(page.places[visit])
    here.run()


def draw(place: Place, session: Session) -> Callable[[], None]:
    """A page of ours with the sidebar; when a call fails, what can be kept is kept and the page says why."""

    def run() -> None:
        api = client(session)
        try:
            sidebar.draw(api, session.user, PLACES)
            close_drawer(f"{place.path} {st.query_params.get('chat', '')}")
            place.draw(api)
            draw_question()
            draw_blanks()
        except ApiError as error:
            if error.status == 401:
                raise
            if place.offline:
                place.offline()
            draw_failure(error, client())

    return run


if __name__ == "__main__":
    main()
