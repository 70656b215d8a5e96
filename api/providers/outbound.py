"""Answers that are sent to where another service asked for them: Slack's, to its one host and nowhere else."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from aiohttp import ClientError
from yarl import URL

from api.domain.errors import ProviderError
from api.providers.transport import Transport

log = structlog.get_logger()
SECONDS: Final = 10.0
PAUSES: Final = (1.0, 3.0, 0.0)  # after each try


class Outbound:
    """`origin`: scheme, host and port of the only server that is ever posted to; the guard of users' URLs applies."""

    def __init__(self, transport: Transport, origin: str) -> None:
        self._transport = transport
        self._origin = URL(origin).origin()

    def permitted(self, url: str) -> bool:
        """Whether that is an address on the one server."""
        try:
            target = URL(url)
            return target.user is None and target.password is None and target.origin() == self._origin
        except ValueError:
            return False

    async def post(self, url: str, body: bytes) -> bool:
        """Send JSON, again where that fails in passing; in the loop. False: nobody took it, another time they may."""
        for pause in PAUSES:
            if await self._taken(url, body):
                return True
            await asyncio.sleep(pause)
        log.warning("an answer could not be delivered", host=self._origin.host)
        return False

    async def _taken(self, url: str, body: bytes) -> bool:
        """False where another try may help."""
        try:
            async with asyncio.timeout(SECONDS):
                status = await self._transport.post(url, body)
        except (ClientError, OSError, TimeoutError, ProviderError):
            return False
        return status < 500 and status != 429
