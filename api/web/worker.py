"""Our gunicorn worker: gthread that gives sockets to the event loop, and whose threads never wait for a client.

gunicorn 27's gthread closes connections in its accept thread and lingers up to two seconds over each; a few idle
clients then stall everything. It also lets a thread wait for a request that has not arrived, or has in part; here the
poller does that. Depends on gunicorn's internals, which is why its version is pinned and this is tested raw.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import math
import selectors
import socket
import threading
import time
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import ThreadWorker

from api.web.arrival import PIECE_SECONDS, SECONDS, Arrival

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
    _arrives_by = math.inf  # no request may take longer than until then: the worker stops
    arrival_seconds, piece_seconds = SECONDS, PIECE_SECONDS

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self._process = self.wsgi.extensions["parley_process"]
        self._carrier: Carrier = self.wsgi.extensions["parley_carrier"]
        self._close: Any = self.wsgi.extensions["parley_close"]
        self._current = threading.local()
        self._taken: set[Any] = set()
        self._arrivals: dict[Any, Arrival] = {}  # in the order in which they began, and so in that of their ends
        self._late: set[Any] = set()
        self._partial: set[Any] = set()  # more of their requests is to come
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
        arrival = self._arrivals.get(conn) or Arrival(conn, self.arrival_seconds, self.piece_seconds)
        try:
            there = arrival.receive()
        except OSError:
            self._drop(conn)
            return
        if there:
            self._arrivals.pop(conn, None)
            if not arrival.whole:
                self._partial.add(conn)
            super().enqueue_req(conn)
            return
        self._arrivals.setdefault(conn, arrival)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._go_on, conn))

    def _go_on(self, conn: Any, client: Any) -> None:
        """More of a request has come."""
        self.poller.unregister(client)
        self.enqueue_req(conn)

    def murder_pending(self) -> None:
        """Called often, in the accept thread: what has not arrived in time is waited for no longer."""
        super().murder_pending()
        now = time.monotonic()
        while self._arrivals:
            conn, arrival = next(iter(self._arrivals.items()))
            if now < min(arrival.until, self._arrives_by):
                return
            self.poller.unregister(conn.sock)
            self._give_up(conn, arrival)

    def _give_up(self, conn: Any, arrival: Arrival) -> None:
        """Where there is a head, the application answers in the form of its path. A connection on which nothing came
        is closed without a word: a client would take that for the answer to what it sends next."""
        if arrival.has_head:
            del self._arrivals[conn]
            self._late.add(conn)
            arrival.pass_on()
            super().enqueue_req(conn)
        elif arrival.begun:
            self._refuse(conn)
        else:
            self._drop(conn)

    def _refuse(self, conn: Any) -> None:
        from api.web.malformed import TOO_LATE, answer, new_request_id

        request_id = new_request_id()
        self.log.warning("half a request, from %s (%s)", (conn.client or ("?",))[0], request_id)
        del self._arrivals[conn]
        self.nr_conns -= 1
        with contextlib.suppress(OSError):
            conn.sock.send(answer(*TOO_LATE, request_id))
        self._carrier.linger(conn.sock)

    def _drop(self, conn: Any) -> None:
        self._arrivals.pop(conn, None)
        self.nr_conns -= 1
        conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """A stopping worker waits no longer for requests that have not arrived than for kept-alive connections."""
        super()._cap_keepalive(deadline)
        self._arrives_by = deadline

    def handle(self, conn: Any) -> Any:
        self._current.conn = conn
        try:
            return super().handle(conn)
        finally:
            self._current.conn = None
            self._late.discard(conn)
            self._partial.discard(conn)

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

    def is_unread(self) -> bool:
        """A part of the present request is to come, and nobody has read it."""
        conn: Any = getattr(self._current, "conn", None)
        if conn not in self._partial:
            return False
        reader = conn.parser.mesg.body.reader
        return bool(getattr(reader, "length", 0) or getattr(reader, "parser", None))

    def offer(self, environ: dict[str, Any], response: Any) -> None:
        """Let the application take this request's socket, where that is possible. `response` is gunicorn's."""
        conn = getattr(self._current, "conn", None)
        environ["parley.last"] = response.force_close
        environ["parley.late"] = conn in self._late
        environ["parley.partial"] = conn in self._partial
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
        response = start_response.__self__
        self._worker.offer(environ, response)
        answer = self._application(environ, start_response)
        if self._worker.is_unread():  # the thread would wait for it before the next request
            response.force_close()
        return answer
