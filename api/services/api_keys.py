"""API keys: shown once, kept as an HMAC, limited by scopes and an end."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Collection
from uuid import UUID

from api.domain import clock
from api.domain.account_rules import BOOTSTRAP, BOOTSTRAP_EMAIL, INTERNAL_DOMAIN
from api.domain.accounts import ApiKey, User
from api.domain.errors import AlreadyTaken, InsufficientScope, Invalid, NotFound, Unauthenticated
from api.domain.ids import new_id
from api.domain.principal import IMPLIED, Principal, Scope
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.passwords import UNUSABLE
from api.security.tokens import API_KEY, Tokens, is_well_formed, same

USED_EVERY = dt.timedelta(minutes=1)
REFUSED = "This API key is unknown, expired or revoked."


class ApiKeyService:
    """One a process: it collects when keys were used, until `flush_last_used`."""

    def __init__(self, store: Store, tokens: Tokens) -> None:
        self._store = store
        self._tokens = tokens
        self._bootstrap_digest = ""  # of a key of the operator's own making, without our shape
        self._used: dict[UUID, dt.datetime] = {}
        self._lock = threading.Lock()

    def authenticate(self, raw: str) -> Principal:
        """Who acts by this key, in one query, or none for a typo. Raises Unauthenticated."""
        digest = self._tokens.digest(raw)
        if not is_well_formed(raw, API_KEY) and not same(digest, self._bootstrap_digest):
            raise Unauthenticated(REFUSED)
        found = self._store.read(lambda work: work.api_keys.principal(digest))
        if found is None:
            raise Unauthenticated(REFUSED)
        principal, last_used_at = found
        now = clock.now()
        if principal.api_key_id and (last_used_at is None or now - last_used_at >= USED_EVERY):
            with self._lock:
                self._used[principal.api_key_id] = now
        return principal

    def flush_last_used(self) -> None:
        """Write what was collected since the last call; cheap when nothing was."""
        if not self._used:
            return
        with self._lock:
            used, self._used = self._used, {}
        self._store.write(lambda work: work.api_keys.set_last_used(used), durable=False)

    def create(
        self, principal: Principal, name: str, scopes: Collection[Scope], expires_at: dt.datetime | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which is never shown again. It may do and outlive no more than its maker."""
        now = clock.now()
        if expires_at is not None and expires_at <= now:
            raise Invalid.at("expires_at", "The end of a key must lie in the future; name a later one, or none.")
        wanted: frozenset[Scope] = frozenset[Scope]().union(*(IMPLIED[scope] for scope in scopes))
        if not wanted or not wanted <= principal.scopes:
            raise InsufficientScope("A key can be given only scopes that its maker has.")
        minted = self._tokens.mint(API_KEY)
        ordered: tuple[Scope, ...] = tuple(scope for scope in IMPLIED if scope in scopes)
        key = ApiKey(new_id(), principal.user_id, name, minted.prefix, minted.last4, ordered, now, expires_at, None)

        def insert(work: UnitOfWork) -> None:
            if principal.api_key_id is not None:
                _refuse_longer_life(work.api_keys.get(principal.user_id, principal.api_key_id), expires_at)
            work.api_keys.add(key, minted.digest)

        self._store.write(insert)
        return key, minted.text

    def list(self, user_id: UUID) -> list[ApiKey]:
        """Newest first, expired ones too, revoked ones not."""
        return self._store.read(lambda work: work.api_keys.list_mine(user_id))

    def revoke(self, user_id: UUID, key_id: UUID | None) -> None:
        """Raises NotFound."""
        if key_id is None or not self._store.write(lambda work: work.api_keys.revoke(user_id, key_id)):
            raise NotFound("This API key does not exist.")

    def good_among(self, key_ids: set[UUID]) -> set[UUID]:
        """Those keys that still count: the doorkeeper asks for all open streams of a process."""
        return self._store.read(lambda work: work.api_keys.good_among([*key_ids])) if key_ids else set()

    def bootstrap(self, secret: str) -> None:
        """Make API_KEY of the environment a key of the account `bootstrap`; safe to repeat, and in parallel.

        A changed API_KEY revokes the old one and every key made with it; an empty one revokes them all.
        """
        digest = self._tokens.digest(secret) if secret else ""
        self._bootstrap_digest = digest

        def register(work: UnitOfWork) -> None:
            user = work.accounts.by_email(BOOTSTRAP_EMAIL) or (bootstrap_account(work) if secret else None)
            if user is None:
                return
            if not secret:
                work.api_keys.revoke_others(user.id, digest)
                return
            end = min(4, len(secret) // 4)
            key = ApiKey(
                new_id(),
                user.id,
                "API_KEY",
                "API_KEY",
                secret[-end:] if end else "",
                ("admin",),
                clock.now(),
                None,
                None,
            )
            if work.api_keys.add(key, digest) or work.api_keys.restore(user.id, digest):
                work.api_keys.revoke_others(user.id, digest)

        self._store.write(register)


def _refuse_longer_life(maker: ApiKey | None, expires_at: dt.datetime | None) -> None:
    if maker is None:
        raise Unauthenticated(REFUSED)
    if maker.expires_at is not None and (expires_at is None or expires_at > maker.expires_at):
        raise InsufficientScope(f"A key made with this key must end by {maker.expires_at.isoformat()}.")


def bootstrap_account(work: UnitOfWork) -> User:
    """The account of what the operator brings, made now."""
    return internal_account(work, BOOTSTRAP)


def internal_account(work: UnitOfWork, name: str) -> User:
    """An account that nobody can sign in to, made where it is not there yet."""
    user = User(new_id(), name + INTERNAL_DOMAIN, name, UNUSABLE)
    if (existing := work.accounts.by_email(user.email)) is not None:
        return existing
    try:
        work.accounts.add(user)
    except AlreadyTaken:  # another process was quicker
        existing = work.accounts.by_email(user.email)
        assert existing is not None
        return existing
    return user
