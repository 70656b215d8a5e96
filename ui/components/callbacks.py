"""Callbacks that are finished whatever the browser asks meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType
from streamlit.runtime.state.safe_session_state import SafeSessionState


@lru_cache(maxsize=1)
def keep_callbacks_whole() -> None:
    """Streamlit raises a request for another run at the next use of its session: before a click's callback begins, and
    inside it too. The click, or the text that the callback was for, is gone with it. From now on a request waits until
    the callbacks are done."""
    begin = SafeSessionState.on_script_will_rerun

    def begin_whole(self: SafeSessionState, *given: Any, **options: Any) -> None:
        with undisturbed():
            begin(self, *given, **options)

    SafeSessionState.on_script_will_rerun = begin_whole  # type: ignore[method-assign]


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is done within is done to its end: requests for another run wait."""
    context = get_script_run_ctx()
    assert context is not None
    requests = context.script_requests
    assert requests is not None
    requests.on_scriptrunner_yield = lambda: None  # type: ignore[method-assign]
    try:
        asked_from = _address()
        yield
        address = _address()
    finally:
        del requests.on_scriptrunner_yield  # the method of its class again
    if address == asked_from:
        return
    # The browser asked from the address that it had; another chat was opened since.
    request = requests.on_scriptrunner_yield()
    if request is not None and request.type == ScriptRequestType.RERUN:
        raise RerunException(replace(request.rerun_data, query_string=address))


def _address() -> str:
    return urlencode(st.query_params.to_dict())
