"""Accounts: register, recognise, change, delete."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from api.domain.account_rules import (
    INTERNAL_DOMAIN,
    RESERVED,
    check_account,
    check_email,
    check_password,
    check_username,
    is_email,
    is_username,
    spelled,
)
from api.domain.accounts import AccountRole, User
from api.domain.audit import Entry
from api.domain.errors import (
    BadCredentials,
    Forbidden,
    Invalid,
    LastAdmin,
    NotFound,
    RegistrationClosed,
    SetupCodeRequired,
    WrongPassword,
)
from api.domain.ids import new_id
from api.repositories.unit_of_work import Store, UnitOfWork
from api.security.passwords import Passwords
from api.security.tokens import same

FIRST_ADMIN = "first_admin"  # the fact that decides who is the first
ONLY_ADMIN = "You are the only administrator of this server. Make somebody else one first."
PROFILE_FIELDS = frozenset(("full_name", "username", "bio", "date_of_birth", "profession", "avatar_url", "preferences"))


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What a person says to register. Older clients ask for no email address: then the account has none that works."""

    email: str | None
    username: str
    password: str = field(repr=False)
    full_name: str | None = None

    def check(self) -> None:
        """Raises Invalid."""
        check_account(self.email, self.username, self.password)

    def account(self, password_hash: str, role: AccountRole) -> User:
        """The account that is to be made of it."""
        user_id = new_id()
        email = f"{user_id.hex}{INTERNAL_DOMAIN}" if self.email is None else check_email(self.email)
        return User(user_id, email, self.username, password_hash, full_name=self.full_name, role=role)


