"""The command line tool `llm`, by its own words and by its exit codes."""

from __future__ import annotations

import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import foreign
from tests.clients.conftest import Place
from tests.clients.test_sdks import ran
from tests.documents import TEXTS, typed

pytestmark = pytest.mark.xdist_group("clients")
MODEL = "openai/obliging"
WEATHER = 'def weather(city: str):\n    "The weather"\n    return "rain in " + city'


def test_what_it_is_told_once(place: Place, tmp_path: Path) -> None:
    """What docs/clients.md tells to type and to write, as it stands there; counts and tools besides."""
    section = TEXTS["docs/clients.md"].partition("\n## llm\n")[2].partition("\n## ")[0]
    for shown, real in (("https://parley.example.com/v1", place.url), ("openai/gpt-4o", MODEL)):
        section = section.replace(shown, real)
    stored, listed, asked, called, where = (shlex.split(line)[1:] for line in typed(section))
    (tmp_path / "extra-openai-models.yaml").write_text("\n".join(re.findall(r"^ {4}([- ] .*)$", section, re.M)))

    def llm(*arguments: str) -> subprocess.CompletedProcess[str]:
        return ran(foreign.python("llm"), *arguments, LLM_USER_PATH=str(tmp_path))

    assert llm(*stored, "--value", place.key).returncode == 0
    assert {MODEL, "openai/obliging-too"} <= set(llm(*listed).stdout.split())
    assert llm(*asked).stdout.strip() == "You said: hello"
    assert Path(llm(*where).stdout.strip()).parent == tmp_path
    assert "OpenAI Chat: parley" in llm("models").stdout
    streamed = llm(*called, "--usage", "hello you")
    assert (streamed.returncode, streamed.stdout.strip()) == (0, "You said: hello you"), streamed.stderr
    whole = llm("-m", "parley", "--usage", "--no-stream", "hello you")
    assert whole.stdout == streamed.stdout
    assert "Token usage" in whole.stderr
    assert whole.stderr == streamed.stderr
    with_tool = llm(*called, "--functions", WEATHER, "--tools-debug", "Oslo")
    assert "rain in Oslo" in with_tool.stderr
    assert with_tool.stdout.strip() == "You said: rain in Oslo"


def test_an_address_and_what_is_refused(place: Place, tmp_path: Path) -> None:
    def llm(key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (foreign.python("llm"), "openai", "endpoint", place.url, "--key", key, *arguments)
        return ran(*command, LLM_USER_PATH=str(tmp_path))

    asked = [
        ("parley-nobody", "-m", MODEL, "hello"),
        (place.key, "-m", "nothing/here", "hello"),
        (place.spent, "-m", MODEL, "hello"),
        (place.key, "-m", MODEL, "-o", "max_tokens", "0", "hello"),
    ]
    with ThreadPoolExecutor(2) as pool:
        refused = list(pool.map(lambda arguments: llm(*arguments), asked))
    for answer, status in zip(refused, (401, 404, 429, 400), strict=True):
        assert answer.returncode == 1
        assert answer.stderr.startswith(f"Error: Error code: {status}"), answer.stderr
