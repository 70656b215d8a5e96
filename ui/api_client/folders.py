"""What chats are sorted by, and one thing done to many chats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ui.api_client.calls import Caller
from ui.api_client.records import Json


@dataclass(frozen=True)
class Shelves:
    """Folders and tags by name, each with how many chats carry it."""

    folders: dict[str, int]
    tags: dict[str, int]

    @classmethod
    def read(cls, body: Json) -> Shelves:
        folders, tags = (
            {str(one.get("name") or ""): int(one.get("chats") or 0) for one in body.get(name) or []}
            for name in ("folders", "tags")
        )
        return cls(folders, tags)


class Folders(Caller):
    def shelves(self) -> Shelves:
        return Shelves.read(self._call("GET", "/folders"))

    def change_many(self, action: str, chat_ids: list[str], **given: Any) -> list[str]:
        """Why some were left as they are, in words; nothing when all is done."""
        body = {"action": action, "ids": chat_ids, **given}
        items = self._call("POST", "/chats/bulk", json=body).get("items") or []
        return sorted({str(one.get("detail") or one.get("code")) for one in items if not one.get("done")})
