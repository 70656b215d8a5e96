"""The version of this server."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
