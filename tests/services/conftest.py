"""Services over a real store; the password hasher counts its work and makes cheap hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from flask import Flask

from api.domain.accounts import User
from api.repositories.unit_of_work import Store
from api.security.passwords import Passwords
from api.security.tokens import Tokens
from api.services.accounts import AccountService, NewAccount
from api.services.administration import AdministrationService
from api.services.api_keys import ApiKeyService
from api.services.sessions import SessionService
from tests.services.whole import Whole
from tests.upstream import Upstream

PASSWORD = "correct horse battery"


class CountingPasswords(Passwords):
    """Real argon2id, with small parameters, and a count of the verifications."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__()
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.verified = 0

    def _verify(self, stored: str, password: str) -> bool:
        self.verified += 1
        return super()._verify(stored, password)


@pytest.fixture
def passwords() -> CountingPasswords:
    return CountingPasswords()


@pytest.fixture
def stopped() -> list[UUID]:
    """The accounts whose runs were asked to stop."""
    return []


@pytest.fixture
def accounts(store: Store, passwords: CountingPasswords, stopped: list[UUID]) -> AccountService:
    return AccountService(store, passwords, stop_runs=stopped.append)


@pytest.fixture
def admin(
    store: Store, passwords: CountingPasswords, accounts: AccountService, stopped: list[UUID]
) -> AdministrationService:
    return AdministrationService(store, passwords, accounts, stopped.append)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens("p" * 64)


@pytest.fixture
def sessions(store: Store, tokens: Tokens) -> SessionService:
    return SessionService(store, tokens)


@pytest.fixture
def api_keys(store: Store, tokens: Tokens) -> ApiKeyService:
    return ApiKeyService(store, tokens)


@pytest.fixture
def register(accounts: AccountService) -> Callable[[str], User]:
    """`register("ann")` makes the account ann@example.org; the first one is the admin."""

    def make(username: str) -> User:
        return accounts.register(NewAccount(f"{username}@example.org", username, PASSWORD))

    return make


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as up:
        yield up


@pytest.fixture
def whole(make_app: Callable[..., Flask], upstream: Upstream) -> Whole:
    """All services, with the upstream as OpenAI."""
    return Whole(make_app(openai_base_url=f"{upstream.url}/v1", ollama_base_url="http://127.0.0.1:9"))
