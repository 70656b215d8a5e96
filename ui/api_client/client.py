"""The API as methods. A client is cheap: one is made for each run of the page, over the shared transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from ui.api_client.errors import ApiError
from ui.api_client.follow import Batch, follow
from ui.api_client.records import (
    Chat,
    ChatPage,
    Earlier,
    Login,
    ModelCatalogue,
    ModelConfig,
    OpenChat,
    Sent,
    User,
)
from ui.api_client.transport import Transport

T = TypeVar("T")


class TokenSource(Protocol):
    """Gives the access token of a session, and a newer one after that one was refused."""

    def access(self) -> str: ...

    def renew(self, refused: str) -> str: ...


class ApiClient:
    """`tokens` is None before sign-in. `address` is the browser's, so that limits see people and not the page."""

    def __init__(self, transport: Transport, tokens: TokenSource | None = None, address: str = "") -> None:
        self._transport = transport
        self._tokens = tokens
        self._address = {"X-Client-Address": address} if address else {}

    # Accounts

    def register(self, **fields: str) -> User:
        body = self._call("POST", "/auth/register", json={k: v for k, v in fields.items() if v}, signed=False)
        return User.read(body.get("user") or body)

    def login(self, name: str, password: str) -> Login:
        who = {"email": name} if "@" in name else {"username": name}
        return Login.read(self._call("POST", "/auth/login", json={**who, "password": password}, signed=False))

    def resume(self, handle: str) -> Login:
        return Login.read(self._call("POST", "/auth/resume", json={"handle": handle}, signed=False))

    def refresh(self, refresh_token: str) -> Login:
        return Login.read(
            self._call("POST", "/auth/refresh", json={"refresh_token": refresh_token}, signed=False, repeatable=True)
        )

    def logout(self) -> None:
        self._call("POST", "/auth/logout")

    def healthy(self) -> bool:
        """Whether the API takes requests again."""
        try:
            self._call("GET", "/ready", signed=False)
        except ApiError as error:
            return error.status == 404
        return True

    # Models

    def models(self) -> ModelCatalogue:
        return ModelCatalogue.read(self._call("GET", "/v1/models"))

    def model_configs(self) -> list[ModelConfig]:
        return [ModelConfig.read(entry) for entry in self._call("GET", "/model-configs").get("items") or []]

    def create_model_config(self, fields: dict[str, Any]) -> ModelConfig:
        return ModelConfig.read(self._call("POST", "/model-configs", json=fields))

    def delete_model_config(self, config_id: str) -> None:
        self._call("DELETE", f"/model-configs/{_id(config_id)}")

    # Chats

    def chats(self, limit: int = 30, cursor: str | None = None) -> ChatPage:
        params: dict[str, str | int] = {"limit": limit}
        if cursor:
            params["cursor"] = cursor
        body = self._call("GET", "/chats", params=params)
        return ChatPage([Chat.read(entry) for entry in body.get("items") or []], body.get("next_cursor"))

    def create_chat(self, model: str | None = None) -> Chat:
        return Chat.read(self._call("POST", "/chats", json={"model": model} if model else {}))

    def chat(self, chat_id: str) -> OpenChat:
        return OpenChat.read(self._call("GET", f"/chats/{_id(chat_id)}"))

    def messages_before(self, chat_id: str, message_id: str, limit: int = 50) -> Earlier:
        """The messages before one of the path that is shown, oldest first."""
        params: dict[str, str | int] = {"before": message_id, "limit": limit}
        return Earlier.read(self._call("GET", f"/chats/{_id(chat_id)}/messages", params=params))

    def update_chat(self, chat_id: str, **fields: str) -> Chat:
        return Chat.read(self._call("PATCH", f"/chats/{_id(chat_id)}", json=fields))

    def delete_chat(self, chat_id: str) -> None:
        self._call("DELETE", f"/chats/{_id(chat_id)}")

    # Replies

    def send(self, chat_id: str, content: str, *, key: str, model: str | None = None) -> Sent:
        """Stores the message and starts the reply. The same `key` never posts twice, however often it is sent."""
        body: dict[str, Any] = {"content": content}
        if model:
            body["model"] = model
        headers = {"Idempotency-Key": key, "Prefer": "respond-async"}
        path = f"/chats/{_id(chat_id)}/messages"
        return Sent.read(self._call("POST", path, json=body, headers=headers, repeatable=True))

    def stop(self, generation_id: str) -> None:
        self._call("POST", f"/generations/{_id(generation_id)}/stop", repeatable=True)

    def follow(self, generation_id: str) -> Iterator[Batch]:
        """The reply from its first token to its end, resumed by itself where the line breaks."""
        path = f"/generations/{_id(generation_id)}/events"

        def opened(after: int) -> Any:
            resumed = {"Last-Event-ID": str(after)} if after else {}
            return self._signed(lambda auth: self._transport.stream(path, {**auth, **resumed}, {"after": after}))

        return follow(opened)

    # How a call goes out

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: dict[str, str | int] | None = None,
        headers: dict[str, str] | None = None,
        signed: bool = True,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        def go(auth: dict[str, str]) -> dict[str, Any]:
            return self._transport.call(
                method,
                path,
                {**auth, **(headers or {})},
                json=json,
                params=params,
                repeatable=repeatable or method == "GET",
            )

        return self._signed(go) if signed else go(self._address)

    def _signed(self, go: Callable[[dict[str, str]], T]) -> T:
        """Calls with the session's token; refused once, the token is renewed and the call made again."""
        if self._tokens is None:
            raise ApiError(401, "unauthenticated", "Sign in first.")
        token = self._tokens.access()
        try:
            return go({**self._address, "Authorization": f"Bearer {token}"})
        except ApiError as error:
            if error.status != 401:
                raise
        token = self._tokens.renew(token)
        return go({**self._address, "Authorization": f"Bearer {token}"})


def _id(text: str) -> str:
    """An id from the address bar, as one path segment that climbs nowhere."""
    return quote(text, safe="").replace(".", "%2E") or "-"
