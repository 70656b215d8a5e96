"""Streamlit's scripts and styles, packed: its own server sends them as they are, three times their size.

Each is packed once, when it is first asked for, and kept: at most what the folder holds, in practice the part that the
page uses, under 1 MB. Their names change with their contents, so what is kept stays right until the process ends.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = Path(streamlit.__file__).parent / "static" / "static"
ASSET = re.compile(r"/static/((?:js|css)/[A-Za-z0-9_-][A-Za-z0-9_.-]*\.(js|css))")
KINDS = {"js": "text/javascript", "css": "text/css"}
YEAR = 365 * 24 * 3600
AT_ONCE = 2  # a browser asks for a hundred at once; the page's threads are for people


@dataclass(frozen=True)
class Packed:
    data: bytes
    tag: str


class PackedAssets:
    """Answers for Streamlit where the browser takes gzip; everything else is passed on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, asyncio.Task[Packed | None]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = ASSET.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        packed = await self._packed(found[1]) if _takes_gzip(headers) else None
        if packed is None:
            await self._app(scope, receive, _varying(send))
            return
        answered = {
            "Cache-Control": f"public, immutable, max-age={YEAR}",
            "ETag": packed.tag,
            "Vary": "Accept-Encoding",
        }
        if packed.tag in headers.get("if-none-match", ""):
            response = Response(status_code=304, headers=answered)
        else:
            answered["Content-Encoding"] = "gzip"
            response = Response(packed.data, headers=answered, media_type=KINDS[found[2]])
        await response(scope, receive, send)

    async def _packed(self, name: str) -> Packed | None:
        """The same task for all who ask while it is packed."""
        task = self._kept.get(name)
        if task is None:
            task = self._kept[name] = asyncio.create_task(self._pack(FOLDER / name))
        packed = await asyncio.shield(task)
        if packed is None:
            self._kept.pop(name, None)  # names that are not there are not collected
        return packed

    async def _pack(self, path: Path) -> Packed | None:
        async with self._turns:
            return await asyncio.to_thread(_read, path)


def _read(path: Path) -> Packed | None:
    try:
        data = gzip.compress(path.read_bytes(), compresslevel=6, mtime=0)
    except OSError:
        return None
    return Packed(data, f'"{hashlib.sha256(data).hexdigest()[:32]}"')


def _varying(send: Send) -> Send:
    """The bytes as they are, for who takes no others: a cache in between must not give them to everybody."""

    async def with_vary(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).add_vary_header("Accept-Encoding")
        await send(message)

    return with_vary


def _takes_gzip(headers: Headers) -> bool:
    """Whole files only: a part of one is asked of its bytes as they are."""
    accepted = re.sub(r"\s", "", headers.get("accept-encoding", "").lower())
    named = {name: quality for name, _, quality in (one.partition(";q=") for one in accepted.split(","))}
    return "range" not in headers and named.get("gzip", "0") not in {"0", "0.0", "0.00", "0.000"}
