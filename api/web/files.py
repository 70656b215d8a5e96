"""Files on their way in or out: each holds a request thread, so only some of them do at a time."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import threading
import weakref
from collections.abc import Iterator
from http import HTTPStatus
from typing import BinaryIO, Final, cast
from urllib.parse import quote

from flask import Response, current_app, request, send_file
from werkzeug.exceptions import BadRequest

from api.domain.errors import Overloaded, SessionEnded
from api.services.generations import Follower
from api.web.context import principal, services

PIECE = 1 << 18
INERT: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"
ENDED = "This session or key has ended; sign in again."
FULL = "Enough files are being carried at the moment; try again in a few seconds."


class TransferSlots:
    """How many request threads may carry a file; the others stay free for short requests."""

    def __init__(self, count: int) -> None:
        self.free = threading.Semaphore(count)

    def take(self) -> None:
        """Raises Overloaded."""
        if not self.free.acquire(blocking=False):
            raise Overloaded(FULL, retry_after=5)


def slots() -> TransferSlots:
    return cast(TransferSlots, current_app.extensions["parley_transfer_slots"])


def download(chunks: Iterator[bytes], name: str, content_type: str) -> Response:
    """A file that is made while it is sent. Raises Overloaded."""
    held = slots()
    held.take()
    guest, out = _guest()
    response = Response(_welcome(chunks, out), content_type=content_type)

    def over() -> None:
        guest.close()
        held.free.release()

    response.call_on_close(weakref.finalize(response, over))  # once, also where nobody ever closes it
    plain = name.encode("ascii", "replace").decode().replace("?", "-")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    return response


@contextlib.contextmanager
def uploaded() -> Iterator[Iterator[bytes]]:
    """The request's body, as it comes. Raises Overloaded."""
    with carrying() as out:
        yield _body(out)


@contextlib.contextmanager
def carrying() -> Iterator[threading.Event]:
    """While this thread takes a file in: gives what is set once whoever sends it may no longer. Raises Overloaded."""
    held = slots()
    held.take()
    try:
        guest, out = _guest()
        try:
            yield out
        finally:
            guest.close()
    finally:
        held.free.release()


def stored(
    file: BinaryIO,
    mime: str,
    name: str,
    *,
    size: int,
    digest: str,
    made: dt.datetime | None = None,
    drawn: bool = False,
) -> Response:
    """A file of somebody's, that no cache keeps and no browser runs. `size` is in bytes; `drawn`: shown, not saved."""
    response = send_file(file, mime, as_attachment=not drawn, download_name=name, etag=digest, last_modified=made)
    if response.status_code == HTTPStatus.OK:
        response.content_length = size
    if drawn:
        response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    response.headers["Content-Type"] = mime
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = INERT
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if request.method == "HEAD" or response.status_code == HTTPStatus.NOT_MODIFIED:
        file.close()  # nothing reads it to its end
    return response


def _guest() -> tuple[Follower, threading.Event]:
    """Who sends or reads the file, and what is set when his session, key or account no longer counts."""
    guest, out = services().generations.guest(principal()), threading.Event()
    guest.revoked = out.set
    return guest, out


def _welcome(chunks: Iterator[bytes], out: threading.Event) -> Iterator[bytes]:
    """Broken off without an end, so that nobody takes it for a whole file."""
    for chunk in chunks:
        if out.is_set():
            raise BrokenPipeError(errno.EPIPE, "whoever reads this may no longer")
        yield chunk


def _body(out: threading.Event) -> Iterator[bytes]:
    """A body that was cut is refused: half a file must not be taken for a whole one."""
    size = 0
    while piece := request.stream.read(PIECE):
        if out.is_set():
            raise SessionEnded(ENDED)
        size += len(piece)
        yield piece
    if size < (request.content_length or 0):
        raise BadRequest("The upload broke off before its end. Send it again.")
