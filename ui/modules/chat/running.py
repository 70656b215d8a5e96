"""Draws the reply that is being written: always from its start, whoever opens it, and on to its end.

Leaving harms nothing: the API goes on writing. Whatever is clicked ends this run at the next beat, the next run
draws from the start again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import state
from ui.api_client import ApiClient, ApiError, Batch, Message
from ui.components.away import away
from ui.components.light import Stream
from ui.modules.chat.message import AVATAR
from ui.modules.chat.plan import steps
from ui.render import ReplyRenderer, reply
from ui.sign_in.current import client

WAITING = '<div class="parley-waiting" role="status" aria-label="Waiting for the reply"><i></i><i></i><i></i></div>'


def draw_running(api: ApiClient, generation_id: str, stored: Message, *, review: bool = False) -> None:
    with st.container(key=f"running-{generation_id}"), st.chat_message("assistant", avatar=AVATAR):
        if state.page().modal:
            _snapshot(stored)
            return
        if stored.kind == "plan":
            steps(stored.id, "Plan", review=review)
        parts = Parts()
        try:
            st.write_stream(Stream(parts.pieces(api.follow(generation_id), begun=stored.content)), cursor=" ▍")
        except ApiError as error:
            if error.away:
                away(client())
                return
            if error.status == 401:
                raise
    _settle(generation_id)
    st.rerun()


def _snapshot(stored: Message) -> None:
    """While a dialog is open nothing is streamed: its buttons would have to wait for the reply's end."""
    st.markdown(reply(stored.content))
    st.caption("Still being written…")


def _settle(generation_id: str) -> None:
    """The stored reply is drawn next. Should the API still call it running, do not spin."""
    page = state.page()
    if page.finished == generation_id:
        time.sleep(0.3)
    page.finished = generation_id


class Parts:
    """The places a running reply is drawn in, top to bottom: reasoning, sign of life, text."""

    def __init__(self, thinking: str = "Thinking…") -> None:
        self._thinking = thinking
        self._reasoning_place = st.empty()
        self._sign = st.empty()
        self._sign.html(WAITING)
        self._shown = "waiting"
        self._reasoning = ""
        self._reasoning_text: DeltaGenerator | None = None

    def pieces(self, batches: Iterator[Batch], begun: str = "") -> Iterator[str]:
        """`begun` is what stood there already when a reply that was cut goes on."""
        renderer = ReplyRenderer()
        if begun:
            yield renderer.feed(begun)
        for batch in batches:
            state.beat()
            if batch.reasoning:
                self._think(batch.reasoning)
            if batch.cut:
                self._say("cut")
            elif batch.text:
                self._say("")
                yield renderer.feed(batch.text)
        yield renderer.close()
        self._say("")

    def _think(self, text: str) -> None:
        self._reasoning += text
        if self._reasoning_text is None:
            with self._reasoning_place.container():
                self._reasoning_text = st.expander(self._thinking, icon=":material/psychology:").empty()
        self._reasoning_text.markdown(reply(self._reasoning))

    def _say(self, what: str) -> None:
        if what == self._shown:
            return
        self._shown = what
        if what == "cut":
            self._sign.caption("The line to the server is cut. Trying again…")
        else:
            self._sign.empty()
