"""One HTTP answer that is an event stream or one JSON object, whichever came: told apart by its first byte. No I/O."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Final, TypeVar

import msgspec

from api.domain.errors import ProviderBadResponse, ProviderError
from api.domain.events import Note
from api.providers.assembly import BaseDecoder, decode_json, is_cut_json
from api.providers.failures import excerpt, from_event, reply_cut
from api.providers.framing import EventStream

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
_HEAD_BYTES: Final = 200
_BOM: Final = b"\xef\xbb\xbf"
_BEHIND_THE_END: Final = (
    "After the end of its reply the provider sent a fault, or something that cannot be read. Tokens that it had not "
    "counted by then are estimated."
)
_FIELDS: Final = (b"data", b"event", b"id", b"retry", b":")

Shape = TypeVar("Shape")


class ReplyDecoder(BaseDecoder):
    """Holds one line or one JSON answer, capped. A wire says what an event, a whole answer and the end mean.

    It counts what it has read in `_seen` and sets `finished` when the provider said that the reply has ended.
    """

    kind: ClassVar[str] = "a chat completion"
    hint: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self._head = b""
        self._body: bytearray | None = None
        self._stream: EventStream | None = None
        self._excused = False
        self._seen = 0

    @abstractmethod
    def _payload(self, payload: bytes) -> None:
        """One event of a stream."""
        ...

    @abstractmethod
    def _whole(self, body: bytes) -> None:
        """An answer that is one JSON object."""
        ...

    def _close(self) -> None:
        """The bytes are over and the reply is whole: tell what is still to be told."""

    def _feed(self, data: bytes) -> None:
        if self._stream is None and self._body is None:
            data = self._sniff(data)
        elif not self._seen and len(self._head) < _HEAD_BYTES:
            self._head += data[:_HEAD_BYTES]
        if self._stream is not None:
            self._read(self._stream, data)
        elif self._body is not None:
            self._body += data
            if len(self._body) > MAX_BODY_BYTES:
                raise ProviderBadResponse(f"The provider's reply is larger than {MAX_BODY_BYTES >> 20} MiB; ask less.")

    def _end(self) -> None:
        if self._body is not None:
            self._whole(bytes(self._body))
        elif self._stream is not None and not self.done:
            self._last_words(self._stream)
        if not self.finished:
            raise self._why_unfinished()
        self._close()

    def _read(self, stream: EventStream, data: bytes) -> None:
        try:
            payloads = stream.feed(data)
        except ProviderBadResponse as fault:
            self._finish_after(fault)
            return
        for payload in payloads:
            try:
                self._payload(payload)
            except ProviderError as fault:
                self._excuse(fault)
            if self.done:
                return
        if stream.error is not None:
            self._finish_after(from_event(stream.error))

    def _excuse(self, fault: ProviderError) -> None:
        """Raises the fault, unless it is behind the reply's end: there it costs the counts, and not the reply."""
        if not self.finished:
            raise fault
        if not self._excused:
            self._excused = True
            self._out.add(Note(_BEHIND_THE_END))

    def _finish_after(self, fault: ProviderError) -> None:
        """A fault behind which nothing can be read. Raises as `_excuse` does."""
        self._excuse(fault)
        self._close()
        self.done = True

    def _sniff(self, data: bytes) -> bytes:
        """Decide by the first visible byte: JSON, a web page, or an event stream."""
        self._head = data = (self._head + data).lstrip(b" \t\r\n")
        if not data or (len(data) < len(_BOM) and _BOM.startswith(data)):
            return b""
        data = data.removeprefix(_BOM)
        self._head = data[:_HEAD_BYTES]
        if data.startswith((b"{", b"[")):
            self._body = bytearray()
        elif data.startswith(b"<"):
            raise self._not_an_api(self._head)
        else:
            self._stream = EventStream()
        return data

    def _decode_whole(self, decoder: msgspec.json.Decoder[Shape], body: bytes) -> Shape:
        try:
            return decode_json(decoder, body)
        except ProviderBadResponse:
            raise reply_cut() if is_cut_json(body) else self._not_an_api(body[:_HEAD_BYTES]) from None

    def _no_reply(self, body: bytes) -> ProviderBadResponse:
        return ProviderBadResponse(f"The provider's answer holds no reply: {excerpt(body[:500])}")

    def _last_words(self, stream: EventStream) -> None:
        """What lacks its blank line. Behind the reply's end half of something is no matter."""
        for payload in stream.end():
            try:
                self._payload(payload)
            except ProviderError as fault:
                if not self.finished:
                    raise (reply_cut() if isinstance(fault, ProviderBadResponse) else fault) from None
        if stream.error is not None and not self.finished:
            raise from_event(stream.error)

    def _why_unfinished(self) -> ProviderError:
        begins = any(self._head.startswith(field) or field.startswith(self._head) for field in _FIELDS)
        if not self._seen and not begins:
            return self._not_an_api(self._head)
        return reply_cut()

    def _not_an_api(self, head: bytes) -> ProviderBadResponse:
        return ProviderBadResponse(
            f"The address answered with something that is not {self.kind}. "
            f"Check the base URL{self.hint}. The answer began: {excerpt(head)}"
        )
