"""Files on their way in or out: each holds a request thread, so only some of them do at a time."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator
from typing import cast
from urllib.parse import quote

from flask import Response, current_app, request
from werkzeug.exceptions import BadRequest

from api.domain.errors import Overloaded

PIECE = 1 << 18
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
    response = Response(chunks, content_type=content_type)
    response.call_on_close(weakref.finalize(response, held.free.release))  # once, also where nobody ever closes it
    plain = name.encode("ascii", "replace").decode().replace("?", "-")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    return response


@contextlib.contextmanager
def uploaded() -> Iterator[Iterator[bytes]]:
    """The request's body, as it comes. Raises Overloaded."""
    held = slots()
    held.take()
    try:
        yield _body()
    finally:
        held.free.release()


def _body() -> Iterator[bytes]:
    """A body that was cut is refused: half a file must not be taken for a whole one."""
    size = 0
    while piece := request.stream.read(PIECE):
        size += len(piece)
        yield piece
    if size < (request.content_length or 0):
        raise BadRequest("The upload broke off before its end.")
