"""Accounts: signing in and out, the own profile, sessions, and keys for programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ui.api_client.calls import Caller, one_id
from ui.api_client.records import Json, Login, Tokens, User, read_time


@dataclass(frozen=True)
class SignedIn:
    """One of the account's open sessions."""

    id: str
    device: str
    last_used_at: datetime
    current: bool

    @classmethod
    def read(cls, body: Json) -> SignedIn:
        return cls(
            id=str(body.get("id", "")),
            device=str(body.get("user_agent") or ""),
            last_used_at=read_time(body.get("last_used_at")),
            current=bool(body.get("current")),
        )


@dataclass(frozen=True)
class ApiKey:
    """`key` is there only in the answer that made it."""

    id: str
    name: str
    masked: str
    scopes: tuple[str, ...]
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    key: str = ""

    @classmethod
    def read(cls, body: Json) -> ApiKey:
        return cls(
            id=str(body.get("id", "")),
            name=str(body.get("name") or ""),
            masked=f"{body.get('prefix') or ''}…{body.get('last4') or ''}",
            scopes=tuple(str(scope) for scope in body.get("scopes") or []),
            expires_at=read_time(body["expires_at"]) if body.get("expires_at") else None,
            last_used_at=read_time(body["last_used_at"]) if body.get("last_used_at") else None,
            key=str(body.get("key") or ""),
        )


class Accounts(Caller):
    def register(self, **fields: str) -> User:
        """Empty fields are sent too: the API tells all that is wrong. An empty `setup_code` is none."""
        given = {name: text for name, text in fields.items() if text or name != "setup_code"}
        return User.read(self._call("POST", "/auth/register", json=given, signed=False))

    def login(self, name: str, password: str) -> Login:
        who = {"email": name} if "@" in name else {"username": name}
        return Login.read(self._call("POST", "/auth/login", json={**who, "password": password}, signed=False))

    def resume(self, handle: str) -> Login:
        return Login.read(self._call("POST", "/auth/resume", json={"handle": handle}, signed=False))

    def refresh(self, refresh_token: str) -> Login:
        return Login.read(
            self._call("POST", "/auth/refresh", json={"refresh_token": refresh_token}, signed=False, repeatable=True)
        )

    def logout(self) -> None:
        self._call("POST", "/auth/logout")

    def login_with_key(self, key: str) -> Login:
        """An API key instead of a password: the key itself is the token, and there is none after it."""
        body = self._call("GET", "/auth/me", headers={"Authorization": f"Bearer {key}"}, signed=False)
        return Login(Tokens(key, ""), User.read(body))

    def me(self) -> User:
        return User.read(self._call("GET", "/auth/me"))

    def update_me(self, **changes: Any) -> User:
        return User.read(self._call("PATCH", "/users/me", json=changes))

    def avatar(self, user_id: str) -> bytes:
        return self._download(f"/users/{one_id(user_id)}/avatar", {})

    def put_avatar(self, name: str, data: bytes) -> User:
        """Raises ApiError with the reason in words for what is not taken."""
        return User.read(self._upload("PUT", "/users/me/avatar", name, data))

    def delete_avatar(self) -> None:
        self._call("DELETE", "/users/me/avatar")

    def change_password(self, current: str, new: str) -> None:
        self._call("PUT", "/users/me/password", json={"current_password": current, "new_password": new})

    def delete_me(self, password: str) -> None:
        self._call("DELETE", "/users/me", json={"password": password})

    def sessions(self) -> list[SignedIn]:
        return [SignedIn.read(entry) for entry in self._call("GET", "/auth/sessions").get("items") or []]

    def end_session(self, session_id: str) -> None:
        self._call("DELETE", f"/auth/sessions/{one_id(session_id)}")

    def end_all_sessions(self) -> None:
        self._call("POST", "/auth/logout-all")

    def api_keys(self) -> list[ApiKey]:
        return [ApiKey.read(entry) for entry in self._call("GET", "/api-keys").get("items") or []]

    def create_api_key(self, fields: dict[str, Any]) -> ApiKey:
        return ApiKey.read(self._call("POST", "/api-keys", json=fields))

    def revoke_api_key(self, key_id: str) -> None:
        self._call("DELETE", f"/api-keys/{one_id(key_id)}")
