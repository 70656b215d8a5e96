"""How the transport's connections come about: names resolved beside the loop, the guard asked at each."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from aiohttp import AddrInfoType, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from api.domain.errors import AddressForbidden
from api.security.egress import Egress

_RESOLVER_THREADS: Final = 16
_KEEPALIVE_SECONDS: Final = 30.0


@dataclass(slots=True)
class Target:
    """The URL's host and port that a call is dialling; `refused` is set by the guard."""

    host: str
    port: int
    refused: bool = False


# aiohttp hands the socket factory an address without the name that led to it: the call's own context carries
# that. Without it nothing private is permitted.
dialling: ContextVar[Target | None] = ContextVar("dialling", default=None)


class ThreadResolver(AbstractResolver):
    """Names → addresses by the system's resolver in threads of its own: a slow name never holds up the loop.

    With an `egress`, a name is refused if any of its addresses is.
    """

    def __init__(self, egress: Egress | None = None) -> None:
        self._egress = egress
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Every address of `host`. Raises OSError: no such name, or refused."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        if self._egress is not None:
            _ask(self._egress, [str(address[0]) for *_, address in found])
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Let go of the threads; a look-up that hangs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def trusted_connector() -> TCPConnector:
    """For addresses that the operator set. To be made in the loop."""
    return TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_SECONDS, resolver=ThreadResolver())


def guarded_connector(egress: Egress) -> TCPConnector:
    """For addresses that a user gave. To be made in the loop.

    The guard is asked twice: with all addresses of a name, and last with the one that is dialled, which may
    be a literal. No cache of names: its shared look-ups would run in another call's context.
    """

    def make_socket(info: AddrInfoType) -> socket.socket:
        family, kind, proto, _, address = info
        _ask(egress, [str(address[0])])
        return socket.socket(family, kind, proto)

    return TCPConnector(
        limit=0,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        resolver=ThreadResolver(egress),
        socket_factory=make_socket,
        use_dns_cache=False,
    )


def _ask(egress: Egress, ips: list[str]) -> None:
    """Raises OSError where the guard refuses: what aiohttp, racing several addresses, is prepared for."""
    target = dialling.get()
    try:
        egress.check(ips, target.host if target else "", target.port if target else 0)
    except AddressForbidden:
        if target:
            target.refused = True
        raise PermissionError("address refused") from None
