"""A provider that says exactly what it is told to, cut into pieces and bytes as it is told to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.loopback import Handler, Loopback


@dataclass(frozen=True)
class Script:
    """Texts, one a chunk; `escaped` JSON or raw UTF-8; where the bytes are cut; how lines end."""

    texts: tuple[str, ...]
    escaped: bool = True
    cuts: tuple[int, ...] = ()
    newline: str = "\n"
    field: str = "content"

    def writes(self) -> list[bytes]:
        """The body, as it is written piece by piece."""
        deltas = [{self.field: text} for text in self.texts]
        chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        last: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        lines = [json.dumps(chunk, ensure_ascii=self.escaped) for chunk in [*chunks, last]]
        end = self.newline * 2
        data = "".join(f"data: {line}{end}" for line in [*lines, "[DONE]"]).encode()
        places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in self.cuts)})
        return [data[start:stop] for start, stop in zip(places, places[1:], strict=False)]


class ScriptedProvider(Loopback):
    """`with ScriptedProvider() as provider: provider.script = Script(…)`"""

    def __init__(self) -> None:
        self.script = Script(())
        provider = self

        class Asked(Handler):
            protocol_version = "HTTP/1.1"
            wbufsize = 0
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                self.body()
                self.begin(200, "text/event-stream", **{"Transfer-Encoding": "chunked"})
                for piece in provider.script.writes():
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

        super().__init__(Asked)
        self.url = f"{self.origin}/v1"
