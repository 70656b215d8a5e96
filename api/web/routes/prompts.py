"""/prompts: the library, its versions, and which one is active."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response

from api.domain.prompts import Prompt, variables
from api.web.answers import answer, no_content, pick
from api.web.context import principal, services
from api.web.openapi import Access, IdPath, Routes
from api.web.schemas.prompts import (
    NewPrompt,
    PromptAnswer,
    PromptChange,
    PromptsAnswer,
    PromptsQuery,
    RenderedAnswer,
    Values,
    VariableAnswer,
    VersionPath,
    VersionsAnswer,
)

routes = Routes("prompts", "The prompt library")


@routes.get("/prompts", summary="Prompts of the library", access=Access.READ, returns={200: PromptsAnswer})
def list_prompts(query: PromptsQuery) -> Response:
    active = principal().active_prompt_id
    found = services().prompts.library(principal(), query.q, query.tag)
    return answer({"items": [_shown(prompt, active) for prompt in found]})


@routes.post("/prompts", summary="Add a prompt", access=Access.CHAT, returns={201: PromptAnswer})
def create_prompt(body: NewPrompt) -> Response:
    return answer(_shown(services().prompts.create(principal(), body.model_dump())), 201)


@routes.get("/prompts/<id>", summary="A prompt", access=Access.READ, returns={200: PromptAnswer})
def get_prompt(path: IdPath) -> Response:
    return answer(_shown(services().prompts.get(principal(), path.id), principal().active_prompt_id))


@routes.patch("/prompts/<id>", summary="Save a prompt", access=Access.CHAT, returns={200: PromptAnswer})
def change_prompt(path: IdPath, body: PromptChange) -> Response:
    prompt = services().prompts.change(principal(), path.id, body.values(), body.version)
    return answer(_shown(prompt, principal().active_prompt_id))


@routes.delete("/prompts/<id>", summary="Delete a prompt", access=Access.CHAT, returns={204: None})
def delete_prompt(path: IdPath) -> Response:
    services().prompts.delete(principal(), path.id)
    return no_content()


@routes.post(
    "/prompts/<id>/activate", summary="Make it the active one", access=Access.CHAT, returns={200: PromptAnswer}
)
def activate_prompt(path: IdPath) -> Response:
    prompt = services().prompts.activate(principal(), path.id)
    return answer(_shown(prompt, prompt.id))


@routes.post("/prompts/<id>/deactivate", summary="Have none active", access=Access.CHAT, returns={204: None})
def deactivate_prompt(path: IdPath) -> Response:
    services().prompts.deactivate(principal(), path.id)
    return no_content()


@routes.get("/prompts/<id>/versions", summary="Its versions", access=Access.READ, returns={200: VersionsAnswer})
def list_versions(path: IdPath) -> Response:
    found = services().prompts.versions(principal(), path.id)
    shown = ("number", "name", "content", "description", "tags", "created_at")
    return answer({"items": [{name: getattr(one, name) for name in shown} | {"diff": diff} for one, diff in found]})


@routes.post(
    "/prompts/<id>/versions/<number>/restore",
    summary="Go back to a version",
    access=Access.CHAT,
    returns={200: PromptAnswer},
)
def restore_version(path: VersionPath) -> Response:
    prompt = services().prompts.restore(principal(), path.id, path.number)
    return answer(_shown(prompt, principal().active_prompt_id))


@routes.post("/prompts/<id>/render", summary="Fill its variables", access=Access.READ, returns={200: RenderedAnswer})
def render_prompt(path: IdPath, body: Values) -> Response:
    text, missing = services().prompts.render(principal(), path.id, body.values)
    return answer({"text": text, "missing": missing})


def _shown(prompt: Prompt, active_id: UUID | None = None) -> dict[str, Any]:
    asked = [pick(VariableAnswer, variable) for variable in variables(prompt.content)]
    whose = {"own": prompt.user_id == principal().user_id, "built_in": prompt.built_in}
    return pick(PromptAnswer, prompt, variables=asked, is_active=prompt.id == active_id, **whose)
