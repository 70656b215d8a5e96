"""The process-wide store: session handle → token pair. Tokens are here and nowhere else in the page.

A handle is the opaque name the API gave a session; it is what the browser's cookie holds. A process that does
not know a handle (a restart, a second process) asks the API for a new pair by it. Each handle has its own lock,
and a pair is renewed under it, so two tabs never spend one refresh token twice.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from ui.api_client import ApiClient, ApiError, Login, Tokens, User

KEEP = 5_000  # more handles than this: the one unused for longest is forgotten, and resumed when it comes back


@dataclass
class Session:
    """One signed-in browser. A `TokenSource` for the client."""

    handle: str
    user: User
    _tokens: Tokens
    _anonymous: ApiClient
    used_at: float = 0.0
    by_key: bool = False  # signed in with an API key: it is the token, and nothing comes after it
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def access(self) -> str:
        return self._tokens.access

    def renew(self, refused: str) -> str:
        """A token newer than the refused one. Raises ApiError 401 when the session has ended."""
        if self.by_key:
            raise ApiError(401, "unauthenticated", "This API key is not valid any more.")
        with self._lock:
            if self._tokens.access != refused:
                return self._tokens.access
            try:
                self._tokens = self._anonymous.refresh(self._tokens.refresh).tokens
            except ApiError as error:
                if error.status not in {400, 401}:
                    raise
                login = self._anonymous.resume(self.handle)
                self._tokens, self.user = login.tokens, login.user
            return self._tokens.access


class SessionStore:
    def __init__(self, anonymous: ApiClient) -> None:
        self._anonymous = anonymous
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._resuming: dict[str, threading.Lock] = {}

    def add(self, login: Login, *, by_key: bool = False) -> Session:
        """A fresh sign-in. Without a handle from the API the session lives as long as this process."""
        handle = login.handle or secrets.token_urlsafe(32)
        session = Session(handle, login.user, login.tokens, self._anonymous, time.monotonic(), by_key)
        with self._lock:
            self._sessions[handle] = session
            while len(self._sessions) > KEEP:
                self._sessions.popitem(last=False)
        return session

    def find(self, handle: str) -> Session:
        """The session of a handle, resumed from the API if this process does not know it. ApiError 401: ended."""
        with self._lock:
            known = self._known(handle)
            gate = self._resuming.setdefault(handle, threading.Lock())
        if known is not None:
            return known
        try:
            with gate:
                with self._lock:
                    known = self._known(handle)
                return known or self.add(_named(self._anonymous.resume(handle), handle))
        finally:
            with self._lock:
                self._resuming.pop(handle, None)

    def forget(self, handle: str) -> Session | None:
        with self._lock:
            return self._sessions.pop(handle, None)

    def _known(self, handle: str) -> Session | None:
        session = self._sessions.get(handle)
        if session is not None:
            session.used_at = time.monotonic()
            self._sessions.move_to_end(handle)
        return session


def _named(login: Login, handle: str) -> Login:
    """A resumed session keeps its handle, whatever the answer said."""
    return Login(login.tokens, login.user, handle)
