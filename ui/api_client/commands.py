"""Slash commands: what there is, and carrying one out. How a line is read is the API's business alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ui.api_client.calls import Caller, one_id
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
    """What became of a line. `send` is set where it was no command: those words are to be sent as a message."""

    command: str
    text: str
    items: tuple[str, ...] = ()
    chat: Chat | None = None
    begun: tuple[str, ...] = ()
    send: str | None = None

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
        )


class Commands(Caller):
    def commands(self) -> list[Command]:
        return [Command.read(entry) for entry in self._call("GET", "/commands").get("items") or []]

    def run_command(self, chat_id: str, text: str) -> Outcome:
        return Outcome.read(self._call("POST", f"/chats/{one_id(chat_id)}/commands", json={"text": text}))
