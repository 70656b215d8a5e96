"""A real API, a real page and a real Chromium: one set for a test process, on free ports, with data of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.answers import Answers, ollama, pulled
from tests.browser.person import PATIENCE, Person
from tests.conftest import SECRETS, missing
from tests.dialects.slack import SECRET as SLACK_SECRET
from tests.image_router import image_router
from tests.server import ROOT, Server, free_port, running_server, until
from tests.upstream import Upstream

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class PageServer:
    """`streamlit run ui/asgi.py`, as people start it: from the repository's root."""

    def __init__(self, api: Server, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "page.log"
        self._read = 0
        self._environment = {
            "PATH": os.environ["PATH"],  # noqa: TID251
            "HOME": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "API_URL": f"http://127.0.0.1:{api.port}",
            "PAGE_SECRET": SECRETS["page_secret"],
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "ui/asgi.py", "--server.port", str(self.port)]
        command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        until(self._healthy, what="the page")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def errors(self) -> str:
        """What scripts failed with since this was asked last."""
        text = self._log.read_text(errors="replace")[self._read :]
        self._read += len(text)
        return text[-4000:] if "the page's script failed" in text else ""

    def _healthy(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text(errors="replace")
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="package")  # not longer: its event loop would run beside other tests
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        missing("Chromium: none of " + ", ".join(names) + " is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


class Downloads:
    """An Ollama that holds its download at a half until `go` is set."""

    def __init__(self) -> None:
        self.models: dict[str, int] = {}
        self.go = threading.Event()

    def steps(self, body: Any) -> Iterator[dict[str, Any]]:
        whole = list(pulled(total=2_000_000_000))
        yield from (whole[0], whole[2])  # a step of the same layer within a second would not be told
        assert self.go.wait(PATIENCE)
        yield from whole[3:]
        self.models[f"{body['model']}:latest"] = 4096


@pytest.fixture(scope="package")
def downloads() -> Iterator[tuple[Downloads, Answers]]:
    held = Downloads()
    with Answers(ollama(held.models, held.steps)) as server:
        yield held, server
        held.go.set()


@pytest.fixture(scope="package")
def upstream() -> Iterator[Upstream]:
    """What keys for OpenAI reach here."""
    with Upstream() as up:
        yield up


class Painter:
    """An ImageRouter on loopback. What is wanted "slowly" waits until `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        path, answered = next(iter(image_router().items()))

        def drawn(body: Any) -> Any:
            assert "slowly" not in body["prompt"] or self.go.wait(PATIENCE / 1000)
            return answered(body)

        self.server = Answers({path: drawn, "/v1/openai/models": {"data": [{"id": "openai/gpt-image-2"}]}})


@pytest.fixture(scope="package")
def painter() -> Iterator[Painter]:
    painter = Painter()
    with painter.server:
        yield painter
        painter.go.set()


def as_served(upstream: Upstream, local: Answers, painter: Painter) -> dict[str, str]:
    """Keys for OpenAI and ImageRouter lead to ours, one Ollama on this machine may be called, and there is a Slack."""
    return {
        "OPENAI_BASE_URL": f"{upstream.url}/v1",
        "IMAGEROUTER_BASE_URL": f"{painter.server.url}/v1/openai",
        "ALLOWED_PRIVATE_HOSTS": local.url.removeprefix("http://"),
        "SLACK_SIGNING_SECRET": SLACK_SECRET,
    }


@contextlib.contextmanager
def served(database_url: str, folder: Path, **environment: str) -> Iterator[Server]:
    with running_server(database_url, folder, PAGE_SECRET=SECRETS["page_secret"], **environment) as server:
        server.person("root")  # the first account is the administrator's
        yield server


@pytest.fixture(scope="package")  # not longer: its event loop would run beside other tests
def api(
    chromium: Browser,
    upstream: Upstream,
    downloads: tuple[Downloads, Answers],
    painter: Painter,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("browser-api")
    with served(f"sqlite:///{folder}/parley.db", folder, **as_served(upstream, downloads[1], painter)) as server:
        yield server


@pytest.fixture(scope="package")  # not longer: its event loop would run beside other tests
def page_server(api: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    server = PageServer(api, tmp_path_factory.mktemp("browser-page"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def browser_of_its_own(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def someone(chromium: Browser, page_server: PageServer) -> Iterator[Person]:
    """A browser of its own with an account that nobody had before, not yet made."""
    with browser_of_its_own(chromium) as context:
        yield Person(context, page_server.url, f"p{uuid.uuid4().hex[:10]}")
    assert not page_server.errors()


def as_root(person: Person) -> Person:
    person.name, person.password = "root", "root has a long password"
    person.sign_in()
    person.sees_empty_chat()
    return person


@pytest.fixture
def other(chromium: Browser, page_server: PageServer) -> Iterator[Person]:
    """A second browser beside `someone`'s, with an account that the test makes."""
    with browser_of_its_own(chromium) as context:
        yield Person(context, page_server.url, f"o{uuid.uuid4().hex[:10]}")


@pytest.fixture
def root(someone: Person) -> Person:
    """The administrator, signed in and on an empty chat."""
    return as_root(someone)


@pytest.fixture
def ada(someone: Person) -> Person:
    """Registered and on an empty chat."""
    someone.register()
    return someone
