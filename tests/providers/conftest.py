from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.upstream import Upstream


@pytest.fixture(scope="package")
def upstream() -> Iterator[Upstream]:
    with Upstream() as up:
        yield up
