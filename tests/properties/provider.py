"""A provider that says exactly what it is told to, cut into pieces and bytes as it is told to."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


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


@dataclass
class ScriptedProvider:
    """`with ScriptedProvider() as provider: provider.script = Script(…)`"""

    script: Script = field(default_factory=lambda: Script(()))

    def __enter__(self) -> ScriptedProvider:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 0
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in provider.script.writes():
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"
