"""A small server that stands in for the API or the page: answers on one path and notes what happens to it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port_variable")
    parser.add_argument("path")
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--words", default="")
    parser.add_argument("--fail", action="store_true")
    parser.add_argument("--stubborn", action="store_true")
    parser.add_argument("--grandchild", action="store_true")
    options = parser.parse_args()

    name = options.port_variable.removesuffix("_PORT").lower()
    note(options.folder / f"{name}.env", json.dumps(dict(os.environ)))  # noqa: TID251
    note(options.folder / f"{name}.pid", str(os.getpid()))
    note(options.folder / "supervisor.pid", str(os.getppid()))
    if options.grandchild:
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        note(options.folder / f"{name}-grandchild.pid", str(subprocess.Popen(command).pid))
    if options.words:
        print(options.words, flush=True)
    if options.fail:
        sys.exit(7)

    signals = options.folder / f"{name}.signals"

    def noted(number: int, _frame: object) -> None:
        with signals.open("a") as file:
            file.write(signal.Signals(number).name + "\n")
        if not options.stubborn:
            sys.exit(0)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, noted)
    time.sleep(options.delay)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(options.status if self.path == options.path else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    HTTPServer(("127.0.0.1", int(os.environ[options.port_variable])), Handler).serve_forever()  # noqa: TID251


def note(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


if __name__ == "__main__":
    main()
