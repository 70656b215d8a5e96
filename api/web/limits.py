"""Limits on the way in and their headers on the way out: one unit of work a request, no query for the headers.

The routes say by their attributes what they cost (`access`, `generates`); `services.rate_limits` counts. See
docs/adr/0002-rate-limits.md for what is taken from flask-limiter and what is not.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded

from api.domain.errors import LimitExceeded, StoreUnavailable
from api.services.budgets import warned
from api.services.rate_limits import LimitState, RateLimitService, TooMany, counted, told
from api.web.context import behind, principal, services
from api.web.errors import answer_error
from api.web.openapi import Access

UNCOUNTED: Final = frozenset((Access.PUBLIC, Access.PAGE, Access.METRICS, None))
READING: Final = frozenset(("GET", "HEAD"))


def install(app: Flask) -> None:
    """After auth, because what is counted is the account's."""
    rate_limits: RateLimitService = app.extensions["parley"].rate_limits
    _adopt(app, rate_limits)

    @app.errorhandler(TooMany)
    def _refused(error: TooMany) -> Response:
        told(error.states)
        return answer_error(error)

    @app.before_request
    def _count() -> None:
        asked = behind(request)
        view = app.view_functions.get(asked.endpoint or "")
        if getattr(view, "access", None) in UNCOUNTED or "principal" not in g:
            return
        if not getattr(view, "generates", False):
            rate_limits.count(principal(), reads=asked.method in READING)

    @app.after_request
    def _tell(response: Response) -> Response:
        response = _counted(app, response)
        if states := counted.get():
            counted.set(())  # the thread goes on to other requests
            response.headers["RateLimit-Policy"] = ", ".join(map(_policy, states))
            response.headers["RateLimit"] = ", ".join(map(_standing, states))
        if budgets := warned.get():
            warned.set(())
            response.headers["Budget-Warning"] = ", ".join(f'"{one.budget.name}";used={one.percent}' for one in budgets)
        return response


def _counted(app: Flask, response: Response) -> Response:
    """A request that begins replies is counted by what begins them; one that began none is counted here."""
    view = app.view_functions.get(request.endpoint or "")
    if not getattr(view, "generates", False) or "principal" not in g or counted.get():
        return response
    try:
        services().rate_limits.count(principal(), reads=False)
    except (LimitExceeded, StoreUnavailable) as refusal:
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            return answer_error(refusal)
    return response


def _policy(state: LimitState) -> str:
    return f'"{state.name}";q={state.limit};w={state.window_seconds}'


def _standing(state: LimitState) -> str:
    return f'"{state.name}";r={state.remaining};t={state.reset_seconds}'


def _adopt(app: Flask, service: RateLimitService) -> Limiter:
    """flask-limiter over the same rows: `limiter.limit("5 per minute")` works on a single route. Its own hooks,
    which would run at every request, are left out."""
    options: dict[str, Any] = {"write": service.storage.write, "read": service.storage.read}
    limiter = Limiter(_address, storage_uri="parley://", storage_options=options, strategy="sliding-window-counter")
    app.extensions.setdefault("limiter", set()).add(limiter)  # known already: init_app registers no hooks
    limiter.init_app(app)
    app.register_error_handler(RateLimitExceeded, _in_our_words)
    return limiter


def _address() -> str:
    return request.remote_addr or "unknown"


def _in_our_words(error: RateLimitExceeded) -> Response:
    return answer_error(LimitExceeded(f"At most {error.description} here; try again later.", retry_after=60))
