"""/usage: what one used, what it cost, and what is left."""

from __future__ import annotations

from typing import Any

from flask import Response

from api.services.budgets import state_value
from api.services.usage import Report
from api.web.answers import answer, pick
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.usage import ChatUsageAnswer, ExportQuery, LimitAnswer, LimitsAnswer, UsageAnswer, UsageQuery

routes = Routes("usage", "Tokens, cost and limits")
EXPORT = {
    "description": "a file",
    "content": {"text/csv": {"schema": {"type": "string"}}, "application/json": {"schema": {"type": "array"}}},
}


@routes.get("/usage", summary="What one used", access=Access.READ, returns={200: UsageAnswer})
def get_usage(query: UsageQuery) -> Response:
    return answer(shown(services().usage.report(principal(), query.wanted(), query.group_by)))


@routes.get("/chats/<id>/usage", summary="What a chat used", access=Access.READ, returns={200: ChatUsageAnswer})
def get_chat_usage(path: IdPath) -> Response:
    return answer(services().usage.of_chat(principal(), path.id))


@routes.get("/usage/export", summary="The same as a file", access=Access.READ, returns={200: EXPORT})
def export_usage(query: ExportQuery) -> Response:
    return as_file(services().usage.export(principal(), query.wanted(), query.format), query.format)


@routes.get("/usage/limits", summary="What is left", access=Access.READ, returns={200: LimitsAnswer})
def get_limits() -> Response:
    limits = [pick(LimitAnswer, state) for state in services().rate_limits.look(principal())]
    budgets = [state_value(state) for state in services().budgets.states(principal())]
    return answer({"time_zone": principal().time_zone or "UTC", "limits": limits, "budgets": budgets})


def shown(report: Report) -> dict[str, Any]:
    period = {"from": report.since, "to": report.until, "group_by": report.group_by}
    return {"time_zone": report.time_zone, **period, "total": report.total, "items": report.items}


def as_file(content: bytes, form: str) -> Response:
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    return Response(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="usage.{form}"'})
