"""The running containers from inside: who they are, what they may do, what is in them; and an operator's commands."""

from __future__ import annotations

import itertools
import json
import subprocess
from urllib.error import HTTPError

import pytest

from tests.documents import compose_words
from tests.server import until
from tests.stack.parts import COMPOSE, DOCKER, URL, all_healthy, ask, chat, containers, register, run, sign_in

pytestmark = [
    pytest.mark.skipif(not (URL and COMPOSE), reason="no stack to handle: set STACK_URL and STACK_COMPOSE"),
    pytest.mark.timeout(300),
]
TOOLS = ("cc", "gcc", "g++", "clang", "make", "ld", "as", "cargo", "git", "curl", "wget", "apt-key")
SERVICES = ("api", "backup")
FLASK = ("flask", "--app", "api.cli")
ONCE = ("--profile", "backup", "run", "--rm", "--no-TTY", "--no-deps", "backup")
WITHIN = """
import json, os, shutil, sys
from pathlib import Path
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
writable = []
for place in ("/", "/srv/parley", "/venv", "/etc", "/usr/local", "/secrets", "/page-secret"):
    try:
        Path(place, "probe").touch()
        writable.append(place)
    except OSError:
        pass
ours = [path for root in ("/srv/parley", "/venv") for path in Path(root).rglob("*")]
print(json.dumps({
    "user": os.getuid(), "capabilities": status["CapEff"].strip(), "no new": status["NoNewPrivs"].strip(),
    "writable": writable, "tools": [name for name in sys.argv[1:] if shutil.which(name)],
    "tests": [str(path) for path in ours if path.name in ("tests", "conftest.py", "pytest")],
    "pip": [str(path) for path in ours if path.name == "pip"],
}))
"""


@pytest.mark.parametrize("service", ["api", "ui"])
def test_it_is_nobody_special_and_holds_what_it_needs(service: str) -> None:
    found = json.loads(run(COMPOSE, "exec", "--no-TTY", service, "python", "-c", WITHIN, *TOOLS))
    assert found == {
        "user": 10001,
        "capabilities": "0" * 16,
        "no new": "1",
        "writable": [],
        "tools": [],
        "tests": [],
        "pip": [],
    }


@pytest.mark.parametrize("service", ["api", "ui"])
def test_its_image_has_labels_and_a_health_check_with_python(service: str) -> None:
    image = run(DOCKER, "inspect", "--format", "{{.Image}}", containers(service)[0]).strip()
    (told,) = json.loads(run(DOCKER, "image", "inspect", image))
    labels = told["Config"]["Labels"]
    assert {f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses")} <= set(labels)
    assert told["Config"]["Healthcheck"]["Test"][:2] == ["CMD", "python"]
    assert told["Config"]["User"] == "10001"


def test_every_container_has_a_limit_and_only_the_proxy_is_published() -> None:
    for service in ("db", "api", "ui", "proxy"):
        (told,) = json.loads(run(DOCKER, "inspect", containers(service)[0]))
        host = told["HostConfig"]
        assert host["Memory"] > 0, service
        assert host["CapDrop"] == ["ALL"]
        assert bool(host["PortBindings"]) == (service == "proxy")
        assert told["State"]["Health"]["Status"] == "healthy"


def test_a_backup_is_restored_in_place() -> None:
    name = register()
    before = sign_in(name)
    kept = chat(before)
    assert ", verified." in run(COMPOSE, *ONCE, *FLASK, "backup", "/backups/stack.zip")
    assert ", as written." in run(COMPOSE, *ONCE, *FLASK, "verify", "/backups/stack.zip")
    lost = chat(before)
    run(COMPOSE, "stop", "api")
    try:
        told = run(COMPOSE, *ONCE, *FLASK, "restore", "/backups/stack.zip", "--replace")
    finally:
        run(COMPOSE, *ONCE, "rm", "/backups/stack.zip")
        run(COMPOSE, "start", "api")
    until(all_healthy, 120, "the API")
    assert told.endswith("All sessions have ended.\n")
    until(lambda: not refused("GET", "/ready"), 60, "the proxy to find it")
    assert refused("GET", "/chats", **before) == 401
    items = json.load(ask("GET", "/chats", **sign_in(name)))["items"]
    assert [item["id"] for item in items] == [kept]
    assert lost != kept


def refused(method: str, path: str, **headers: str) -> int:
    """The status of a refusal, 0 where there is none."""
    try:
        ask(method, path, **headers).close()
    except HTTPError as error:
        error.close()
        return error.code
    return 0


def test_the_commands_of_the_documents_work_in_a_container(headers: dict[str, str]) -> None:
    assert headers, "there is an account"
    for words, told in (
        (("doctor",), "ok    schema"),
        (("check-config",), "JWT_SECRET=(set)"),
        (("users", "list"), "\tadmin\t"),
        (("prune",), "Removed"),
        (("vault", "rotate"), "have the newest key"),
    ):
        assert told in run(COMPOSE, "exec", "--no-TTY", "api", *FLASK, *words)
    key = run(COMPOSE, "exec", "--no-TTY", "api", "cat", "/secrets/ENCRYPTION_KEY")
    assert len(bytes.fromhex(key)) == 32


def test_compose_itself_takes_the_commands_of_the_documents() -> None:
    """Its own reading of their options, up to where a service's name begins; the tests above run them."""
    for words in compose_words():
        profile = words[:2] if words[0] == "--profile" else []
        options = itertools.takewhile(lambda word: word not in SERVICES, words[len(profile) :])
        assert "Usage:" in run(COMPOSE, *profile, *options, "--help"), words


@pytest.mark.parametrize("value", ["changeme", "x" * 10])
def test_a_secret_that_everybody_knows_stops_the_start(value: str) -> None:
    words = ("run", "--rm", "--no-TTY", "--no-deps", "--env", "JWT_SECRET_FILE=", "--env", f"JWT_SECRET={value}")
    done = subprocess.run([*COMPOSE, *words, "migrate"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    assert "JWT_SECRET is too short, an example or published" in done.stdout + done.stderr
