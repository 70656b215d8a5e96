"""A scripted model that needs no network, for first runs and tests. Pure: no I/O, no clock, no chance.

It begins by saying that it is Parley's demo model, echoes what it was asked, streams word by word (20 ms
each), and counts its tokens (one a word). Words in the last user message direct it, and may be combined
(README.md tells users of them):

    demo:fast        no pause between words          demo:count N     streams "1 2 3 … N" and nothing else
    demo:slow        250 ms between words            demo:long        some 600 words
    demo:markdown    headings, code, a table, LaTeX  demo:stall       three words, then silence
    demo:fail        ends with a provider's failure  demo:cut         breaks off without an end
    demo:rate-limit  refuses at once, retry after 7 s

Models: `demo`, and `demo-thinking`, which reasons aloud first. Prompt tokens are the context's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from api.domain.conversation import CompletionRequest
from api.domain.errors import ProviderError
from api.domain.events import Finish, Usage
from api.domain.text import clean_text
from api.providers.assembly import BaseDecoder, decode_json
from api.providers.base import Endpoint, WireRequest
from api.providers.failures import classify, from_http, reply_cut
from api.providers.framing import LineSplitter

MODELS: Final = ("demo", "demo-thinking")
_PACE: Final = 0.02
_SLOW_PACE: Final = 0.25
_FOREVER: Final = 24 * 3600.0
_MAX_COUNT: Final = 100_000
_MAX_ECHO_CHARS: Final = 4_000
_STALL_AFTER: Final = 3
_CUT_AFTER: Final = 5
_INTRODUCTION: Final = (
    "This is Parley's demo model: a script that runs inside the server, not a language model. "
    "It needs no key and no network. Choose another model to get real answers. "
)
_THOUGHT: Final = "The demo model only pretends to think. It was asked something, so it will repeat it. "
_LONG: Final = "This sentence is here so that a long reply can be seen on its way through the server. "
_MARKDOWN: Final = """## What Markdown can do

**Bold**, *italic*, `code`, and [a link](https://example.org).

1. one
2. two

```python
def greet(name: str) -> str:
    return f"Hello, {name}!"
```

| Language | Since |
|----------|------:|
| Python   | 1991  |
| 中文      | 古代  |

Inline $e^{i\\pi} + 1 = 0$ and set apart:

$$\\int_0^1 x^2 \\, dx = \\frac{1}{3}$$
"""


class _Order(msgspec.Struct):
    """A request's body, as `encode` writes it."""

    asked: str
    model: str
    prompt_tokens: int
    max_tokens: int | None = None


class _Piece(msgspec.Struct, omit_defaults=True):
    """One line of an answer."""

    text: str = ""
    thought: str = ""
    status: int = 0
    error: str = ""
    end: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


_PIECE: Final = msgspec.json.Decoder(_Piece)


class DemoWire:
    """See the module: its answers are made by `script`, which the transport plays."""

    def encode(self, endpoint: Endpoint, request: CompletionRequest) -> WireRequest:
        """A request that never leaves the process."""
        asked = next((turn.content for turn in reversed(request.turns) if turn.role == "user"), "")
        words = sum(len(turn.content.split()) for turn in request.turns) + len((request.system or "").split())
        order = _Order(clean_text(asked), request.model, words, request.max_tokens)
        return WireRequest(url="demo:///chat", headers={}, body=msgspec.json.encode(order), trusted=True)

    def decoder(self, request: CompletionRequest) -> DemoDecoder:
        """A decoder for one scripted answer."""
        return DemoDecoder()

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """As for any provider."""
        return from_http(status, headers, body)

    def script(self, body: bytes) -> Iterator[tuple[float, bytes]]:
        """The answer to `body`: seconds to wait, then the bytes that follow."""
        order = msgspec.json.decode(body, type=_Order)
        words = set(order.asked.split())
        if order.model not in MODELS:
            yield _line(0.0, _Piece(status=404, error=f"the demo has only {' and '.join(MODELS)}"))
            return
        if "demo:rate-limit" in words:
            yield _line(0.0, _Piece(status=429, error="your message asked the demo to refuse it (demo:rate-limit)"))
            return
        pace = 0.0 if "demo:fast" in words else _SLOW_PACE if "demo:slow" in words else _PACE
        if order.model == "demo-thinking":
            for token in _tokens(_THOUGHT):
                yield _line(pace, _Piece(thought=token))
        limit = order.max_tokens if order.max_tokens is not None else _MAX_COUNT
        said = 0
        reason = "stop"
        for token in _reply(order.asked, words):
            if said == limit:
                reason = "length"
                break
            said += 1
            yield _line(pace, _Piece(text=token))
            if "demo:stall" in words and said == _STALL_AFTER:
                yield _line(_FOREVER, _Piece())
            if "demo:cut" in words and said == _CUT_AFTER:
                return
            if "demo:fail" in words and said == _CUT_AFTER:
                yield _line(pace, _Piece(status=500, error="your message asked the demo to fail (demo:fail)"))
                return
        yield _line(0.0, _Piece(end=reason, prompt_tokens=order.prompt_tokens, completion_tokens=said))


class DemoDecoder(BaseDecoder):
    """A script's lines → events."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = LineSplitter()

    def _feed(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if line and not self.done:
                self._piece(decode_json(_PIECE, line))

    def _end(self) -> None:
        if not self.done:
            raise reply_cut()

    def _piece(self, piece: _Piece) -> None:
        if piece.status:
            raise classify(piece.status, piece.error, "", 7.0 if piece.status == 429 else None)
        self._out.reasoning(piece.thought)
        self._out.text(piece.text)
        if piece.end:
            self.done = True
            self._out.finish_text()
            self._out.add(Usage(piece.prompt_tokens, piece.completion_tokens))
            self._out.add(Finish("length" if piece.end == "length" else "stop"))


def _line(delay: float, piece: _Piece) -> tuple[float, bytes]:
    return delay, msgspec.json.encode(piece) + b"\n"


def _tokens(text: str) -> list[str]:
    """Words with the space after them, so that the tokens joined are the text."""
    return re.findall(r"\S+\s*|\s+", text)


def _reply(asked: str, words: set[str]) -> Iterator[str]:
    count = re.search(r"demo:count\s+(\d{1,6})", asked)
    if count:
        last = min(int(count[1]), _MAX_COUNT)
        for number in range(1, last + 1):
            yield f"{number} " if number < last else str(number)
        return
    yield from _tokens(_INTRODUCTION)
    if "demo:markdown" in words:
        yield from _tokens("\n\n" + _MARKDOWN)
    elif "demo:long" in words:
        yield from _tokens(_LONG * 34)
    else:
        yield from _tokens(f"You said:\n\n{asked[:_MAX_ECHO_CHARS]}")
