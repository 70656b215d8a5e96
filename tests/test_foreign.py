"""Packages from elsewhere are checked by their hash; where they cannot be had, tests skip, and fail under CI."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests import foreign


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(f"llm==0.36 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(foreign, "PYTHON_LOCK", path)
    monkeypatch.setattr(foreign, "_failed", {})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return path


def test_what_cannot_be_had_skips_on_a_laptop(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="clients could not be installed"):
        foreign.python()


def test_what_cannot_be_had_fails_under_ci(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    for _ in range(2):  # the second time without trying again
        with pytest.raises(pytest.fail.Exception, match="clients could not be installed"):
            foreign.python()
    assert not list(lock.parent.glob("parley-*/done"))


def test_a_set_is_made_once_and_from_the_start_after_a_broken_try(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def make(home: Path) -> None:
        home.mkdir()  # fails where a broken try has left something
        made.append(home)
        if len(made) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        foreign._once(lock, "sample", make)
    assert foreign._once(lock, "sample", make) == foreign._once(lock, "sample", make) == made[0]
    assert len(made) == 2
    lock.write_text("another lock")
    assert foreign._once(lock, "sample", make) != made[0]
