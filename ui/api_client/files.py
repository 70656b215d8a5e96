"""Chats as files, out and in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO

from ui.api_client.calls import Caller, one_id
from ui.api_client.records import Json


@dataclass(frozen=True)
class ImportResult:
    title: str
    source: str
    outcome: str
    messages: int
    detail: str


@dataclass(frozen=True)
class Import:
    """`done` of `size` bytes are read; the counts are of conversations."""

    id: str
    state: str
    size: int = 0
    done: int = 0
    added: int = 0
    extended: int = 0
    unchanged: int = 0
    failed: int = 0
    detail: str = ""
    results: list[ImportResult] = field(default_factory=list)
    more: bool = False

    @classmethod
    def read(cls, body: Json) -> Import:
        counts = {name: int(body.get(name) or 0) for name in COUNTS}
        results = [
            ImportResult(
                str(one.get("title") or ""),
                str(one.get("source") or ""),
                str(one.get("outcome") or ""),
                int(one.get("messages") or 0),
                str(one.get("detail") or ""),
            )
            for one in body.get("results") or []
        ]
        return cls(
            str(body.get("id") or ""),
            str(body.get("state") or ""),
            **counts,
            detail=str(body.get("detail") or ""),
            results=results,
            more=bool(body.get("more")),
        )

    @property
    def running(self) -> bool:
        return self.state == "running"


COUNTS = ("size", "done", "added", "extended", "unchanged", "failed")


class Files(Caller):
    def export_chat(self, chat_id: str, form: str) -> bytes:
        """`form` is json, markdown or html."""
        return self._download(f"/chats/{one_id(chat_id)}/export", {"format": form})

    def export_everything(self) -> bytes:
        """A zip."""
        return self._download("/export", {})

    def start_import(self, file: IO[bytes], kind: str) -> Import:
        def go(auth: dict[str, str]) -> Json:
            file.seek(0)
            return self._transport.upload("/imports", auth, file, kind)

        return Import.read(self._signed(go))

    def seen_import(self, import_id: str) -> Import:
        """How far it is, with the first thousand results."""
        return Import.read(self._call("GET", f"/imports/{one_id(import_id)}", params={"limit": 1000}))
