"""/admin: accounts, settings, usage of everyone, the audit log, the health of providers. No chat's text."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.domain.accounts import Found
from api.domain.audit import Entry, Sought
from api.domain.budgets import Budget
from api.domain.ids import parse_id
from api.domain.money import in_dollars
from api.domain.prices import RATES, ModelPrice
from api.services.accounts import NewAccount
from api.web.answers import answer, answer_list, no_content, pick
from api.web.auth import actor
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.routes.usage import EXPORT, as_file, shown
from api.web.schemas.administration import (
    AdminUserAnswer,
    AuditAnswer,
    AuditQuery,
    BudgetAnswer,
    BudgetBody,
    BudgetsAnswer,
    NewUser,
    PasswordReset,
    PriceAnswer,
    PriceBody,
    PriceQuery,
    PricesAnswer,
    ProvidersHealth,
    RulesAnswer,
    RulesBody,
    SettingsAnswer,
    SettingsChange,
    SharedConfigAnswer,
    SharedConfigsAnswer,
    SharedPromptAnswer,
    SharedPromptsAnswer,
    UserChange,
    UsersAnswer,
    UsersQuery,
)
from api.web.schemas.usage import EveryonesExportQuery, EveryonesUsageQuery, UsageAnswer

routes = Routes("admin", "For administrators: accounts, settings, everyone's usage, the audit log")
ONE_USER = {200: AdminUserAnswer}


@routes.get("/admin/users", summary="Accounts, newest first", access=Access.ADMIN, returns={200: UsersAnswer})
def list_users(query: UsersQuery) -> Response:
    found = Found(query.search, query.role, query.is_active, query.cursor, query.limit)
    page = services().administration.users(found)
    return answer({"items": [pick(AdminUserAnswer, user) for user in page.items], "next_cursor": page.next_cursor})


@routes.post("/admin/users", summary="Make an account", access=Access.ADMIN, returns={201: AdminUserAnswer})
def create_user(body: NewUser) -> Response:
    new = NewAccount(body.email, body.username, body.password, body.full_name)
    return answer(pick(AdminUserAnswer, services().administration.create(actor(), new, body.role)), 201)


@routes.get("/admin/users/<id>", summary="An account", access=Access.ADMIN, returns=ONE_USER)
def get_user(path: IdPath) -> Response:
    return answer(pick(AdminUserAnswer, services().administration.user(parse_id(path.id))))


@routes.patch("/admin/users/<id>", summary="Role, access and limits", access=Access.ADMIN, returns=ONE_USER)
def change_user(path: IdPath, body: UserChange) -> Response:
    user = services().administration.change(actor(), parse_id(path.id), body.values())
    return answer(pick(AdminUserAnswer, user))


@routes.delete("/admin/users/<id>", summary="Delete an account", access=Access.ADMIN, returns={204: None})
def delete_user(path: IdPath) -> Response:
    services().administration.delete(actor(), parse_id(path.id))
    return no_content()


@routes.put("/admin/users/<id>/password", summary="A new password", access=Access.ADMIN, returns={204: None})
def set_password(path: IdPath, body: PasswordReset) -> Response:
    services().administration.set_password(actor(), parse_id(path.id), body.new_password)
    return no_content()


@routes.get("/admin/usage", summary="What everyone used", access=Access.ADMIN, returns={200: UsageAnswer})
def everyones_usage(query: EveryonesUsageQuery) -> Response:
    return answer(shown(services().usage.report(principal(), query.wanted(), query.group_by, everyone=True)))


@routes.get("/admin/usage/export", summary="The same as a file", access=Access.ADMIN, returns={200: EXPORT})
def export_everyones(query: EveryonesExportQuery) -> Response:
    content = services().usage.export(principal(), query.wanted(), query.format, everyone=True)
    return as_file(content, query.format)


@routes.get("/admin/settings", summary="Settings that hold now", access=Access.ADMIN, returns={200: SettingsAnswer})
def get_settings() -> Response:
    return answer(pick(SettingsAnswer, services().instance.refresh()))


@routes.patch("/admin/settings", summary="Change settings", access=Access.ADMIN, returns={200: SettingsAnswer})
def change_settings(body: SettingsChange) -> Response:
    return answer(pick(SettingsAnswer, services().instance.change(actor(), body.values())))


@routes.get(
    "/admin/model-configs", summary="Shared model configs", access=Access.ADMIN, returns={200: SharedConfigsAnswer}
)
def shared_configs() -> Response:
    return answer_list(SharedConfigAnswer, services().administration.shared_configs())


@routes.delete("/admin/model-configs/<id>", summary="Stop sharing one", access=Access.ADMIN, returns={204: None})
def unshare_config(path: IdPath) -> Response:
    services().administration.unshare(actor(), parse_id(path.id))
    return no_content()


@routes.get(
    "/admin/prompts", summary="Built-in and shared prompts", access=Access.ADMIN, returns={200: SharedPromptsAnswer}
)
def shared_prompts() -> Response:
    return answer_list(SharedPromptAnswer, services().administration.shared_prompts())


@routes.delete("/admin/prompts/<id>", summary="Stop sharing one", access=Access.ADMIN, returns={204: None})
def unshare_prompt(path: IdPath) -> Response:
    services().administration.unshare_prompt(actor(), parse_id(path.id))
    return no_content()


@routes.get("/admin/limits", summary="Limits by rule", access=Access.ADMIN, returns={200: RulesAnswer})
def get_limits() -> Response:
    return answer({"items": services().instance.refresh().limit_rules})


@routes.put("/admin/limits", summary="Set the limits", access=Access.ADMIN, returns={200: RulesAnswer})
def set_limits(body: RulesBody) -> Response:
    """All of them; what is not among them is no longer a limit."""
    settings = services().instance.change(actor(), {"limit_rules": body.model_dump()["items"]})
    return answer({"items": settings.limit_rules})


@routes.get("/admin/budgets", summary="All budgets", access=Access.ADMIN, returns={200: BudgetsAnswer})
def list_budgets() -> Response:
    return answer({"items": [_budget(one) for one in services().budgets.refresh()]})


@routes.put("/admin/budgets", summary="Set a budget", access=Access.ADMIN, returns={200: BudgetAnswer})
def set_budget(body: BudgetBody) -> Response:
    """One of that scope, account, unit and period that is there already gets the new amount; its count goes on."""
    return answer(_budget(services().budgets.put(actor(), body.budget())))


@routes.delete("/admin/budgets/<id>", summary="Remove a budget", access=Access.ADMIN, returns={204: None})
def delete_budget(path: IdPath) -> Response:
    services().budgets.delete(actor(), parse_id(path.id))
    return no_content()


@routes.get("/admin/prices", summary="Prices set here", access=Access.ADMIN, returns={200: PricesAnswer})
def list_prices() -> Response:
    return answer({"items": [_price(one) for one in services().prices.refresh()]})


@routes.put("/admin/prices", summary="Set a model's price", access=Access.ADMIN, returns={200: PriceAnswer})
def set_price(body: PriceBody) -> Response:
    """It stands above what the provider and the tables say, for calls that end from now on."""
    price = body.price()
    services().prices.put(actor(), price)
    return answer(_price(price))


@routes.delete("/admin/prices", summary="Take a price back", access=Access.ADMIN, returns={204: None})
def delete_price(query: PriceQuery) -> Response:
    services().prices.delete(actor(), query.provider, query.model)
    return no_content()


@routes.get("/admin/providers", summary="Health of providers", access=Access.ADMIN, returns={200: ProvidersHealth})
def provider_health() -> Response:
    return answer({"items": services().administration.providers()})


@routes.get("/admin/audit", summary="The audit log, newest first", access=Access.ADMIN, returns={200: AuditAnswer})
def audit_log(query: AuditQuery) -> Response:
    sought = Sought(query.user_id, query.action, query.target, query.cursor, query.limit)
    page = services().audit.page(sought)
    return answer({"items": [_entry(one) for one in page.items], "next_cursor": page.next_cursor})


def _budget(budget: Budget) -> dict[str, Any]:
    amounts: dict[str, Any] = {"tokens": budget.amount, "dollars": None}
    if budget.unit == "cost":
        amounts = {"tokens": None, "dollars": budget.value(budget.amount)}
    return {name: getattr(budget, name) for name in ("id", "scope", "user_id", "period")} | amounts


def _price(price: ModelPrice) -> dict[str, Any]:
    rates = {name: in_dollars(getattr(price, name)) for name in RATES}
    return {"provider": price.provider, "model": price.model, "updated_at": price.updated_at} | rates


def _entry(entry: Entry) -> dict[str, Any]:
    who = {name: getattr(entry.actor, name) for name in ("user_id", "username", "address", "request_id")}
    return {
        "id": entry.id,
        "at": entry.at,
        "action": entry.action,
        "target": entry.target,
        "detail": entry.detail,
    } | who
