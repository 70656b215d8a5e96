"""/llm: what the LLM service's clients call."""

from __future__ import annotations

from contextlib import suppress

from flask import Response

from api.domain.errors import NotFound
from api.services.messages import Draft
from api.services.model_configs import Wish
from api.web import replies
from api.web.answers import answer
from api.web.context import principal, services
from api.web.dialects.llm_service import wire
from api.web.dialects.llm_service.schemas import (
    ConfigsAnswer,
    HistoryAnswer,
    HistoryQuery,
    ProviderMessage,
    ProviderPath,
    ProviderSettings,
    ReplyAnswer,
    SuccessAnswer,
)
from api.web.openapi import ERROR_TEXT, Access, Routes
from api.web.request_headers import ONCE
from api.web.surfaces import Surface

SURFACE = Surface("llm_service", "The LLM service's API, for clients written for it", ("/llm/",), wire.error_form)
routes = Routes("llm-service", SURFACE.about, ERROR_TEXT)


@routes.get("/llm/configs", summary="Configured providers", access=Access.READ, returns={200: ConfigsAnswer})
def list_provider_settings() -> Response:
    return answer(wire.configs(services().provider_configs.by_provider(principal())))


@routes.post(
    "/llm/config/<provider>", summary="Configure a provider", access=Access.ACCOUNT, returns={200: SuccessAnswer}
)
def save_provider_settings(path: ProviderPath, body: ProviderSettings) -> Response:
    values = wire.config_values(body.model_dump())
    services().provider_configs.save(principal(), path.provider, values)
    return answer({"success": True, "message": "Configuration saved"})


@routes.delete(
    "/llm/config/<provider>", summary="Forget a provider", access=Access.ACCOUNT, returns={200: SuccessAnswer}
)
def delete_provider_settings(path: ProviderPath) -> Response:
    services().provider_configs.delete(principal(), path.provider)
    return answer({"success": True, "message": "Configuration deleted"})


@routes.post(
    "/llm/chat/<provider>",
    summary="Ask a provider",
    access=Access.CHAT,
    generates=True,
    reads=ONCE,
    returns={200: ReplyAnswer},
)
def ask_provider(path: ProviderPath, body: ProviderMessage) -> Response:
    replies.refuse_if_full()
    provider = services().provider_configs.provider(path.provider)
    wish, system = Wish(provider=provider), body.system()
    draft = Draft(body.message, wish=wish, surface=SURFACE.name, opens={}, history=body.said(), system=system)
    sent = services().messages.send(principal(), wire.slug_of(provider), replies.marked(draft))
    follower = services().generations.follow_new(principal(), sent.generation_id)
    return replies.replayed(sent, replies.at_the_end(follower, wire.Reply(), 200))


@routes.get("/llm/history/<provider>", summary="What was said", access=Access.READ, returns={200: HistoryAnswer})
def provider_history(path: ProviderPath, query: HistoryQuery) -> Response:
    slug = wire.slug_of(services().provider_configs.provider(path.provider))
    return answer(wire.history(*services().chats.said(principal(), slug, query.limit, query.offset)))


@routes.delete(
    "/llm/history/<provider>", summary="Clear what was said", access=Access.CHAT, returns={200: SuccessAnswer}
)
def clear_provider_history(path: ProviderPath) -> Response:
    slug = wire.slug_of(services().provider_configs.provider(path.provider))
    with suppress(NotFound):  # nothing was said yet
        services().tree.clear(principal(), slug)
    return answer({"success": True, "message": "Chat history cleared"})
