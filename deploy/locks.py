"""Do the locks match what the .in files ask for? Offline; `--write` compiles them again with uv first.

Each requirements.*.txt must pin, with hashes, every requirement of its .in file to a version that it allows,
agree with the other locks, and hold no address and no path of the machine that made it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"api": [], "ui": ["api"], "dev": ["api", "ui"], "clients": []}  # each with the locks that bind it
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)(?: ; [^\\]+)? \\\n((?:    --hash=\S+.*\n)*)", re.M)
FOREIGN = re.compile(r"://|--[a-z-]*index|--find-links|--trusted-host|(?:^|[\s=@])/\S", re.M)


def asked(name: str) -> list[Requirement]:
    """The requirements of an .in file and of those it includes."""
    found: list[Requirement] = []
    for line in (ROOT / f"requirements.{name}.in").read_text(encoding="utf-8").splitlines():
        text = line.partition(" #")[0].strip()
        if included := re.fullmatch(r"-r requirements\.(\w+)\.in", text):
            found += asked(included[1])
        elif text and not text.startswith("#"):
            found.append(Requirement(text))
    return found


def pins(name: str) -> dict[str, set[str]]:
    """Package → its versions (a universal lock may hold several, by marker)."""
    found: dict[str, set[str]] = {}
    for package, version, _hashes in PIN.findall(read(name)):
        found.setdefault(canonicalize_name(package), set()).add(version)
    return found


def read(name: str) -> str:
    return (ROOT / f"requirements.{name}.txt").read_text(encoding="utf-8")


def problems(name: str) -> list[str]:
    text, pinned = read(name), pins(name)
    found = []
    for requirement in asked(name):
        versions = pinned.get(canonicalize_name(requirement.name), set())
        if not any(requirement.specifier.contains(version, prereleases=True) for version in versions):
            found.append(f"does not pin {requirement.name}{requirement.specifier} (has {sorted(versions) or 'none'})")
    found += [f"pins {package} without a hash" for package, _, hashes in PIN.findall(text) if "sha256:" not in hashes]
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    if len(lines) != len(PIN.findall(text)):
        found.append("has lines that are no pins with hashes")
    for other in LOCKS[name]:
        theirs = pins(other)
        differ = sorted(package for package in pinned.keys() & theirs.keys() if pinned[package] != theirs[package])
        found += [f"pins another {package} than requirements.{other}.txt" for package in differ]
    found += [f"names a machine or an address: {match[0].strip()!r}" for match in FOREIGN.finditer(text)]
    return [f"requirements.{name}.txt {problem}" for problem in found]


def write(options: list[str]) -> None:
    for name, bound_by in LOCKS.items():
        command = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "compile",
            "--quiet",
            "--universal",
            "--python-version",
            "3.11",
        ]
        command += ["--generate-hashes", "--no-header", *options]
        command += [part for other in bound_by for part in ("-c", f"requirements.{other}.txt")]
        command += [f"requirements.{name}.in", "-o", f"requirements.{name}.txt"]
        print(f"Compiling requirements.{name}.txt …", flush=True)
        subprocess.run(command, cwd=ROOT, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="compile the locks again; other options go to uv")
    options, others = parser.parse_known_args()
    if options.write:
        write(others)
    found = [problem for name in LOCKS for problem in problems(name)]
    for problem in found:
        print(f"{problem}; run: make lock", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
