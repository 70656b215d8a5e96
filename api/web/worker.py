"""Our gunicorn worker: gthread that gives sockets to the event loop, and whose threads never wait for a client.

gunicorn 27's gthread closes connections in its accept thread and lingers up to two seconds over each; a few idle
clients then stall everything. It also lets a thread wait for a request that has not arrived, or has in part; here the
poller does that. Depends on gunicorn's internals, which is why its version is pinned and this is tested raw.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import selectors
import socket
import threading
import time
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import ThreadWorker

from api.web.arrival import Arrival

if TYPE_CHECKING:  # gunicorn's master imports this module too, and needs none of the application
    from api.web.handover import Carrier
    from api.web.sender import Sender


COLLECT = (50_000, 20, 20)
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
FULL_SECONDS = 0.5


class Worker(ThreadWorker):  # type: ignore[misc]
    """`self.wsgi` is our Flask application; its `parley_process` extension starts and drains with the worker."""

    wsgi: Any
    _process: Any = None  # until the application is loaded
    _full_until = 0.0  # no file could be opened a moment ago

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self._process = self.wsgi.extensions["parley_process"]
        self._carrier: Carrier = self.wsgi.extensions["parley_carrier"]
        self._close: Any = self.wsgi.extensions["parley_close"]
        self._current = threading.local()
        self._taken: set[Any] = set()
        self._arrivals: dict[Any, Arrival] = {}
        self.wsgi = _Offering(self.wsgi, self)

    def run(self) -> None:
        if not self.alive:  # told to end while the application was loaded
            self._close()
            return
        self._process.start()
        # What the start made stays for good: the collector need not walk through it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECT)
        super().run()
        self._process.finish_drain(self.notify)
        self._close()

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.alive and self._process is not None:
            self._process.begin_drain()
        super().handle_exit(sig, frame)

    def accept(self, listener: Any) -> None:
        """gunicorn's own lets a worker die when no more files can be opened; here new connections wait a little."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self.log.warning("no more files can be opened (%s): new connections wait", error.strerror)
            self._full_until = time.monotonic() + FULL_SECONDS
            self.set_accept_enabled(False)

    def set_accept_enabled(self, enabled: bool) -> None:
        if not enabled or time.monotonic() >= self._full_until:
            super().set_accept_enabled(enabled)

    def enqueue_req(self, conn: Any) -> None:
        """Called in the accept thread when a connection is new or readable: a request that is there gets a thread."""
        if self.cfg.is_ssl or conn.is_http2:
            super().enqueue_req(conn)
            return
        arrival = self._arrivals.pop(conn, None) or Arrival(conn)
        try:
            there = arrival.receive()
        except OSError:
            self.nr_conns -= 1
            conn.close()
            return
        if there:
            super().enqueue_req(conn)
            return
        self._arrivals[conn] = arrival
        conn.timeout = arrival.until
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def murder_pending(self) -> None:
        super().murder_pending()
        if len(self._arrivals) > len(self.pending_conns):
            waiting = set(self.pending_conns)
            self._arrivals = {conn: arrival for conn, arrival in self._arrivals.items() if conn in waiting}

    def _cap_keepalive(self, deadline: float) -> None:
        """A stopping worker waits no longer for requests that have not arrived than for kept-alive connections."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def handle(self, conn: Any) -> Any:
        self._current.conn = conn
        try:
            return super().handle(conn)
        finally:
            self._current.conn = None

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """gunicorn's own answer is a page of HTML that repeats what it could not read."""
        from api.web.malformed import OURS, answer, new_request_id, refusal

        told, request_id = refusal(exc), new_request_id()
        if told is OURS:
            self.log.exception("a request failed (%s)", request_id)
        else:
            self.log.warning("not a request, from %s: %s (%s)", (addr or ("?",))[0], type(exc).__name__, request_id)
        with contextlib.suppress(OSError):
            client.sendall(answer(*told, request_id))

    def offer(self, environ: dict[str, Any]) -> None:
        """Let the application take this request's socket, where that is possible."""
        conn = getattr(self._current, "conn", None)
        if conn is not None and not self.cfg.is_ssl and not conn.is_http2:
            environ["parley.hand_over"] = lambda response, sender: self._hand_over(conn, response, sender)

    def _hand_over(self, conn: Any, response: Any, sender: Sender) -> None:
        """`response` is gunicorn's: it makes the head, and is then left believing that all was sent."""
        head = response.default_headers() + [f"{name}: {value}\r\n" for name, value in response.headers]
        sender.head = ("".join(head) + "\r\n").encode("latin-1")
        sender.chunked = response.chunked
        response.headers_sent = True
        response.chunked = False
        taken = socket.socket(fileno=conn.sock.detach())
        self._taken.add(conn)
        self._carrier.carry(taken, sender)

    def finish_request(self, conn: Any, fs: futures.Future[Any]) -> None:
        if conn in self._taken:
            self._taken.discard(conn)
            self.nr_conns -= 1
            return
        keep = not fs.cancelled() and fs.exception() is None and fs.result()
        if keep:
            super().finish_request(conn, fs)
            return
        self.nr_conns -= 1
        self._carrier.linger(conn.sock)


class _Offering:
    """The application, with the offer in each request's environment."""

    def __init__(self, application: Any, worker: Worker) -> None:
        self._application = application
        self._worker = worker

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self._worker.offer(environ)
        return self._application(environ, start_response)
