"""How long each suite took, after every run, beside what it may take: CI's budget (CONTRIBUTING.md).

A suite is a folder of tests/; what stands beside the folders is `tests`. Minutes are of one worker: all tests' set-up,
call and teardown. Nothing fails for being slow, since machines differ; whoever makes a suite dearer sees it here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "CONTRIBUTING.md"
_seconds: dict[str, float] = defaultdict(float)
_told: list[str] = []  # what tests measured, by `record_property("told", …)`


def rows() -> dict[str, tuple[float, float]]:
    """The page's table: a suite, the minutes that it took, and those that it may take."""
    found = re.findall(
        r"^\| `(?:tests/)?(\w+)` \|.*\| ([\d.]+) \| ([\d.]+) \|$", PAGE.read_text(encoding="utf-8"), re.M
    )
    return {suite: (float(measured), float(budget)) for suite, measured, budget in found}


def budgets() -> dict[str, float]:
    return {suite: budget for suite, (_, budget) in rows().items()}


def suite_of(path: str) -> str:
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else "tests"


def pytest_runtest_logreport(report: Any) -> None:
    _seconds[suite_of(report.nodeid.partition("::")[0])] += report.duration
    if report.when == "call":
        _told.extend(f"{report.nodeid}: {words}" for name, words in report.user_properties if name == "told")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _told:
        terminalreporter.section("measured")
        for words in sorted(_told):
            terminalreporter.line(words)
    if len(_seconds) < 2:  # a few tests of one suite: nobody asked
        return
    allowed = budgets()
    terminalreporter.section("minutes a suite, and its budget")
    for suite, seconds in sorted(_seconds.items()):
        budget = allowed.get(suite, 0)
        over = "   over" if seconds > budget * 60 else ""
        terminalreporter.line(f"{suite:14}{seconds / 60:6.1f}{budget:6.1f}{over}")
    terminalreporter.line(f"{'all':14}{sum(_seconds.values()) / 60:6.1f}{sum(allowed.values()):6.1f}")
