"""One pool of connections to the API for the whole page. It carries no token and keeps no cookie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter

from ui.api_client.errors import ApiError, from_problem, unreachable

CONNECT_SECONDS = 3.05
ANSWER_SECONDS = 30.0
UPLOAD_SECONDS = 120.0  # from a file's last byte to its answer
SILENCE_SECONDS = 45.0  # the API pings a stream every 15 s


class Transport:
    """Sends one request. Every user's calls share it, so whatever is personal is given with the call."""

    def __init__(self, base_url: str, page_secret: str = "", pool: int = 50) -> None:
        self._base_url = base_url.rstrip("/")
        self._common = {"X-Page-Secret": page_secret} if page_secret else {}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=pool)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        json: object = None,
        params: Mapping[str, str | int] | None = None,
        repeatable: bool = False,
        seconds: float = ANSWER_SECONDS,
        hear: Callable[[Mapping[str, str]], None] | None = None,
    ) -> dict[str, Any]:
        """The answer's JSON object; `hear` gets its headers. A `repeatable` call is sent once more if the line broke
        under it."""
        send = partial(self._sent, method, path, headers, seconds, json=json, params=params)
        try:
            answer = send()
        except ApiError as error:
            if not repeatable or not isinstance(error.__cause__, requests.ConnectionError):
                raise
            answer = send()
        with answer:
            if hear is not None:
                hear(answer.headers)
            return _checked(answer)

    def upload(self, path: str, headers: Mapping[str, str], body: IO[bytes], kind: str) -> dict[str, Any]:
        """A file as the request's body, sent piece by piece."""
        with self._sent("POST", path, {**headers, "Content-Type": kind}, UPLOAD_SECONDS, data=body) as answer:
            return _checked(answer)

    def send_file(self, method: str, path: str, headers: Mapping[str, str], name: str, data: bytes) -> dict[str, Any]:
        """A small file as a form's part `file`."""
        with self._sent(method, path, headers, UPLOAD_SECONDS, files={"file": (name, data)}) as answer:
            return _checked(answer)

    def download(self, path: str, headers: Mapping[str, str], params: Mapping[str, str | int]) -> bytes:
        """An answer's bytes, whatever they are."""
        with self._sent("GET", path, headers, ANSWER_SECONDS, params=params) as answer:
            if answer.status_code >= 400:
                _checked(answer)
            return answer.content

    def stream(
        self, path: str, headers: Mapping[str, str], params: Mapping[str, str | int], *, json: object = None
    ) -> requests.Response:
        """An event stream's open response; the caller closes it. With a body it is posted."""
        method = "GET" if json is None else "POST"
        asked = {**headers, "Accept": "text/event-stream", "Accept-Encoding": "identity"}
        answer = self._sent(method, path, asked, SILENCE_SECONDS, json=json, params=params, stream=True)
        if answer.status_code == 200:
            return answer
        with answer:
            _checked(answer)
        raise ApiError(answer.status_code, "api_bad_answer", "The server's answer could not be read.")

    def _sent(
        self, method: str, path: str, headers: Mapping[str, str], seconds: float, **more: Any
    ) -> requests.Response:
        """The answer; `seconds` is how long it may be silent. Raises ApiError where none came."""
        try:
            return self._session.request(
                method,
                self._base_url + path,
                headers={**self._common, **headers},
                timeout=(CONNECT_SECONDS, seconds),
                allow_redirects=False,
                **more,
            )
        except requests.RequestException as error:
            raise unreachable() from error


def _checked(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json() if answer.content else {}
    except (ValueError, requests.RequestException):
        body = None
    if answer.status_code >= 400 or not isinstance(body, dict):
        raise from_problem(answer.status_code, body, answer.headers)
    return body
