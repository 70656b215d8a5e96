"""What the container files promise, read from the files themselves. They are run for real by tests/stack."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cli.generated import PAGE_SETTINGS
from tests.server import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILES = ("Dockerfile.api", "Dockerfile.ui")


def test_only_the_proxy_is_published_and_on_this_machine_alone() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert all(port.startswith("${BIND:-127.0.0.1}:") for port in SERVICES["proxy"]["ports"])


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_has_more_power_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "mem_limit" in service
    if name != "db":
        assert service["read_only"] is True
        assert "cap_add" not in service


def test_a_number_of_replicas_outlives_the_next_up() -> None:
    """`up` for a profile or an upgrade brings `--scale` back to what stands here."""
    assert SERVICES["api"]["scale"] == "${API_REPLICAS:-1}"


def test_what_runs_on_the_machine_itself_has_a_name() -> None:
    """Docker on Linux gives none by itself; docs/troubleshooting.md names it for an Ollama there."""
    name, _, address = SERVICES["api"]["extra_hosts"][0].partition(":")
    assert address == "host-gateway"
    assert name in (ROOT / "docs" / "troubleshooting.md").read_text()


def test_the_page_sees_nothing_but_its_own_secret() -> None:
    assert SERVICES["ui"]["volumes"] == ["page-secret:/page-secret:ro"]
    assert "env_file" not in SERVICES["ui"]


def test_the_page_takes_its_settings_from_where_all_others_stand() -> None:
    given: dict[str, str] = SERVICES["ui"]["environment"]
    for name, *_ in PAGE_SETTINGS:
        assert name == "UI_HOST" or given[name].startswith(f"${{{name}:-"), name


def test_nothing_secret_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search("SECRET|KEY|PEPPER|PASSWORD", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}={value}"


def test_whoever_needs_another_waits_until_it_is_healthy() -> None:
    for name in ("migrate", "api", "ui", "proxy"):
        needed = SERVICES[name]["depends_on"]
        assert needed
        assert {one["condition"] for one in needed.values()} <= {"service_healthy", "service_completed_successfully"}
    for name in ("db", "proxy", "ollama"):
        assert "healthcheck" in SERVICES[name]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_an_image_is_built_from_the_lock_and_runs_as_nobody_special(name: str) -> None:
    text = (ROOT / name).read_text()
    final = text.rpartition("\nFROM ")[2]
    assert "--require-hashes" in text
    assert "HEALTHCHECK" in final
    assert re.search(r"^USER 10001$", final, re.M)
    assert "pip install" not in final
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.M):
        assert (ROOT / source).exists(), source


def test_the_secrets_are_made_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "api.secrets_file", f"{tmp_path}/a", "ONE", "TWO", f"{tmp_path}/b", "THREE"]
    subprocess.run(command, cwd=ROOT, check=True)
    made = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert sorted(made) == ["a/ONE", "a/TWO", "b/THREE"]
    assert all(re.fullmatch(r"[0-9a-f]{64}\n", text) for text in made.values())
    assert len(set(made.values())) == 3
    subprocess.run(command, cwd=ROOT, check=True)
    assert all((tmp_path / name).read_text() == text for name, text in made.items())
    subprocess.run(command, cwd=ROOT, check=True, env={"TWO": "given"})
    assert (tmp_path / "a/TWO").read_text() == "given\n"
    assert (tmp_path / "a/ONE").read_text() == made["a/ONE"]


def test_the_proxys_files_are_what_compose_gives_it() -> None:
    plain = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume) for volume in SERVICES["proxy"]["volumes"]]
    for path in plain:
        assert (ROOT / path.split(":")[0]).exists(), path
