"""How a call goes out: over the shared transport, in a session's name, and again with a new token if refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from ui.api_client.errors import ApiError
from ui.api_client.transport import ANSWER_SECONDS, Transport

T = TypeVar("T")
Params = dict[str, str | int]


class TokenSource(Protocol):
    """Gives the access token of a session, and a newer one after that one was refused."""

    def access(self) -> str: ...

    def renew(self, refused: str) -> str: ...


class Caller:
    """`tokens` is None before sign-in. `address` and `agent` are the browser's: limits and the list of sessions are
    about people's browsers, not about the page."""

    def __init__(
        self, transport: Transport, tokens: TokenSource | None = None, address: str = "", agent: str = ""
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        browser = {"X-Client-Address": address, "User-Agent": agent}
        self._browser = {name: value for name, value in browser.items() if value}

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Params | None = None,
        headers: dict[str, str] | None = None,
        signed: bool = True,
        repeatable: bool = False,
        seconds: float = ANSWER_SECONDS,
        hear: Callable[[Mapping[str, str]], None] | None = None,
    ) -> dict[str, Any]:
        def go(auth: dict[str, str]) -> dict[str, Any]:
            return self._transport.call(
                method,
                path,
                {**auth, **(headers or {})},
                json=json,
                params=params,
                repeatable=repeatable or method == "GET",
                seconds=seconds,
                hear=hear,
            )

        return self._signed(go) if signed else go(self._browser)

    def _download(self, path: str, params: Params) -> bytes:
        """A file that the API gives as it is."""
        return self._signed(lambda auth: self._transport.download(path, auth, params))

    def _upload(self, method: str, path: str, name: str, data: bytes) -> dict[str, Any]:
        """One file, whose reason is in the ApiError where it is not taken."""
        return self._signed(lambda auth: self._transport.send_file(method, path, auth, name, data))

    def _signed(self, go: Callable[[dict[str, str]], T]) -> T:
        """Calls with the session's token; refused once, the token is renewed and the call made again."""
        if self._tokens is None:
            raise ApiError(401, "unauthenticated", "Sign in first.")
        token = self._tokens.access()
        try:
            return go({**self._browser, "Authorization": f"Bearer {token}"})
        except ApiError as error:
            if error.status != 401:
                raise
        token = self._tokens.renew(token)
        return go({**self._browser, "Authorization": f"Bearer {token}"})


def one_id(text: str) -> str:
    """An id from the address bar, as one path segment that climbs nowhere."""
    return quote(text, safe="").replace(".", "%2E") or "-"
