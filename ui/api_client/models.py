"""Models: what can be chosen, and the keys and servers that people brought."""

from __future__ import annotations

from typing import Any

from ui.api_client.calls import Caller, one_id
from ui.api_client.records import ModelCatalogue, ModelConfig


class Models(Caller):
    def models(self) -> ModelCatalogue:
        return ModelCatalogue.read(self._call("GET", "/v1/models"))

    def model_configs(self) -> list[ModelConfig]:
        return [ModelConfig.read(entry) for entry in self._call("GET", "/model-configs").get("items") or []]

    def create_model_config(self, fields: dict[str, Any]) -> ModelConfig:
        return ModelConfig.read(self._call("POST", "/model-configs", json=fields))

    def delete_model_config(self, config_id: str) -> None:
        self._call("DELETE", f"/model-configs/{one_id(config_id)}")
