"""Slash commands: what there is, and carrying one out. How a line is read is the API's business alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ui.api_client.calls import Caller, one_id
from ui.api_client.images import DRAWING_SECONDS, Picture, pictures
from ui.api_client.records import Chat, Json


@dataclass(frozen=True)
class Command:
    """`takes` names the list that its arguments come from, where there is one."""

    name: str
    arguments: str = ""
    description: str = ""
    takes: str = ""

    @classmethod
    def read(cls, body: Json) -> Command:
        return cls(*(str(body.get(name) or "") for name in ("name", "arguments", "description", "takes")))

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """What became of a line. `send` is set where it was no command: those words are to be sent as a message.
    `images` are what it made, `download` is the path of the file that it offers."""

    command: str
    text: str
    items: tuple[str, ...] = ()
    chat: Chat | None = None
    begun: tuple[str, ...] = ()
    send: str | None = None
    images: tuple[Picture, ...] = ()
    download: str = ""

    @classmethod
    def read(cls, body: Json) -> Outcome:
        chat, send = body.get("chat"), body.get("send")
        return cls(
            command=str(body.get("command") or ""),
            text=str(body.get("text") or ""),
            items=tuple(str(item) for item in body.get("items") or []),
            chat=Chat.read(chat) if isinstance(chat, dict) else None,
            begun=tuple(str(one.get("id") or "") for one in body.get("generations") or [] if isinstance(one, dict)),
            send=str(send) if send is not None else None,
            images=tuple(pictures(body.get("images"))),
            download=str(body.get("download") or ""),
        )

    @property
    def shown(self) -> bool:
        """Whether there is more of it than a line of words."""
        return bool(self.items or self.images or self.download)

    def without(self, image_id: str) -> Outcome:
        """An image of it was deleted."""
        return replace(self, images=tuple(one for one in self.images if one.id != image_id))


class Commands(Caller):
    def commands(self) -> list[Command]:
        return [Command.read(entry) for entry in self._call("GET", "/commands").get("items") or []]

    def run_command(self, chat_id: str, text: str, *, key: str) -> Outcome:
        """Waits until it is done: most are at once, one that makes an image takes its time. What it makes, it makes
        once a key."""
        path = f"/chats/{one_id(chat_id)}/commands"
        return Outcome.read(
            self._call("POST", path, headers={"Idempotency-Key": key}, json={"text": text}, seconds=DRAWING_SECONDS)
        )

    def offered(self, path: str) -> bytes:
        """The file that a command offered."""
        return self._download(path, {})
