"""What a chat is exported as."""

from __future__ import annotations

from typing import Literal

from api.web.openapi import Parameters


class ExportQuery(Parameters):
    format: Literal["json", "markdown", "html"] = "json"
