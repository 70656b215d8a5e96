"""What the shapes of all bodies, parameters and answers begin with."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Its validator is made when it is first needed (pydantic locks that): most processes need few of the hundred."""

    model_config = ConfigDict(defer_build=True)
