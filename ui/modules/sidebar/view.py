"""Draws the sidebar: new chat, the chats, and the account."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from ui import state
from ui.api_client import ApiClient, ApiError, Chat, ChatPage, User
from ui.components.focus import keep_after_downloads
from ui.components.palette import palette
from ui.components.style import STATIC
from ui.components.theme import theme_choice
from ui.modules.sidebar import actions, many, shelves
from ui.modules.sidebar.active import draw_active
from ui.modules.sidebar.dialogs import draw_dialog
from ui.modules.sidebar.grouping import by_time
from ui.navigation import Place
from ui.render import label, literal, spoken
from ui.sign_in.actions import sign_out

WATCH_SECONDS, LIMIT_SECONDS = 3.0, 30.0


def draw(api: ApiClient, user: User, places: Sequence[Place]) -> None:
    page = state.page()
    st.logo(STATIC / "logo.svg", size="large", icon_image=STATIC / "logo.svg")
    listed = _chats(api, page.shown_chats, archived=page.archive)
    with st.sidebar:
        st.button(
            "New chat",
            key="new-chat",
            icon=":material/edit_square:",
            shortcut="Ctrl+Shift+O",
            width="stretch",
            on_click=actions.new_chat,
        )
        st.button("Search", key="palette-open", icon=":material/search:", type="tertiary", width="stretch")
        with st.container(key="places", gap=None):
            _links(places, "sidebar")
        draw_active(api)
        with st.container(key="chats-choice"):
            if page.picking:
                many.draw_bar(listed.items)
            else:
                shelves.draw_choice(api)
        with st.container(key="chats", gap=None):
            _list(listed, archived=page.archive)
        _account(user, places, _replies_left(api))
    _watch(api, listed)
    pages = [place.path for place in places if place.menu]
    palette(_entries(listed.items, places), actions.go_or_do, user=user.id, pages=pages)
    keep_after_downloads()
    draw_dialog()


def _chats(api: ApiClient, wanted: int, *, archived: bool) -> ChatPage:
    shelf = shelves.filters()
    page = api.chats(limit=min(wanted, 100), archived=archived, shelf=shelf)
    items = list(page.items)
    while page.next_cursor and len(items) < wanted:
        page = api.chats(limit=min(wanted - len(items), 100), cursor=page.next_cursor, archived=archived, shelf=shelf)
        items.extend(page.items)
    if page.next_cursor and not archived and not shelf:  # a pinned chat is listed however long ago it was used
        listed = {chat.id for chat in items}
        items.extend(chat for chat in api.chats(limit=100, pinned=True).items if chat.id not in listed)
    return ChatPage(items, page.next_cursor)


def _list(listed: ChatPage, *, archived: bool) -> None:
    open_id = st.query_params.get("chat", "")
    if archived:
        st.button(
            "Back to all chats",
            key="archive-close",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=actions.show_archive,
            args=(False,),
        )
    if not listed.items:
        st.caption("Nothing is archived." if archived else "Your chats will be listed here.")
    for heading, chats in by_time(listed.items, datetime.now(UTC), _zone()):
        st.caption(literal(f"Archived · {heading}" if archived else heading))
        for chat in chats:
            if state.page().picking:
                many.draw_row(chat)
            else:
                _row(chat, active=chat.id == open_id)
    if listed.next_cursor:
        st.button("Show more", key="more-chats", type="tertiary", on_click=actions.show_more)


def _row(chat: Chat, *, active: bool) -> None:
    title = chat.title or "New chat"
    with st.container(
        key=f"row-{'active' if active else 'chat'}-{chat.id}",
        horizontal=True,
        wrap=False,
        gap=None,
        vertical_alignment="center",
    ):
        st.button(
            label(title),
            key=f"chat-{chat.id}",
            type="tertiary",
            width="stretch",
            icon="spinner" if chat.active_generation_id else None,
            on_click=actions.open_chat,
            args=(chat.id,),
        )
        menu = f"menu-{chat.id}"
        st.menu_button(
            f"Options for {spoken(title, 40)}",
            actions.entries(chat),
            key=menu,
            icon=":material/more_horiz:",
            type="tertiary",
            on_click=actions.choose,
            args=(chat, menu),
        )


def _entries(chats: Sequence[Chat], places: Sequence[Place]) -> list[dict[str, str]]:
    """What Ctrl+K offers: things to do, pages, and the chats that are listed."""
    shown = [place for place in places if place.menu and place.path in state.page().places]
    entries = [{"kind": "do", "id": key, "title": title, "what": "Do"} for key, title, _ in actions.DOINGS]
    entries += [{"kind": "place", "id": place.path, "title": place.title, "what": "Page"} for place in shown]
    return entries + [
        {"kind": "chat", "id": chat.id, "title": chat.title or "New chat", "what": "Chat"} for chat in chats
    ]


def _links(places: Sequence[Place], menu: str) -> None:
    for place in places:
        handle = state.page().places.get(place.path)
        if place.menu == menu and handle is not None:
            st.page_link(handle, label=place.title, icon=place.icon, width="stretch")


def _replies_left(api: ApiClient) -> str:
    """Of the hourly limit, in words; nothing where it cannot be told now."""
    page = state.page()
    if time.monotonic() - page.left_at > LIMIT_SECONDS:
        page.left_at = time.monotonic()
        try:
            page.left = tuple(api.left()[0])
        except ApiError as error:
            if error.status == 401:
                raise
            page.left = ()
    own = next((one for one in page.left if one.name == "generations"), None)
    return f"{own.remaining:,} of {own.limit:,} replies left this hour" if own else ""


def _account(user: User, places: Sequence[Place], left: str) -> None:
    name = user.full_name or user.username
    with (
        st.container(key="account"),
        st.popover(label(name, 28), icon=":material/account_circle:", width="stretch"),
        st.container(key="account-menu", gap="small"),
    ):
        with st.container(key="account-who", gap=None):
            st.markdown(f"**{literal(name)}**")
            st.text(user.email)
            if left:
                st.caption(left)
        theme_choice([place.path for place in places if place.menu])
        _links([place for place in places if user.role == "admin" or not place.admins], "account")
        st.button(
            "Keyboard shortcuts",
            key="shortcuts",
            icon=":material/keyboard:",
            type="tertiary",
            on_click=actions.show_shortcuts,
        )
        st.button("Sign out", key="sign-out", icon=":material/logout:", type="tertiary", on_click=sign_out)


def _watch(api: ApiClient, listed: ChatPage) -> None:
    """While replies run, look for their ends, so that their marks go away. In the open chat too: it may not be followed
    there, as in a part of it that is long ago, or have ended while this page was being drawn."""
    running = {chat.id for chat in listed.items if chat.active_generation_id}
    with st.container(key="plumbing-watch"):  # also when empty: what follows keeps its place, and stays open
        if running:
            _look(api, running, time.monotonic())


@st.fragment(run_every=WATCH_SECONDS)
def _look(api: ApiClient, were_running: set[str], drawn_at: float) -> None:
    """Among the very chats that are listed: one that is in no other list has not ended."""
    if time.monotonic() - drawn_at < WATCH_SECONDS / 2:
        return  # as the page is drawn this runs too, and the list is new
    page = state.page()
    now = {chat.id for chat in _chats(api, page.shown_chats, archived=page.archive).items if chat.active_generation_id}
    if were_running - now:
        st.rerun()


def _zone() -> ZoneInfo:
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
