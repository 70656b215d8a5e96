"""Run by test_imports in a clean process: imports the modules named on the command line, one after the other.

The libraries that they bring in are found in a fork and imported before, so that only what our modules do themselves is
seen. Prints one JSON object: module → what it did.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable

OURS = ("api", "ui", "specimen")
EVENTS = {
    "socket.__new__",
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "os.system",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.fork",
    "sqlite3.connect",
    "signal.pthread_kill",
}
watching = False
seen: list[str] = []


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if not watching:
        return
    if event in EVENTS:
        seen.append(f"{event} {str(arguments)[:200]}")
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        seen.append(f"opens {arguments[0]!r} for writing")


def effects(module: str) -> list[str]:
    """What an import does besides making names."""
    global watching
    threads, files, environment = threading.active_count(), set(os.listdir()), dict(os.environ)  # noqa: TID251
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("error")
            watching = True
            importlib.import_module(module)
            watching = False
    except BaseException:
        watching = False
        return [f"cannot be imported: {traceback.format_exc()[-1500:]}"]
    found = list(seen)
    seen.clear()
    if threading.active_count() > threads:
        found.append(f"starts threads: {[thread.name for thread in threading.enumerate()]}")
    if set(os.listdir()) != files:
        found.append(f"leaves files: {sorted(set(os.listdir()) - files)}")
    if dict(os.environ) != environment:  # noqa: TID251
        found.append("changes the environment")
    return found + [f"prints {text!r}" for text in (out.getvalue(), err.getvalue()) if text]


def in_a_fork(work: Callable[[], list[str]]) -> list[str]:
    """`work()` in a child; what it returns comes back as JSON."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            json.dump(work(), pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text or "[]")


def libraries(modules: list[str]) -> list[str]:
    """The modules of others that ours bring in."""
    for module in modules:
        with contextlib.suppress(BaseException), contextlib.redirect_stdout(io.StringIO()):
            importlib.import_module(module)
    return [module for module in sys.modules if module.partition(".")[0] not in (*OURS, "__main__")]


def main() -> None:
    modules = sys.argv[1:]
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    for library in in_a_fork(lambda: libraries(modules)):
        with contextlib.suppress(BaseException):
            importlib.import_module(library)
    sys.addaudithook(watch)
    print(json.dumps({module: effects(module) for module in modules}))


if __name__ == "__main__":
    main()
