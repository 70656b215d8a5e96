"""One account for all tests of a stack that need no other: sign-ins are counted."""

from __future__ import annotations

import pytest

from tests.stack.parts import somebody


@pytest.fixture(scope="session")
def headers() -> dict[str, str]:
    return somebody()
