"""One real server on each database, with a real provider behind it, for all dialects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import image_router
from tests.answers import Answers
from tests.dialects.slack import SECRET
from tests.providers.test_embeddings import SERVER
from tests.server import Server, running_server
from tests.upstream import Upstream

API_KEY = "the-key-of-the-operator-42"


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with Upstream() as up:
        yield up


@pytest.fixture(scope="session")
def vectors() -> Iterator[Answers]:
    """What makes embeddings: for servers that speak OpenAI's protocol, behind Mistral's name."""
    with Answers(SERVER) as server:
        yield server


@pytest.fixture(scope="session")
def slack_host() -> Iterator[Answers]:
    """Where later answers to Slack go."""
    with Answers({}) as host:
        host.otherwise = {"ok": True}
        yield host


@pytest.fixture(scope="session")
def drawings() -> Iterator[Answers]:
    """What makes images: an ImageRouter."""
    with image_router.running() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest,
    upstream: Upstream,
    vectors: Answers,
    slack_host: Answers,
    drawings: Answers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("dialects")
    bases = {f"{vendor}_BASE_URL": upstream.url for vendor in ("ANTHROPIC", "GEMINI", "OLLAMA")}
    bases |= {"OPENAI_BASE_URL": f"{upstream.url}/v1", "MISTRAL_BASE_URL": f"{vectors.url}/v1"}
    bases |= {"API_KEY": API_KEY, "SLACK_SIGNING_SECRET": SECRET, "SLACK_RESPONSE_ORIGIN": slack_host.url}
    bases |= {"ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{slack_host.port}"}
    bases |= {"IMAGEROUTER_BASE_URL": f"{drawings.url}/v1/openai"}
    if request.param == "sqlite":
        with running_server(f"sqlite:///{folder}/parley.db", folder, **bases) as started:
            yield started
        return
    with request.getfixturevalue("postgres").database() as url, running_server(url, folder, **bases) as started:
        yield started
