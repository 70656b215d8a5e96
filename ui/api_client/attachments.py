"""Files that go with messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ui.api_client.calls import Caller, one_id


@dataclass(frozen=True)
class Attachment:
    id: str
    name: str
    kind: str = "text"
    size: int = 0

    @classmethod
    def read(cls, body: dict[str, Any]) -> Attachment:
        size = body.get("size")
        return cls(
            id=str(body.get("id", "")),
            name=str(body.get("name") or "file"),
            kind=str(body.get("kind") or "text"),
            size=size if isinstance(size, int) else 0,
        )

    @property
    def is_image(self) -> bool:
        return self.kind == "image"


class Attachments(Caller):
    def upload(self, name: str, data: bytes) -> Attachment:
        """Raises ApiError with the reason in words for what is not taken."""
        return Attachment.read(self._upload("POST", "/attachments", name, data))

    def attachment_content(self, attachment_id: str) -> bytes:
        return self._download(f"/attachments/{one_id(attachment_id)}/content", {})

    def delete_attachment(self, attachment_id: str) -> None:
        self._call("DELETE", f"/attachments/{one_id(attachment_id)}")
