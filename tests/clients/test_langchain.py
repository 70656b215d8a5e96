"""LangChain's standard tests of chat models pass against /v1; docs/clients.md names what is left out, and why."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests import foreign
from tests.clients.conftest import Place
from tests.clients.test_sdks import PROGRAMS, ran
from tests.server import ROOT

pytestmark = pytest.mark.xdist_group("clients")
LEAST = 45  # tests that there are, in the version that is locked


def test_the_standard_tests(place: Place, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    options = ("-c", "/dev/null", "--noconftest", "-p", "no:cacheprovider", "--asyncio-mode=auto")
    suite = PROGRAMS / "langchain_standard.py"
    command = (foreign.python(), "-m", "pytest", "-q", *options, f"--junitxml={report}", suite)
    done = ran(*command, PARLEY_PLACE=place.told())
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    cases = {case.attrib["name"]: {part.tag for part in case} for case in ET.parse(report).iter("testcase")}
    assert not [name for name, parts in cases.items() if parts & {"failure", "error"}], done.stdout[-5000:]
    left_out = sorted(name for name, parts in cases.items() if "skipped" in parts)
    assert len(cases) - len(left_out) >= LEAST
    documented = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    assert all(f"`{name.partition('[')[0]}`" in documented for name in left_out), left_out
