"""One file of a multipart body, read as it arrives: never whole in memory, and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from flask import request
from werkzeug.exceptions import BadRequest, RequestTimeout
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData, Preamble

from api.domain.errors import SessionEnded
from api.web.files import ENDED, carrying

FORM: Final = frozenset(("multipart/form-data",))
PIECE: Final = 64 * 1024
SECONDS: Final = 120.0
MAX_PARTS: Final = 4
MAX_BUFFER: Final = 8 * PIECE
ONE_FILE: Final = "Send one file, as the part `file` of multipart/form-data, with a name."
TOO_SLOW: Final = "The file came too slowly; send it again over a better line, or a smaller one."
SHAPE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            }
        },
    }
}
"""The body in the OpenAPI document."""


class Upload:
    """The body's one file: its name as it was sent, and its bytes, once. Raises BadRequest, and SessionEnded once
    `out` is set."""

    def __init__(self, out: threading.Event) -> None:
        boundary = request.mimetype_params.get("boundary", "")
        if not 0 < len(boundary) <= 200 or not boundary.isascii():
            raise BadRequest(ONE_FILE)
        self._decoder = MultipartDecoder(boundary.encode(), MAX_BUFFER, max_parts=MAX_PARTS)
        self._out = out
        self._until = time.monotonic() + SECONDS
        first = next((event for event in self._events() if not isinstance(event, Preamble)), None)
        if not isinstance(first, File) or first.name != "file" or not first.filename:
            raise BadRequest(ONE_FILE)
        self.name: str = first.filename

    def __iter__(self) -> Iterator[bytes]:
        for event in self._events():
            if isinstance(event, Data):
                yield event.data
            elif isinstance(event, File | Field):
                raise BadRequest(ONE_FILE)

    def _events(self) -> Iterator[Any]:
        """What the body is made of, up to its end. It goes on where it was left."""
        while True:
            try:
                event = self._decoder.next_event()
            except ValueError:
                raise BadRequest("The body is cut off, or is no multipart/form-data. Send it again.") from None
            if isinstance(event, NeedData):
                self._decoder.receive_data(self._piece() or None)
                continue
            yield event
            if isinstance(event, Epilogue):
                return

    def _piece(self) -> bytes:
        if time.monotonic() > self._until:
            raise RequestTimeout(TOO_SLOW)
        if self._out.is_set():
            raise SessionEnded(ENDED)
        return request.stream.read(PIECE)


@contextmanager
def uploaded() -> Iterator[Upload]:
    """The request's file. Raises Overloaded where enough threads carry files already."""
    with carrying() as out:
        yield Upload(out)
