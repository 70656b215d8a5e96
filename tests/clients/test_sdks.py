"""Each client lists models, completes, streams with its counts, calls a tool, and raises its own classes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import foreign
from tests.clients.conftest import Place

pytestmark = pytest.mark.xdist_group("clients")
HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
SDK = ("AuthenticationError", "NotFoundError", "RateLimitError", "BadRequestError")
LANGCHAIN = (
    "OpenAIAuthenticationError",
    "OpenAIModelNotFoundError",
    "OpenAIRateLimitError",
    "OpenAIInvalidRequestError",
)
SAID = ((401, "unauthenticated"), (404, "model_not_found"), (429, "rate_limited"), (400, "invalid"))


def ran(*command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A client's program, at its end."""
    env = foreign.environment(**variables)
    return subprocess.run([*map(str, command)], env=env, capture_output=True, text=True, timeout=120, check=False)


def report(command: Sequence[str | Path]) -> dict[str, Any]:
    done = ran(*command)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("program", "classes"), [("openai_python.py", SDK), ("openai_node.mjs", SDK), ("langchain_python.py", LANGCHAIN)]
)
def test_an_sdk(place: Place, program: str, classes: Sequence[str]) -> None:
    command: list[str | Path] = [foreign.python(), PROGRAMS / program, place.told()]
    if program.endswith(".mjs"):
        command = [foreign.node(), PROGRAMS / program, place.told(), foreign.modules(HERE)]
    found = report(command)
    assert {"openai/obliging", "openai/obliging-too"} <= set(found["models"])
    assert found["one"] == "openai/obliging"
    assert found["said"] == found["streamed"] == "You said: hello you"
    whole, streamed = found["usage"]
    assert whole == streamed > 0
    assert found["called"] == ["tool_calls", "weather", {"city": "hello you"}]
    assert found["after"] == "You said: rain"
    refusals = [[name, *said] for name, said in zip(classes, SAID, strict=True)]
    assert [found["errors"][case] for case in ("key", "model", "limit", "request")] == refusals
