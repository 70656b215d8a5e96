"""Chats: listed, opened, changed, and the replies that run in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ui.api_client.calls import Caller, Params, one_id
from ui.api_client.follow import Batch, follow
from ui.api_client.records import Chat, ChatPage, Earlier, Generation, Lane, OpenChat, Sent


class Chats(Caller):
    def chats(
        self,
        limit: int = 30,
        cursor: str | None = None,
        *,
        archived: bool = False,
        pinned: bool | None = None,
        shelf: dict[str, str] | None = None,
    ) -> ChatPage:
        """`shelf` is a `folder` or a `tag`."""
        params: Params = {"limit": limit, "archived": str(archived).lower(), **(shelf or {})}
        if pinned is not None:
            params["pinned"] = str(pinned).lower()
        if cursor:
            params["cursor"] = cursor
        body = self._call("GET", "/chats", params=params)
        return ChatPage([Chat.read(entry) for entry in body.get("items") or []], body.get("next_cursor"))

    def create_chat(self, model: str | None = None, **fields: Any) -> Chat:
        given = {"model": model, **fields}
        return Chat.read(self._call("POST", "/chats", json={name: one for name, one in given.items() if one}))

    def chat(self, chat_id: str) -> OpenChat:
        return OpenChat.read(self._call("GET", f"/chats/{one_id(chat_id)}"))

    def messages_before(self, chat_id: str, message_id: str, limit: int = 50) -> Earlier:
        """The messages before one of the path that is shown, oldest first."""
        params: Params = {"before": message_id, "limit": limit}
        return Earlier.read(self._call("GET", f"/chats/{one_id(chat_id)}/messages", params=params))

    def messages_around(self, chat_id: str, message_id: str) -> Earlier:
        """A message with those before and after it, oldest first."""
        return Earlier.read(self._call("GET", f"/chats/{one_id(chat_id)}/messages", params={"around": message_id}))

    def update_chat(self, chat_id: str, **fields: Any) -> Chat:
        return Chat.read(self._call("PATCH", f"/chats/{one_id(chat_id)}", json=fields))

    def delete_chat(self, chat_id: str) -> None:
        self._call("DELETE", f"/chats/{one_id(chat_id)}")

    def clear_chat(self, chat_id: str) -> None:
        self._call("DELETE", f"/chats/{one_id(chat_id)}/messages")

    def show_branch(self, chat_id: str, message_id: str) -> Chat:
        """The branch of that message, down to what was said last in it."""
        return Chat.read(self._call("PUT", f"/chats/{one_id(chat_id)}/head", json={"message_id": message_id}))

    def fork(self, chat_id: str, message_id: str) -> Chat:
        return Chat.read(self._call("POST", f"/chats/{one_id(chat_id)}/fork", json={"message_id": message_id}))

    def delete_message(self, message_id: str) -> None:
        self._call("DELETE", f"/messages/{one_id(message_id)}")

    def rate(self, message_id: str, rating: str | None) -> None:
        self._call("POST", f"/messages/{one_id(message_id)}/feedback", json={"rating": rating})

    # Replies

    def send(
        self, chat_id: str, content: str, *, key: str, model: str | None = None, files: list[str] | None = None
    ) -> Sent:
        """Stores the message and starts the reply. The same `key` never posts twice, however often it is sent."""
        given: dict[str, Any] = {"content": content, "model": model, "attachments": files or None}
        return self._begin("POST", f"/chats/{one_id(chat_id)}/messages", key, **given)

    def edit(self, message_id: str, content: str, *, key: str, model: str | None = None) -> Sent:
        """The same message in other words, beside the old one, with a reply of its own."""
        return self._begin("PATCH", f"/messages/{one_id(message_id)}", key, content=content, model=model)

    def answer_again(self, message_id: str, *, key: str, model: str | None = None) -> Sent:
        """Another reply beside this one; of a person's message without a reply, the first."""
        return self._begin("POST", f"/messages/{one_id(message_id)}/regenerate", key, model=model)

    def go_on(self, message_id: str, *, key: str) -> Sent:
        """A reply that was cut goes on where it ended."""
        return self._begin("POST", f"/messages/{one_id(message_id)}/continue", key)

    def execute(self, plan_id: str, *, key: str) -> Sent:
        """An answer that follows a plan."""
        return self._begin("POST", f"/messages/{one_id(plan_id)}/execute", key)

    def compare(
        self, chat_id: str, content: str, models: list[str], *, key: str, files: Sequence[str] = ()
    ) -> list[Lane]:
        """One message to several models at once: their replies stand beside each other."""
        path, headers = f"/chats/{one_id(chat_id)}/compare", {"Idempotency-Key": key, "Prefer": "respond-async"}
        asked = {"content": content, "models": models, "attachments": list(files) or None}
        body = self._call("POST", path, json=asked, headers=headers, repeatable=True)
        return [Lane.read(entry) for entry in body.get("replies") or []]

    def generation(self, generation_id: str) -> Generation:
        return Generation.read(self._call("GET", f"/generations/{one_id(generation_id)}"))

    def _begin(self, method: str, path: str, key: str, **fields: Any) -> Sent:
        body = {name: value for name, value in fields.items() if value is not None}
        headers = {"Idempotency-Key": key, "Prefer": "respond-async"}
        warnings: list[str] = []

        def hear(answered: Mapping[str, str]) -> None:
            warnings.append(answered.get("Budget-Warning", ""))

        answer = self._call(method, path, json=body, headers=headers, repeatable=True, hear=hear)
        return Sent.read(answer, warnings[-1])

    def stop(self, generation_id: str) -> None:
        self._call("POST", f"/generations/{one_id(generation_id)}/stop", repeatable=True)

    def follow(self, generation_id: str) -> Iterator[Batch]:
        """The reply from its first token to its end, resumed by itself where the line breaks."""
        path = f"/generations/{one_id(generation_id)}/events"

        def opened(after: int) -> Any:
            resumed = {"Last-Event-ID": str(after)} if after else {}
            return self._signed(lambda auth: self._transport.stream(path, {**auth, **resumed}, {"after": after}))

        return follow(opened)
