"""What administrators see and change: accounts, settings, budgets, providers' health, the audit log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ui.api_client.calls import Caller, Params, one_id
from ui.api_client.records import Json, read_time
from ui.api_client.usage import UsageReport


@dataclass(frozen=True)
class Account:
    id: str
    username: str
    email: str
    full_name: str
    role: str
    is_active: bool
    created_at: datetime
    limits: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, body: Json) -> Account:
        return cls(
            id=str(body.get("id", "")),
            username=str(body.get("username") or ""),
            email=str(body.get("email") or ""),
            full_name=str(body.get("full_name") or ""),
            role=str(body.get("role") or "member"),
            is_active=bool(body.get("is_active", True)),
            created_at=read_time(body.get("created_at")),
            limits=dict(body.get("limits") or {}),
        )


@dataclass(frozen=True)
class Budget:
    """So many tokens, or so many dollars, a day or a month: for everything here, for each account, or for one."""

    id: str
    scope: str
    period: str
    tokens: int | None = None
    dollars: str | None = None
    user_id: str = ""

    @classmethod
    def read(cls, body: Json) -> Budget:
        dollars = body.get("dollars")
        return cls(
            id=str(body.get("id", "")),
            scope=str(body.get("scope") or ""),
            period=str(body.get("period") or ""),
            tokens=body.get("tokens"),
            dollars=str(dollars) if dollars is not None else None,
            user_id=str(body.get("user_id") or ""),
        )


@dataclass(frozen=True)
class AuditEntry:
    at: datetime
    who: str
    action: str
    target: str
    address: str
    detail: Json = field(default_factory=dict)

    @classmethod
    def read(cls, body: Json) -> AuditEntry:
        return cls(
            at=read_time(body.get("at")),
            who=str(body.get("username") or ""),
            action=str(body.get("action") or ""),
            target=str(body.get("target") or ""),
            address=str(body.get("address") or ""),
            detail=body.get("detail") or {},
        )

    @property
    def whom(self) -> str:
        """The account it was done to, by its name of then."""
        return str(self.detail.get("username") or "")

    @property
    def how(self) -> Json:
        return {name: value for name, value in self.detail.items() if name != "username"}


class Administration(Caller):
    def accounts(self, search: str = "") -> tuple[list[Account], bool]:
        """The newest fifty that match, and whether there are more."""
        params: Params = {"search": search} if search else {}
        body = self._call("GET", "/admin/users", params=params)
        return [Account.read(entry) for entry in body.get("items") or []], bool(body.get("next_cursor"))

    def account(self, user_id: str) -> Account:
        return Account.read(self._call("GET", f"/admin/users/{one_id(user_id)}"))

    def create_account(self, fields: dict[str, Any]) -> Account:
        return Account.read(self._call("POST", "/admin/users", json=fields))

    def update_account(self, user_id: str, **changes: Any) -> None:
        self._call("PATCH", f"/admin/users/{one_id(user_id)}", json=changes)

    def delete_account(self, user_id: str) -> None:
        self._call("DELETE", f"/admin/users/{one_id(user_id)}")

    def set_password(self, user_id: str, password: str) -> None:
        self._call("PUT", f"/admin/users/{one_id(user_id)}/password", json={"new_password": password})

    def everyones_usage(self, since: str, group_by: str) -> UsageReport:
        return UsageReport.read(self._call("GET", "/admin/usage", params={"from": since, "group_by": group_by}))

    def everyones_usage_csv(self, since: str) -> bytes:
        return self._download("/admin/usage/export", {"from": since, "format": "csv"})

    def instance(self) -> Json:
        return self._call("GET", "/admin/settings")

    def change_instance(self, fields: dict[str, Any]) -> None:
        self._call("PATCH", "/admin/settings", json=fields)

    def budgets(self) -> list[Budget]:
        return [Budget.read(entry) for entry in self._call("GET", "/admin/budgets").get("items") or []]

    def set_budget(self, fields: dict[str, Any]) -> None:
        self._call("PUT", "/admin/budgets", json=fields)

    def delete_budget(self, budget_id: str) -> None:
        self._call("DELETE", f"/admin/budgets/{one_id(budget_id)}")

    def provider_health(self) -> list[Json]:
        return list(self._call("GET", "/admin/providers").get("items") or [])

    def audit(self, action: str = "") -> list[AuditEntry]:
        params: Params = {"limit": 100}
        if action:
            params["action"] = action
        return [AuditEntry.read(entry) for entry in self._call("GET", "/admin/audit", params=params).get("items") or []]
