"""Models: what can be chosen, and the keys and servers that people brought."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import requests

from ui.api_client.calls import Caller, one_id
from ui.api_client.errors import from_problem, unreachable
from ui.api_client.model_records import ModelCatalogue, ModelConfig
from ui.api_client.sse import EventParser


@dataclass(frozen=True)
class PullStep:
    """How far a download is: of the layer that comes now, so many bytes of so many."""

    status: str
    total: int | None = None
    completed: int | None = None


@dataclass(frozen=True)
class Trial:
    """How one tiny call with a config went: `problem` is empty where it went well."""

    model: str
    seconds: float
    problem: dict[str, Any] = field(default_factory=dict)


TRIAL_SECONDS = 600.0  # the API ends it sooner, by the provider's own timeouts


class Models(Caller):
    def models(self) -> ModelCatalogue:
        return ModelCatalogue.read(self._call("GET", "/v1/models"))

    def model_configs(self) -> list[ModelConfig]:
        return [ModelConfig.read(entry) for entry in self._call("GET", "/model-configs").get("items") or []]

    def create_model_config(self, fields: dict[str, Any]) -> ModelConfig:
        return ModelConfig.read(self._call("POST", "/model-configs", json=fields))

    def update_model_config(self, config_id: str, fields: dict[str, Any]) -> ModelConfig:
        return ModelConfig.read(self._call("PATCH", f"/model-configs/{one_id(config_id)}", json=fields))

    def delete_model_config(self, config_id: str) -> None:
        self._call("DELETE", f"/model-configs/{one_id(config_id)}")

    def try_model_config(self, config_id: str) -> Trial:
        path = f"/model-configs/{one_id(config_id)}/test"
        body = self._call("POST", path, json={}, seconds=TRIAL_SECONDS)
        return Trial(str(body.get("model") or ""), (body.get("latency_ms") or 0) / 1000, body.get("error") or {})

    def pull(self, model: str, config_id: str | None = None) -> Iterator[PullStep]:
        """An Ollama fetches a model: each step until it is there. Asking again joins the download that runs."""
        wanted = {"model": model, "model_config_id": config_id} if config_id else {"model": model}
        path = "/providers/ollama/pull"
        answer = self._signed(lambda auth: self._transport.stream(path, auth, {}, json=wanted))
        parser = EventParser()
        try:
            with closing(answer):
                for chunk in answer.iter_content(chunk_size=None):
                    for event in parser.feed(chunk):
                        if event.name == "finished":
                            return
                        if event.name == "error":
                            problem = event.data.get("problem", event.data)
                            raise from_problem(int(problem.get("status") or 502), problem, {})
                        yield PullStep(
                            str(event.data.get("status") or ""), event.data.get("total"), event.data.get("completed")
                        )
        except requests.RequestException as error:
            raise unreachable() from error
        raise unreachable("The connection was cut. The download goes on: ask for the model again.")
