"""/model-configs: providers, keys and defaults."""

from __future__ import annotations

from flask import Response

from api.web.answers import answer, answer_list, no_content, pick
from api.web.context import principal, services
from api.web.handover import StreamResponse
from api.web.openapi import Access, IdPath, Routes
from api.web.replies import refuse_if_full
from api.web.schemas.model_configs import (
    ModelConfigAnswer,
    ModelConfigChange,
    ModelConfigsAnswer,
    ModelConfigTrial,
    NewModelConfig,
)
from api.web.trials import Trial, trial_value

routes = Routes("model-configs", "Providers, keys and defaults")


@routes.get("/model-configs", summary="Own and shared configs", access=Access.READ, returns={200: ModelConfigsAnswer})
def list_model_configs() -> Response:
    return answer_list(ModelConfigAnswer, services().model_configs.list(principal()))


@routes.post("/model-configs", summary="Add a config", access=Access.ACCOUNT, returns={201: ModelConfigAnswer})
def create_model_config(body: NewModelConfig) -> Response:
    created = services().model_configs.create(principal(), body.model_dump(exclude_unset=True))
    return answer(pick(ModelConfigAnswer, created), 201)


@routes.get("/model-configs/<id>", summary="One config", access=Access.READ, returns={200: ModelConfigAnswer})
def get_model_config(path: IdPath) -> Response:
    return answer(pick(ModelConfigAnswer, services().model_configs.get(principal(), path.id)))


@routes.patch("/model-configs/<id>", summary="Change a config", access=Access.ACCOUNT, returns={200: ModelConfigAnswer})
def change_model_config(path: IdPath, body: ModelConfigChange) -> Response:
    changed = services().model_configs.change(principal(), path.id, body.values())
    return answer(pick(ModelConfigAnswer, changed))


@routes.delete("/model-configs/<id>", summary="Delete a config", access=Access.ACCOUNT, returns={204: None})
def delete_model_config(path: IdPath) -> Response:
    services().model_configs.delete(principal(), path.id)
    return no_content()


@routes.post(
    "/model-configs/<id>/test",
    summary="One tiny call with this config",
    access=Access.ACCOUNT,
    generates=True,
    returns={200: ModelConfigTrial},
)
def try_model_config(path: IdPath) -> Response:
    if (tried := services().images.try_out(principal(), path.id)) is not None:
        return answer(trial_value(tried))
    refuse_if_full()
    begun = services().completions.try_out(principal(), path.id)
    follower = services().generations.follow_new(principal(), begun.generation_id)
    # the loop waits: a client that leaves ends the call
    return StreamResponse(follower, Trial(begun), content_type="application/json", ping=b"", whole=True, late=True)
