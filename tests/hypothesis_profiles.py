"""Importing this sets how many examples property tests try: few and the same ones, or many with PARLEY_LONG."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: a slow machine is not a wrong answer.
settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True, database=None)
settings.register_profile("long", max_examples=3000, deadline=None, database=None)
settings.load_profile("long" if os.environ.get("PARLEY_LONG") else "quick")  # noqa: TID251
