"""Callbacks that are finished whatever the browser asks meanwhile."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

P = ParamSpec("P")
T = TypeVar("T")
REQUESTS = 20  # requests for another run that may come while one callback works


def whole(callback: Callable[P, T]) -> Callable[P, T]:
    """A callback that a request for another run cannot break off; it must be safe to begin again.

    Streamlit raises such a request at the next use of its session, inside a callback too, and the click or the text
    that the callback was for is gone with it. Here the callback begins again, and the request is raised at its end.
    """

    @functools.wraps(callback)
    def finished(*args: P.args, **kwargs: P.kwargs) -> T:
        done, asked = _through(lambda: callback(*args, **kwargs))
        if asked is not None:
            # The browser asked from the address that it had; the callback may have opened a chat since.
            address, _ = _through(st.query_params.to_dict)
            raise RerunException(replace(asked.rerun_data, query_string=urlencode(address)))
        return done

    return finished


def _through(work: Callable[[], T]) -> tuple[T, RerunException | None]:
    """The work's result, and the last request that came while it was done."""
    asked: RerunException | None = None
    for _ in range(REQUESTS):
        try:
            return work(), asked
        except RerunException as request:
            asked = request
    assert asked is not None
    raise asked
