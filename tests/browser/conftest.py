"""A real API, a real page and a real Chromium: one set for a test process, on free ports, with data of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.person import Person
from tests.conftest import SECRETS, missing
from tests.server import ROOT, Server, free_port, running_server, until

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


@pytest.fixture(scope="package")  # not longer: its event loop would run beside other tests
def api(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("browser-api")
    with running_server(f"sqlite:///{folder}/parley.db", folder, PAGE_SECRET=SECRETS["page_secret"]) as server:
        server.person("root")  # the first account is the administrator's
        yield server


@pytest.fixture(scope="package")  # not longer: its event loop would run beside other tests
def page_server(api: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    server = PageServer(api, tmp_path_factory.mktemp("browser-page"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def someone(chromium: Browser, page_server: PageServer) -> Iterator[Person]:
    """A browser of its own with an account that nobody had before, not yet made."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    yield Person(context, page_server.url, f"p{uuid.uuid4().hex[:10]}")
    context.close()
    assert not page_server.errors()


@pytest.fixture
def root(someone: Person) -> Person:
    """The administrator, signed in and on an empty chat."""
    someone.name, someone.password = "root", "root has a long password"
    someone.sign_in()
    someone.sees_empty_chat()
    return someone


@pytest.fixture
def ada(someone: Person) -> Person:
    """Registered and on an empty chat."""
    someone.register()
    return someone
