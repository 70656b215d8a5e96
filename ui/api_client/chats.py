"""Chats: listed, opened, changed, and the replies that run in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ui.api_client.calls import Caller, Params, one_id
from ui.api_client.follow import Batch, follow
from ui.api_client.records import Chat, ChatPage, Earlier, OpenChat, Sent


class Chats(Caller):
    def chats(self, limit: int = 30, cursor: str | None = None) -> ChatPage:
        params: Params = {"limit": limit}
        if cursor:
            params["cursor"] = cursor
        body = self._call("GET", "/chats", params=params)
        return ChatPage([Chat.read(entry) for entry in body.get("items") or []], body.get("next_cursor"))

    def create_chat(self, model: str | None = None) -> Chat:
        return Chat.read(self._call("POST", "/chats", json={"model": model} if model else {}))

    def chat(self, chat_id: str) -> OpenChat:
        return OpenChat.read(self._call("GET", f"/chats/{one_id(chat_id)}"))

    def messages_before(self, chat_id: str, message_id: str, limit: int = 50) -> Earlier:
        """The messages before one of the path that is shown, oldest first."""
        params: Params = {"before": message_id, "limit": limit}
        return Earlier.read(self._call("GET", f"/chats/{one_id(chat_id)}/messages", params=params))

    def update_chat(self, chat_id: str, **fields: str) -> Chat:
        return Chat.read(self._call("PATCH", f"/chats/{one_id(chat_id)}", json=fields))

    def delete_chat(self, chat_id: str) -> None:
        self._call("DELETE", f"/chats/{one_id(chat_id)}")

    # Replies

    def send(self, chat_id: str, content: str, *, key: str, model: str | None = None) -> Sent:
        """Stores the message and starts the reply. The same `key` never posts twice, however often it is sent."""
        body: dict[str, Any] = {"content": content}
        if model:
            body["model"] = model
        headers = {"Idempotency-Key": key, "Prefer": "respond-async"}
        path = f"/chats/{one_id(chat_id)}/messages"
        return Sent.read(self._call("POST", path, json=body, headers=headers, repeatable=True))

    def stop(self, generation_id: str) -> None:
        self._call("POST", f"/generations/{one_id(generation_id)}/stop", repeatable=True)

    def follow(self, generation_id: str) -> Iterator[Batch]:
        """The reply from its first token to its end, resumed by itself where the line breaks."""
        path = f"/generations/{one_id(generation_id)}/events"

        def opened(after: int) -> Any:
            resumed = {"Last-Event-ID": str(after)} if after else {}
            return self._signed(lambda auth: self._transport.stream(path, {**auth, **resumed}, {"after": after}))

        return follow(opened)
