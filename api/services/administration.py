"""What administrators do with accounts, and what they see of the instance. Every act is one line of the audit log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from uuid import UUID

from api.domain import clock
from api.domain.account_rules import check_password
from api.domain.accounts import AccountRole, Found, User
from api.domain.audit import Actor
from api.domain.errors import NotFound
from api.domain.model_configs import ModelConfig
from api.domain.prompts import BUILT_IN, Prompt
from api.domain.usage import percentile
from api.repositories.unit_of_work import Store, UnitOfWork
from api.repositories.usage import Asked
from api.security.passwords import Passwords
from api.services.accounts import FIRST_ADMIN, AccountService, NewAccount, refuse_the_last

NO_ACCOUNT: Final = "There is no such account."
ONLY_ADMIN: Final = "This is the only administrator of the server who can sign in. Make somebody else one first."
HEALTH_DAYS: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class UserPage:
    items: list[User]
    next_cursor: str | None


class AdministrationService:
    def __init__(
        self, store: Store, passwords: Passwords, accounts: AccountService, stop_runs: Callable[[UUID], object]
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._accounts = accounts
        self._stop_runs = stop_runs

    # Accounts

    def users(self, found: Found) -> UserPage:
        """A page of accounts, newest first, by parts of name, email address or full name."""
        users = self._store.read(lambda work: work.accounts.page(replace(found, limit=found.limit + 1)))
        items = users[: found.limit]
        return UserPage(items, str(items[-1].id) if len(users) > found.limit else None)

    def user(self, user_id: UUID | None) -> User:
        """Raises NotFound."""
        user = self._store.read(lambda work: work.accounts.get(user_id)) if user_id else None
        if user is None:
            raise NotFound(NO_ACCOUNT)
        return user

    def create(self, actor: Actor, new: NewAccount, role: AccountRole = "member") -> User:
        """Whatever REGISTRATION says; an admin made here counts as the first. Raises Invalid, AlreadyTaken."""
        new.check()
        user = new.account(self._passwords.hash(new.password), role)

        def insert(work: UnitOfWork) -> None:
            work.accounts.add(user)
            if role == "admin":
                work.instance.claim(FIRST_ADMIN, str(user.id))
            work.audit.add(actor.did("user.create", user.id, role=role))

        self._store.write(insert)
        return self.user(user.id)

    def change(self, actor: Actor, user_id: UUID | None, changes: Mapping[str, Any]) -> User:
        """Of `role`, `is_active` and `limits`, those that are given. Who is disabled is out at once: sessions end,
        running replies are stopped. Raises NotFound, LastAdmin."""
        user = self._store.write(lambda work: self._change(work, actor, user_id, dict(changes)))
        if not user.is_active:
            self._stop_runs(user.id)
        return user

    @staticmethod
    def _change(work: UnitOfWork, actor: Actor, user_id: UUID | None, changes: dict[str, Any]) -> User:
        leaves = changes.get("role") == "member" or changes.get("is_active") is False
        if leaves and user_id is not None:
            refuse_the_last(work.accounts.hold_admins(user_id), user_id, ONLY_ADMIN)
        user = work.accounts.hold(user_id) if user_id else None
        if user is None:
            raise NotFound(NO_ACCOUNT)
        if "limits" in changes:
            merged = {**user.limits, **(changes["limits"] or {})} if changes["limits"] is not None else {}
            changes["limits"] = {name: value for name, value in merged.items() if value is not None}
        different = {name: value for name, value in changes.items() if getattr(user, name) != value}
        if not different:
            return user
        work.accounts.update(user.id, different)
        if different.get("is_active") is False:
            work.sessions.revoke_all(user.id)
        if different.get("role") == "admin":
            work.instance.claim(FIRST_ADMIN, str(user.id))
        work.audit.add(actor.did("user.change", user.id, **different))
        return replace(user, **different)

    def set_password(self, actor: Actor, user_id: UUID | None, password: str) -> None:
        """A new password; every session of the account ends. Raises NotFound, Invalid."""
        check_password(password, "new_password")
        password_hash = self._passwords.hash(password)

        def change(work: UnitOfWork) -> None:
            if user_id is None or not work.accounts.update(user_id, {"password_hash": password_hash}):
                raise NotFound(NO_ACCOUNT)
            work.sessions.revoke_all(user_id)
            work.audit.add(actor.did("user.set_password", user_id))

        self._store.write(change)

    def delete(self, actor: Actor, user_id: UUID | None) -> None:
        """The account and all that belongs to it. Raises NotFound, LastAdmin."""
        user = self.user(user_id)
        told = partial(actor.did, "user.delete", user.id, username=user.username)
        self._accounts.remove(user.id, ONLY_ADMIN, told)

    # Shared model configs

    def shared_configs(self) -> list[ModelConfig]:
        """Whoever shares them; no key is among what is told."""
        return self._store.read(lambda work: work.model_configs.shared())

    def unshare(self, actor: Actor, config_id: UUID | None) -> None:
        """Leave a config to its owner alone. Raises NotFound."""

        def change(work: UnitOfWork) -> None:
            if config_id is None or not work.model_configs.unshare(config_id):
                raise NotFound("No shared model config has this id.")
            work.audit.add(actor.did("model_config.unshare", config_id))

        self._store.write(change)

    # Prompts for everybody

    def shared_prompts(self) -> list[Prompt]:
        """The built-in ones, then those that admins share."""
        return [*BUILT_IN, *self._store.read(lambda work: work.prompts.shared())]

    def unshare_prompt(self, actor: Actor, prompt_id: UUID | None) -> None:
        """Leave a prompt to its owner alone; with others it is no longer active. Raises NotFound."""

        def change(work: UnitOfWork) -> None:
            if prompt_id is None or not work.prompts.unshare(prompt_id):
                raise NotFound("No shared prompt has this id; the built-in ones are there for everybody.")
            work.audit.add(actor.did("prompt.unshare", prompt_id))

        self._store.write(change)

    # What there is to see

    def providers(self) -> list[dict[str, Any]]:
        """How each provider has done since yesterday: calls, errors, waits; and how many configs name it."""
        today = clock.now().date()
        asked = Asked(None, today - HEALTH_DAYS, today + HEALTH_DAYS)

        def read(work: UnitOfWork) -> Any:
            usage = work.usage
            return usage.summed(asked, "provider"), usage.waits(asked, "provider"), work.model_configs.by_provider()

        sums, waits, configs = self._store.read(read)
        found = {row["provider"]: row for row in sums}
        return [
            _health(name, found.get(name), waits.get((name,), {}), configs.get(name, 0))
            for name in sorted({*found, *configs})
        ]


def _health(name: str, row: Mapping[str, Any] | None, waits: Mapping[int, int], configs: int) -> dict[str, Any]:
    calls, errors = (int(row["calls"]), int(row["errors"])) if row else (0, 0)
    share = round(errors / calls, 4) if calls else None
    state = "unused" if not calls else "failing" if errors == calls else "degraded" if errors * 10 > calls else "well"
    first = {"p50": percentile(waits, 0.5), "p95": percentile(waits, 0.95)}
    return {
        "provider": name,
        "state": state,
        "configs": configs,
        "calls": calls,
        "errors": errors,
        "error_share": share,
        "first_token_ms": first,
    }
