"""What the documents tell to type: each command is run or parsed by a test of its kind (tests/test_documents.py)."""

from __future__ import annotations

import argparse
import re
import shlex
from typing import Any

import yaml

from tests.server import ROOT

PAGES = [ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "bench/README.md")]
PAGES += sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "errors.md")
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
INDENTED = re.compile(r"^ {4}(\S.*)$", re.M)
INLINE = re.compile(r"`([^`\n]+)`")
PROGRAMS = "curl docker flask git llm make npm npx openssl pip podman psql python python3 sudo wget ."
PROGRAM = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(?:{'|'.join(map(re.escape, PROGRAMS.split()))}) ")


def typed(text: str) -> list[str]:
    """The commands of a page: in its blocks, there after `# or:` too, and within its sentences."""
    fenced = [line for kind, block in FENCED.findall(text) if kind == "bash" for line in block.splitlines()]
    rest = FENCED.sub("", text)
    blocks = [part for line in fenced + INDENTED.findall(rest) for part in line.split("# or: ")]
    return [line.split(" #")[0].strip() for line in blocks + INLINE.findall(rest) if PROGRAM.match(line)]


def every() -> list[str]:
    return sorted({line for text in TEXTS.values() for line in typed(text)})


def compose_words() -> list[list[str]]:
    """Each `docker compose …` of the documents, without those two words."""
    return [shlex.split(line)[2:] for line in every() if line.startswith("docker compose ")]


def compose_grammar() -> argparse.ArgumentParser:
    """As much of `docker compose` as the documents and the Makefile use, with our services and profiles."""
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    profiles = {name for service in services.values() for name in service.get("profiles", ())}
    grammar = argparse.ArgumentParser("docker compose")
    grammar.add_argument("--profile", choices=[*sorted(profiles), "*"])
    commands = grammar.add_subparsers(required=True)
    some, one = {"nargs": "*", "choices": [*services, []]}, {"choices": list(services)}
    for name, flags, valued, positional in (
        ("up", "build detach wait", ("--scale",), some),
        ("down", "volumes", (), None),
        ("ps", "all", (), some),
        ("logs", "follow no-log-prefix", ("--tail",), some),
        ("start", "", (), some),
        ("stop", "", (), some),
        ("config", "quiet", (), None),
        ("port", "", (), one),
        ("exec", "", (), one),
        ("run", "rm no-deps", (), one),
    ):
        command = commands.add_parser(name)
        for flag in flags.split():
            command.add_argument(f"--{flag}", action="store_true")
        for flag in valued:
            command.add_argument(flag)
        if positional:
            command.add_argument("service", **positional)  # type: ignore[arg-type]
        if name in ("port", "exec", "run"):
            command.add_argument("words", nargs=argparse.REMAINDER)
    return grammar
