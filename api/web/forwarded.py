"""What the proxies in front say of the line that the client itself uses: whether it is https."""

from __future__ import annotations

from typing import Any, Final

from flask import Flask

SCHEMES: Final = ("http", "https")


def install(app: Flask) -> None:
    """Before anything else: Flask reads a request's scheme once. Without proxies to trust, nobody is believed."""
    hops: int = app.extensions["parley_web"].trusted_proxies
    if not hops:
        return
    inner = app.wsgi_app

    def outer(environ: dict[str, Any], start_response: Any) -> Any:
        if said := environ.get("HTTP_X_FORWARDED_PROTO"):
            environ["wsgi.url_scheme"] = _scheme(said, hops) or environ["wsgi.url_scheme"]
        return inner(environ, start_response)

    app.wsgi_app = outer  # type: ignore[method-assign]


def _scheme(said: str, hops: int) -> str | None:
    """What the outermost trusted proxy wrote. Each may write its value behind the others', as with addresses, but most
    pass one value on or put theirs in its place: fewer values than proxies are usual. A client's own stand in front."""
    chain = said.split(",")
    scheme = chain[-min(hops, len(chain))].strip().lower()
    return scheme if scheme in SCHEMES else None
