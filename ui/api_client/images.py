"""Images that models made: asked for, listed, fetched, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ui.api_client.calls import Caller, Params, one_id
from ui.api_client.records import Json, read_time

DRAWING_SECONDS = 900.0  # the API ends it sooner, by IMAGE_TIMEOUT


@dataclass(frozen=True)
class Picture:
    """`cost` is that of the call that brought it, in dollars; None is unknown."""

    id: str
    prompt: str
    model: str
    mime: str
    width: int
    height: int
    cost: str | None
    created_at: datetime

    @classmethod
    def read(cls, body: Json) -> Picture:
        cost = body.get("cost")
        return cls(
            id=str(body.get("id", "")),
            prompt=str(body.get("prompt") or ""),
            model=str(body.get("model") or ""),
            mime=str(body.get("mime") or "image/png"),
            width=int(body.get("width") or 0),
            height=int(body.get("height") or 0),
            cost=str(cost) if cost is not None else None,
            created_at=read_time(body.get("created_at")),
        )

    @property
    def ending(self) -> str:
        """Of its file's name."""
        kind = self.mime.rpartition("/")[2]
        return "jpg" if kind == "jpeg" else kind


def pictures(entries: Any) -> list[Picture]:
    return [Picture.read(entry) for entry in entries or [] if isinstance(entry, dict)]


class Images(Caller):
    def make_images(self, fields: dict[str, Any], *, key: str) -> list[Picture]:
        """Waits until they are there. The same `key` makes and pays them once, however often it is sent."""
        given = {name: value for name, value in fields.items() if value}
        headers = {"Idempotency-Key": key}
        body = self._call("POST", "/images/generations", json=given, headers=headers, seconds=DRAWING_SECONDS)
        return pictures(body.get("items"))

    def images(self, limit: int, cursor: str | None = None) -> tuple[list[Picture], str | None]:
        """The newest first, and what asks for those before them."""
        params: Params = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        body = self._call("GET", "/images", params=params)
        return pictures(body.get("items")), body.get("next_cursor")

    def image_content(self, image_id: str) -> bytes:
        return self._download(f"/images/{one_id(image_id)}/content", {})

    def delete_image(self, image_id: str) -> None:
        self._call("DELETE", f"/images/{one_id(image_id)}")
