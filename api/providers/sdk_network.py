"""The network under the vendors' SDKs: what the guard permits, so many bytes, until a deadline, nothing else.

httpx and httpx2 stand on httpcore and httpcore2, whose network backends have one shape; this is such a backend.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from api.domain.errors import ProviderBadResponse, ProviderTimeout, ProviderUnavailable
from api.security.egress import Egress

MAX_RECEIVED_BYTES: Final = 16 * 1024 * 1024
_OWN_HEADERS: Final = {"host", "accept", "connection", "content-length", "content-type", "transfer-encoding"}


class Stream(Protocol):
    """httpcore's `NetworkStream`."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes: ...
    def write(self, buffer: bytes, timeout: float | None = None) -> None: ...
    def close(self) -> None: ...
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream: ...
    def get_extra_info(self, info: str) -> Any: ...


Connect = Callable[[str, int, float | None], Stream]


class Leash:
    """By which another thread ends a call: its connections are cut, and there will be no others."""

    def __init__(self) -> None:
        self.pulled = False
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    def pull(self) -> None:
        """Safe to call twice."""
        with self._lock:
            self.pulled = True
            for one in self._sockets:
                with contextlib.suppress(OSError):  # closed already
                    socket.socket.shutdown(one, socket.SHUT_RDWR)  # TLS would speak first; this wakes who reads

    def hold(self, stream: Stream) -> None:
        with self._lock:
            self._sockets.add(stream.get_extra_info("socket"))
        self.check()

    def check(self) -> None:
        """Raises ProviderUnavailable once it is pulled."""
        if self.pulled:
            raise ProviderUnavailable("The call was ended from here.")


class Budget:
    """Seconds and bytes that one operation may take, over all its connections, and the leash that it is on."""

    def __init__(self, seconds: float, max_bytes: int = MAX_RECEIVED_BYTES, leash: Leash | None = None) -> None:
        self.seconds = seconds
        self.leash = leash or Leash()
        self._deadline = time.monotonic() + seconds
        self._left = max_bytes

    def time_left(self, timeout: float | None) -> float:
        """What a single step may take. Raises ProviderTimeout when there is nothing left, or what the leash raises."""
        self.leash.check()
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ProviderTimeout(f"The provider did not answer within {self.seconds:g} s. Try again.")
        return left if timeout is None else min(left, timeout)

    def spend(self, size: int) -> None:
        """Raises ProviderBadResponse beyond the bytes."""
        self._left -= size
        if self._left < 0:
            raise ProviderBadResponse("The provider's answer is larger than this server will read. Ask for less.")


class Network:
    """A network backend. `connect` dials an address; with an `egress`, only one the guard has seen and permits."""

    def __init__(self, connect: Connect, egress: Egress | None, budget: Budget) -> None:
        self._connect = connect
        self._egress = egress
        self._budget = budget

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Stream:
        """Resolve once, refuse if any address is refused, dial the addresses in turn. Raises AddressForbidden."""
        if self._egress is None:
            return _Metered(self._connect(host, port, self._budget.time_left(timeout)), self._budget)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        ips = [str(address[0]) for *_, address in found]
        self._egress.check(ips, host, port)
        for ip in ips[:-1]:
            try:
                return _Metered(self._connect(ip, port, self._budget.time_left(timeout)), self._budget)
            except OSError:
                continue
        return _Metered(self._connect(ips[-1], port, self._budget.time_left(timeout)), self._budget)

    def sleep(self, seconds: float) -> None:
        """Between a connection pool's attempts."""
        time.sleep(min(seconds, self._budget.time_left(None)))


class _Metered:
    """A stream that counts against a budget."""

    def __init__(self, stream: Stream, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        budget.leash.hold(stream)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._budget.time_left(timeout))
        self._budget.spend(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._budget.time_left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        left = self._budget.time_left(timeout)
        return _Metered(self._stream.start_tls(ssl_context, server_hostname, left), self._budget)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def own_headers(credentials: Mapping[str, str]) -> Callable[[Any], None]:
    """A request hook that leaves only what we mean to send: SDKs add organisations and keys from the environment."""

    def hook(request: Any) -> None:
        for name in list(request.headers):
            if name.lower() not in _OWN_HEADERS:
                del request.headers[name]
        request.headers["User-Agent"] = "Parley"
        request.headers["Accept-Encoding"] = "identity"
        for name, value in credentials.items():
            request.headers[name] = value

    return hook


def refuse_compressed(response: Any) -> None:
    """A response hook: compressed bytes would grow beyond the budget."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProviderBadResponse(
            "The provider compressed its answer though asked not to. Check the base URL and what stands before it."
        )
