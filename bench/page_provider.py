"""An OpenAI-compatible provider that notes when it wrote its first token and when its reader went.

The last message says what it answers: `words:N:MS` is "w1 w2 … wN ", a word every MS milliseconds.
"""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

THINKS = 0.3


class Provider:
    """`first` and `closed` hold the moments, by the machine's clock, in the order they came."""

    def __init__(self) -> None:
        self.first: list[float] = []
        self.closed: list[float] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._whole({"object": "list", "data": [{"id": "words", "object": "model", "owned_by": "bench"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                found = re.search(r"words:(\d+):(\d+)", str(body["messages"][-1]["content"]))
                count, pause = (int(found[1]), int(found[2]) / 1000) if found else (1, 0.0)
                try:
                    self._stream(count, pause)
                except OSError:
                    provider.closed.append(time.time())
                self.close_connection = True

            def _stream(self, count: int, pause: float) -> None:
                time.sleep(THINKS if pause else 0.0)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                due = time.perf_counter()
                for number in range(1, count + 1):
                    if number == 1:
                        provider.first.append(time.time())
                    self._event({"choices": [{"index": 0, "delta": {"content": f"w{number} "}}]})
                    due += pause
                    time.sleep(max(0.0, due - time.perf_counter()))
                self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
                self.wfile.write(b"data: [DONE]\n\n")

            def _event(self, value: object) -> None:
                self.wfile.write(b"data: " + json.dumps(value).encode() + b"\n\n")
                self.wfile.flush()

            def _whole(self, value: object) -> None:
                data = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Provider:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
