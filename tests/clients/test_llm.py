"""The command line tool `llm`, by its own words and by its exit codes."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import foreign
from tests.clients.conftest import Place
from tests.clients.test_sdks import ran

pytestmark = pytest.mark.xdist_group("clients")
MODEL = "openai/obliging"
WEATHER = 'def weather(city: str):\n    "The weather"\n    return "rain in " + city'


def test_what_it_is_told_once(place: Place, tmp_path: Path) -> None:
    """Its own list of models, a stored key, counts and a log: what the documentation shows."""
    settings = {"model_id": "parley", "model_name": MODEL, "api_base": place.url, "api_key_name": "parley"}
    settings |= {"supports_tools": True}  # type: ignore[dict-item]
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps([settings]))

    def llm(*arguments: str) -> subprocess.CompletedProcess[str]:
        return ran(foreign.python("llm"), *arguments, LLM_USER_PATH=str(tmp_path))

    assert llm("keys", "set", "parley", "--value", place.key).returncode == 0
    assert "OpenAI Chat: parley" in llm("models").stdout
    streamed = llm("-m", "parley", "--usage", "hello you")
    assert (streamed.returncode, streamed.stdout.strip()) == (0, "You said: hello you"), streamed.stderr
    whole = llm("-m", "parley", "--usage", "--no-stream", "hello you")
    assert whole.stdout == streamed.stdout
    assert "Token usage" in whole.stderr
    assert whole.stderr == streamed.stderr
    called = llm("-m", "parley", "--functions", WEATHER, "--tools-debug", "Oslo")
    assert "rain in Oslo" in called.stderr
    assert called.stdout.strip() == "You said: rain in Oslo"


def test_an_address_and_what_is_refused(place: Place, tmp_path: Path) -> None:
    def llm(key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (foreign.python("llm"), "openai", "endpoint", place.url, "--key", key, *arguments)
        return ran(*command, LLM_USER_PATH=str(tmp_path))

    asked = [
        (place.key, "--models"),
        ("parley-nobody", "-m", MODEL, "hello"),
        (place.key, "-m", "nothing/here", "hello"),
        (place.spent, "-m", MODEL, "hello"),
        (place.key, "-m", MODEL, "-o", "max_tokens", "0", "hello"),
    ]
    with ThreadPoolExecutor(2) as pool:
        listed, *refused = pool.map(lambda arguments: llm(*arguments), asked)
    assert {MODEL, "openai/obliging-too"} <= set(listed.stdout.split())
    for answer, status in zip(refused, (401, 404, 429, 400), strict=True):
        assert answer.returncode == 1
        assert answer.stderr.startswith(f"Error: Error code: {status}"), answer.stderr
