"""The page's entry point: `streamlit run ui/asgi.py`. Streamlit's app with our few routes and security headers."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # `streamlit run` puts this folder on the path, not the one above it
    sys.path.insert(0, str(ROOT))

from ui.assets import PackedAssets  # noqa: E402
from ui.headers import SecurityHeaders  # noqa: E402
from ui.search import search_routes  # noqa: E402
from ui.settings import BadSetting, settings  # noqa: E402
from ui.sign_in.routes import routes  # noqa: E402

log = logging.getLogger("parley.page")


def log_script_error(error: Exception) -> bool:
    """Into the log with its trace, onto the page in plain words; nothing of the error reaches the browser."""
    log.error("the page's script failed", exc_info=error)
    st.error(
        "Something went wrong on this page. Your chats are safe. Reload the page; if it happens again, "
        "tell whoever runs this server.",
        icon=":material/error:",
    )
    return True


try:
    settings()
except BadSetting as error:
    sys.exit(f"parley: {error}")

app = st.App(
    Path(__file__).with_name("app.py"),
    routes=[*routes(), *search_routes()],
    middleware=[Middleware(SecurityHeaders), Middleware(PackedAssets)],
    on_script_error=log_script_error,
)
