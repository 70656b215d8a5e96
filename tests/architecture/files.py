"""The repository's own files, as git sees them."""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {".git", ".venv", "__pycache__", "data", "node_modules", "output", "build", "dist"}


@lru_cache(maxsize=1)
def tracked() -> tuple[Path, ...]:
    """Tracked files and new ones that are not ignored; in an unpacked archive, everything but the tools' folders."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
        paths = [ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [path for path in ROOT.rglob("*") if not NOT_OURS & set(path.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in paths if path.is_file()))


def python_files(*folders: str) -> list[Path]:
    """The .py files under these folders of the repository."""
    wanted = tuple(ROOT / folder for folder in folders)
    return [path for path in tracked() if path.suffix == ".py" and any(path.is_relative_to(it) for it in wanted)]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
