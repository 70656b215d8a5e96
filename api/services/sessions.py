"""Sessions: one a sign-in, with rotating refresh tokens; ending one bites at the next request."""

from __future__ import annotations

import datetime as dt
from uuid import UUID, uuid4

from api.domain import clock
from api.domain.accounts import Session, User
from api.domain.errors import BadCredentials, NotFound, SessionEnded
from api.domain.ids import new_id
from api.domain.principal import Principal
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.tokens import HANDLE, Tokens, is_well_formed

GRACE = dt.timedelta(seconds=30)  # two tabs may refresh with the same token
USED_EVERY = dt.timedelta(minutes=1)
ENDED = "This session has ended; sign in again."


class SessionService:
    """A session unused for `refresh_token_days` has ended."""

    def __init__(self, store: Store, tokens: Tokens, refresh_token_days: int = 30) -> None:
        self._store = store
        self._tokens = tokens
        self._life = dt.timedelta(days=refresh_token_days)

    def start(
        self, user: User, user_agent: str | None = None, *, with_handle: bool = False
    ) -> tuple[Session, str | None]:
        """A new session of an account just recognised, and the page's handle if asked for."""
        now = clock.now()
        session = Session(new_id(), user.id, str(uuid4()), None, None, _agent(user_agent), now, now)
        handle = self._tokens.mint(HANDLE) if with_handle else None

        def insert(work: UnitOfWork) -> None:
            held = work.accounts.hold(user.id)
            if held is None or not held.is_active or held.password_hash != user.password_hash:
                raise BadCredentials("No account has this name and password. Check both.")  # changed since then
            work.sessions.prune(user.id, now - self._life)
            work.sessions.add(session, handle.digest if handle else None)

        self._store.write(insert)
        return session, handle.text if handle else None

    def refresh(self, session_id: UUID, jti: str) -> tuple[Session, User]:
        """Exchange a refresh token for its successor. An old one used again ends the session: SessionEnded.

        A token exchanged less than 30 s ago still gives the same successor.
        """
        oldest = clock.now() - self._life

        def rotate(work: UnitOfWork) -> tuple[Session, User] | None:
            rotated = work.sessions.rotate(session_id, jti, str(uuid4()), oldest)
            session = work.sessions.get(session_id)
            if session is None or session.last_used_at <= oldest:
                return None
            if not rotated and not _in_grace(session, jti):
                work.sessions.revoke(session.user_id, session_id)
                return None
            return _with_user(work, session)

        return _or_ended(self._store.write(rotate))

    def check(self, session_id: UUID, user_id: UUID) -> Principal:
        """Who acts by this session, in one query. Raises SessionEnded."""
        principal = self._store.read(lambda work: work.sessions.principal(session_id, user_id))
        if principal is None:
            raise SessionEnded(ENDED)
        return principal

    def resume(self, handle: str) -> tuple[Session, User]:
        """The session behind the page's handle; its refresh token stays as it is. Raises SessionEnded."""
        if not is_well_formed(handle, HANDLE):
            raise SessionEnded(ENDED)
        digest = self._tokens.digest(handle)
        now = clock.now()

        def find(work: UnitOfWork) -> tuple[Session, User] | None:
            session = work.sessions.by_handle(digest)
            if session is None or session.last_used_at <= now - self._life:
                return None
            return _with_user(work, session)

        found = _or_ended(self._store.read(find))
        if found[0].last_used_at < now - USED_EVERY:
            self._store.write(lambda work: work.sessions.touch(found[0].id), durable=False)
        return found

    def list(self, user_id: UUID) -> list[Session]:
        """The account's open sessions, newest first."""
        return self._store.read(lambda work: work.sessions.list_open(user_id, clock.now() - self._life))

    def revoke(self, user_id: UUID, session_id: UUID | None) -> None:
        """Raises NotFound for a session that is over or somebody else's."""
        if session_id is None or not self._store.write(lambda work: work.sessions.revoke(user_id, session_id)):
            raise NotFound("This session does not exist.")

    def revoke_all(self, user_id: UUID) -> int:
        return self._store.write(lambda work: work.sessions.revoke_all(user_id))

    def open_among(self, session_ids: set[UUID]) -> set[UUID]:
        """Those sessions that still count: the doorkeeper asks for all open streams of a process."""
        return self._store.read(lambda work: work.sessions.open_among([*session_ids])) if session_ids else set()


def _in_grace(session: Session, jti: str) -> bool:
    rotated = session.rotated_at
    return session.previous_jti == jti and rotated is not None and clock.now() - rotated <= GRACE


def _with_user(work: UnitOfWork, session: Session) -> tuple[Session, User] | None:
    user = work.accounts.get(session.user_id)
    return None if user is None else (session, user)


def _or_ended(found: tuple[Session, User] | None) -> tuple[Session, User]:
    if found is None:
        raise SessionEnded(ENDED)
    return found


def _agent(text: str | None) -> str | None:
    return "".join(char for char in text if char.isprintable())[:300] or None if text else None
