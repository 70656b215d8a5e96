"""Models that the operator declares: there for everybody, changed and removed with the file, never with a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from api.config import ConfigError, load
from tests.conftest import SECRETS
from tests.services.whole import Whole

HOUSE = {"name": "house", "provider": "custom", "base_url": "http://10.0.0.5:8080/v1", "model": "qwen3", "top_p": 0.9}
LOCAL = {"name": "local", "provider": "ollama", "model": "llama3.2"}


def loaded(tmp_path: Path, **content: Any) -> Any:
    (tmp_path / "parley.yml").write_text(yaml.safe_dump(content))
    environment = {name.upper(): value for name, value in SECRETS.items()}
    return load(environment | {"CONFIG_FILE": str(tmp_path / "parley.yml"), "DATA_DIR": str(tmp_path)})


def test_the_file_is_what_everybody_sees(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    def shared(*entries: dict[str, Any]) -> dict[str, Any]:
        app = make_app(model_configs=loaded(tmp_path, model_configs=list(entries)).model_configs)
        found = app.extensions["parley"].model_configs.list(ben)
        return {config.name: (config.provider, config.model, config.top_p) for config in found if config.shared}

    ben = Whole(make_app()).ben
    both = {"house": ("custom", "qwen3", 0.9), "local": ("ollama", "llama3.2", None)}
    assert shared(HOUSE, LOCAL) == both
    assert shared(HOUSE, LOCAL) == both, "a second start changes nothing"
    assert shared(HOUSE | {"model": "qwen4"})["house"][1] == "qwen4"
    assert shared() == {}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (HOUSE | {"api_key": "sk-1"}, "MODEL_CONFIGS must hold no keys"),
        (HOUSE | {"modell": "x"}, "MODEL_CONFIGS Extra inputs are not permitted"),
        ({"provider": "ollama"}, "MODEL_CONFIGS Field required"),
    ],
)
def test_what_the_file_must_not_say(entry: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        loaded(tmp_path, model_configs=[entry])


def test_a_model_that_cannot_work_stops_the_start(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    for entry, words in (
        ({"name": "x", "provider": "nobody"}, "'x': Unknown provider"),
        ({"name": "x", "provider": "openai"}, "'x': OpenAI needs an API key"),
    ):
        models = loaded(tmp_path, model_configs=[entry]).model_configs
        with pytest.raises(ConfigError, match=f"MODEL_CONFIGS {words}"):
            make_app(model_configs=models)
