"""`make check` sees a lock that does not match its .in file."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import locks

IN = "# why\nflask>=3.1,<3.2   # the framework\n"
LOCK = "flask==3.1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via -r requirements.api.in\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in locks.LOCKS:
        (tmp_path / f"requirements.{name}.in").write_text(IN)
        (tmp_path / f"requirements.{name}.txt").write_text(LOCK)
    (tmp_path / "requirements.dev.in").write_text("-r requirements.api.in\n")
    monkeypatch.setattr(locks, "ROOT", tmp_path)
    return tmp_path


def test_ours_match() -> None:
    assert [problem for name in locks.LOCKS for problem in locks.problems(name)] == []


def test_a_good_lock_has_no_problem(repository: Path) -> None:
    assert [problem for name in locks.LOCKS for problem in locks.problems(name)] == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("flask==3.1.0", "flask==3.2.0"), "does not pin flask"),
        (("flask==3.1.0", "click==8.1.0"), "does not pin flask"),
        (("    --hash=sha256:00 \\\n    --hash=sha256:11\n", ""), "without a hash"),
        (("flask==3.1.0 \\\n", "flask==3.1.0\n"), "no pins with hashes"),
        (("# via", "# from https://example.org/simple"), "names a machine or an address"),
        (("# via", "# in /srv/somewhere"), "names a machine or an address"),
        (("flask==", "--extra-index-url x\nflask=="), "names a machine or an address"),
    ],
)
def test_a_bad_lock_is_named(repository: Path, change: tuple[str, str], problem: str) -> None:
    (repository / "requirements.api.txt").write_text(LOCK.replace(*change))
    assert problem in "\n".join(locks.problems("api"))


def test_locks_that_disagree_are_named(repository: Path) -> None:
    (repository / "requirements.ui.txt").write_text(LOCK.replace("3.1.0", "3.1.1"))
    assert locks.problems("ui") == ["requirements.ui.txt pins another flask than requirements.api.txt"]