class AccountService:
    """The first account to register becomes the admin; `setup_code`, if set, must be presented for that one."""

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        *,
        stop_runs: Callable[[UUID], object],
        registration_open: Callable[[], bool] = lambda: True,
        setup_code: str | None = None,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._stop_runs = stop_runs
        self._registration_open = registration_open
        self._setup_code = setup_code

    def register(self, new: NewAccount, setup_code: str | None = None) -> User:
        """Raises Invalid, AlreadyTaken, RegistrationClosed or SetupCodeRequired."""
        new.check()
        self._refuse(self.waits_for_admin(), setup_code)  # before the expensive hash; asked again where it counts
        password_hash = self._passwords.hash(new.password)

        def insert(work: UnitOfWork) -> User:
            user = new.account(password_hash, "member")
            if work.instance.claim(FIRST_ADMIN, str(user.id)):
                self._refuse(True, setup_code)
                user = dataclasses.replace(user, role="admin")
            else:
                self._refuse(False, setup_code)
            work.accounts.add(user)
            return user

        return self._store.write(insert)

    def waits_for_admin(self) -> bool:
        """Whether nobody has become the first admin yet."""
        return self._store.read(lambda work: work.instance.get(FIRST_ADMIN)) is None

    def _refuse(self, is_first: bool, setup_code: str | None) -> None:
        """Closed means closed, but for the holder of the set-up code while there is no admin."""
        if is_first and self._setup_code is not None:
            if not same(setup_code or "", self._setup_code):
                raise SetupCodeRequired("Enter the set-up code that the server printed at its start.")
        elif not self._registration_open():
            raise RegistrationClosed("Ask an administrator of this server for an account.")

    def meant(self, identifier: str) -> User | None:
        """The account of that email address or username, whoever asks: for counting and noting, not for answers."""
        return self._store.read(lambda work: _find(work, identifier))

    def authenticate(self, identifier: str, password: str) -> User:
        """Whoever signs in by email or username. Raises BadCredentials alike for every reason."""
        user = self._store.read(lambda work: _find(work, identifier))
        matches = self._passwords.verify_or_dummy(user.password_hash if user else None, password)
        if user is None or not matches or not user.is_active:
            raise BadCredentials("No account has this name and password. Check both.")
        return self._rehashed(user, password) if self._passwords.is_outdated(user.password_hash) else user

    def _rehashed(self, user: User, password: str) -> User:
        password_hash = self._passwords.hash(password)
        if not self._store.write(lambda work: work.accounts.set_password(user.id, user.password_hash, password_hash)):
            return user
        return dataclasses.replace(user, password_hash=password_hash)

    def profile(self, user_id: UUID) -> User:
        """Raises NotFound."""
        user = self._store.read(lambda work: work.accounts.get(user_id))
        if user is None:
            raise NotFound("This account does not exist.")
        return user

    def public_profile(self, user_id: UUID | None) -> User:
        """Somebody's account, of which a caller may show the public part only. Raises NotFound."""
        user = self._store.read(lambda work: work.accounts.get(user_id)) if user_id else None
        if user is None or not user.is_active:
            raise NotFound("This account does not exist.")
        return user

    def update_profile(self, user_id: UUID, changes: Mapping[str, Any]) -> User:
        """Change these of PROFILE_FIELDS; preferences are merged, None removes one. Another `avatar_url` takes an
        uploaded avatar's place. Raises Invalid, AlreadyTaken."""
        if unknown := changes.keys() - PROFILE_FIELDS:
            raise ValueError(f"not part of a profile: {unknown}")
        if "username" in changes:
            check_username(changes["username"])

        def update(work: UnitOfWork) -> User | None:
            user = work.accounts.hold(user_id)
            if user is None or not changes:
                return user
            if "username" in changes and user.username in RESERVED:
                raise Forbidden("This account belongs to the server; its name stays as it is.")
            values = dict(changes)
            if values.get("avatar_url", user.avatar_url) != user.avatar_url:
                _refuse_ours(values["avatar_url"])
                work.avatars.delete(user_id)
            if "preferences" in values:
                merged = {**user.preferences, **(values["preferences"] or {})}
                values["preferences"] = {name: value for name, value in merged.items() if value is not None}
            work.accounts.update(user_id, values)
            return work.accounts.get(user_id)

        user = self._store.write(update)
        if user is None:
            raise NotFound("This account does not exist.")
        return user

    def change_password(self, user_id: UUID, session_id: UUID | None, current: str, new: str) -> None:
        """Ends every other session. Raises WrongPassword or Invalid."""
        check_password(new, "new_password")
        user = self._confirmed(user_id, current)
        password_hash = self._passwords.hash(new)

        def change(work: UnitOfWork) -> bool:
            if not work.accounts.set_password(user_id, user.password_hash, password_hash):
                return False
            work.sessions.revoke_all(user_id, except_id=session_id)
            return True

        if not self._store.write(change):
            raise WrongPassword("The password was changed meanwhile; use the new one.")

    def delete(self, user_id: UUID, password: str) -> None:
        """Stop what runs for the account, remove it and all that belongs to it. Raises WrongPassword, LastAdmin."""
        self._confirmed(user_id, password)
        self.remove(user_id, ONLY_ADMIN)

    def remove(self, user_id: UUID, only_admin: str, told: Callable[[], Entry] | None = None) -> None:
        """`delete`, whoever asks; `told` makes the audit log's line. Raises LastAdmin, with the words `only_admin`."""

        def remove(work: UnitOfWork) -> None:
            refuse_the_last(work.accounts.hold_admins(user_id), user_id, only_admin)
            work.usage.forget(user_id)
            is_gone = work.accounts.delete(user_id)
            work.budgets.forget(user_id)  # behind its generations, as whoever closes one takes the counters last
            if is_gone and told is not None:
                work.audit.add(told())

        # asked before anything is stopped, and again where it counts
        self._store.read(lambda work: refuse_the_last(work.accounts.admins(), user_id, only_admin))
        self._stop_runs(user_id)
        self._store.write(remove)

    def _confirmed(self, user_id: UUID, password: str) -> User:
        user = self.profile(user_id)
        if not self._passwords.verify_or_dummy(user.password_hash, password):
            raise WrongPassword("The present password is not right; nothing was changed. Type it again.")
        return user

    def named(self, identifier: str) -> User:
        """The account of that email address or username, for the command line. Raises NotFound."""
        user = self._store.read(lambda work: _find(work, identifier))
        if user is None:
            raise NotFound(f"There is no account {identifier}.")
        return user


def _find(work: UnitOfWork, identifier: str) -> User | None:
    identifier = spelled(identifier)
    if is_email(identifier):
        return work.accounts.by_email(identifier)
    return work.accounts.by_username(identifier) if is_username(identifier) else None


def _refuse_ours(avatar_url: str | None) -> None:
    """Only an upload makes it an address of this server. Raises Invalid."""
    if avatar_url is not None and not avatar_url.startswith("http"):
        raise Invalid.at("avatar_url", "An avatar of this server is uploaded: PUT /users/me/avatar.")


def refuse_the_last(admins: set[UUID], leaving: UUID, words: str) -> None:
    """Raises LastAdmin if nobody could look after the server without this account."""
    if admins == {leaving}:
        raise LastAdmin(words)
