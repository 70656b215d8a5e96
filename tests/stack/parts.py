"""What every test of a running stack needs: where it is, somebody signed in, one request."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import urllib.request
import uuid
from typing import Any

URL = os.environ.get("STACK_URL", "").rstrip("/")  # noqa: TID251
PAGE = os.environ.get("STACK_PAGE_URL", "").rstrip("/")  # noqa: TID251
CODE = os.environ.get("STACK_SETUP_CODE")  # noqa: TID251
COMPOSE = shlex.split(os.environ.get("STACK_COMPOSE", ""))  # noqa: TID251
DOCKER = shlex.split(os.environ.get("STACK_DOCKER", "docker"))  # noqa: TID251
PASSWORD = "correct horse battery"
DEMO = "demo/demo"


def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    request = urllib.request.Request(URL + path, data, sent, method=method)
    return urllib.request.urlopen(request, timeout=60)


def register() -> str:
    """Somebody new, by name. The set-up code is read for the first account alone."""
    name = f"s{uuid.uuid4().hex[:12]}"
    person = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
    ask("POST", "/auth/register", person | ({"setup_code": CODE} if CODE else {})).close()
    return name


def sign_in(name: str) -> dict[str, str]:
    """The headers that say who it is."""
    login = json.load(ask("POST", "/auth/login", {"username": name, "password": PASSWORD}))
    return {"Authorization": f"Bearer {login['access_token']}"}


def somebody() -> dict[str, str]:
    return sign_in(register())


def chat(headers: dict[str, str]) -> str:
    return str(json.load(ask("POST", "/chats", {}, **headers))["id"])


def run(command: list[str], *words: str) -> str:
    """What COMPOSE or DOCKER says to these words."""
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def containers(service: str = "api") -> list[str]:
    return run(COMPOSE, "ps", "--quiet", service).split()


def healthy(container: str) -> bool:
    return run(DOCKER, "inspect", "--format", "{{.State.Health.Status}}", container).strip() == "healthy"


def all_healthy() -> bool:
    return all(healthy(container) for container in containers())
