"""What the tests' small HTTP servers share: a port of their own on loopback, a thread a request, and an end."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Handler(BaseHTTPRequestHandler):
    """A request; nothing is logged."""

    def body(self) -> Any:
        """What was sent, as JSON."""
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def say(self, status: int, value: Any) -> None:
        """Answer with JSON; bytes go as they are."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.begin(status, "application/json", **{"Content-Length": str(len(data))})
        self.wfile.write(data)

    def begin(self, status: int, kind: str, **headers: str) -> None:
        """The head of an answer."""
        self.send_response(status)
        for name, text in ({"Content-Type": kind} | headers).items():
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Loopback:
    """`with Loopback(handler) as server:` — serves while the block runs."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self._thread = threading.Thread(target=self.server.serve_forever)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()
