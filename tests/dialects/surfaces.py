"""The six surfaces that hold conversations, each as its own client speaks to it, over one chat: `llm-openai`."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from tests.server import Answer, Person

SLUG = "llm-openai"  # the LLM service has one chat a provider; every other surface can name it too
Lines = list[tuple[str, str]]
CONFIG = {"name": "openai", "provider": "openai", "api_key": "sk-loopback-0123456789", "model": "text"}


def asker(person: Person, model: str = "text") -> Person:
    """The person, with a default config of OpenAI's."""
    made = person.call("POST", "/model-configs", CONFIG | {"model": model, "is_default": True})
    assert made.status in (201, 409), made.body
    return person


def frames(answer: Answer) -> list[str]:
    """A stream's events without what stands around them."""
    *found, rest = answer.body.decode().split("\n\n")
    assert rest == ""
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in found)
    return [frame[6:] for frame in found]


@dataclass
class Surface(ABC):
    """One surface as one person uses it. `begin` makes the chat, `ask` sends to it, `read` is what its clients see."""

    who: Person

    def begin(self) -> None:
        """Where the first message makes the chat, nothing."""

    @abstractmethod
    def ask(self, text: str) -> Answer:
        """Send, and wait for the answer."""

    @abstractmethod
    def told(self, answer: Answer) -> str:
        """The reply that a client puts together."""

    @abstractmethod
    def read(self) -> Lines:
        """The chat as it is shown here."""

    def say(self, text: str) -> str:
        answer = self.ask(text)
        assert answer.status in (200, 201), answer.body
        return self.told(answer)

    def chat(self) -> dict[str, Any]:
        return dict(self.who.call("GET", f"/chats/{SLUG}").json)

    def named(self, chat: str) -> None:
        """Give a chat the id by which all the others find it."""
        assert self.who.call("PATCH", f"/chats/{chat}", {"slug": SLUG}).status == 200


class Native(Surface):
    def begin(self) -> None:
        assert self.who.call("POST", "/chats", {"slug": SLUG}).status == 201

    def ask(self, text: str) -> Answer:
        return self.who.call("POST", f"/chats/{SLUG}/messages", {"content": text})

    def told(self, answer: Answer) -> str:
        return str(answer.json["message"]["content"])

    def read(self) -> Lines:
        return [(one["role"], one["content"]) for one in self.who.messages(SLUG)]


class OpenAI(Surface):
    """Its clients keep the conversation themselves; the header stores the turn."""

    def ask(self, text: str) -> Answer:
        opened = self.who.call("GET", f"/chats/{SLUG}")
        before = opened.json["messages"] if opened.status == 200 else []
        turns = [{"role": one["role"], "content": one["content"]} for one in before]
        body = {"messages": [*turns, {"role": "user", "content": text}], "stream": True}
        return self.who.call("POST", "/v1/chat/completions", body, **{"X-Parley-Chat": SLUG})

    def told(self, answer: Answer) -> str:
        *chunks, done = frames(answer)
        assert done == "[DONE]"
        choices = [choice for chunk in chunks for choice in json.loads(chunk)["choices"]]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    def read(self) -> Lines:
        return Native(self.who).read()


class Chat2AnyLLM(Surface):
    def begin(self) -> None:
        self.named(self.who.call("POST", "/api/sessions", {}).json["id"])

    def ask(self, text: str) -> Answer:
        path = f"/api/sessions/{self.chat()['id']}/chat/stream"
        return self.who.call("POST", path, {"model": "openai", "message": text})

    def told(self, answer: Answer) -> str:
        *chunks, done = frames(answer)
        assert done == "[DONE]"
        return "".join(json.loads(chunk)["choices"][0]["delta"]["content"] for chunk in chunks)

    def read(self) -> Lines:
        found = self.who.call("GET", f"/api/sessions/{self.chat()['id']}/messages").json
        return [(one["role"], one["content"]) for one in found]


class FastAPIDemo(Surface):
    def ask(self, text: str) -> Answer:
        return self.who.call("POST", "/chat", {"message": text, "chat_id": SLUG})

    def told(self, answer: Answer) -> str:
        return str(answer.json["response"])

    def read(self) -> Lines:
        found = self.who.call("GET", f"/chat/history/{SLUG}").json["history"]["messages"]
        return [(one["role"], one["content"]) for one in found]


class LLMBackend(Surface):
    def begin(self) -> None:
        made = self.who.call("POST", "/api/conversations/create", {"title": "Ours", "model": "openai"})
        number = made.json["conversation_id"]
        (chat,) = [one for one in self.who.call("GET", "/chats").json["items"] if one["number"] == number]
        self.named(chat["id"])

    def ask(self, text: str) -> Answer:
        return self.who.call("POST", f"/api/chat/{self.chat()['number']}", {"message": text})

    def told(self, answer: Answer) -> str:
        *pieces, done, whole = [json.loads(frame) for frame in frames(answer)]
        assert done == {"event": "done", "data": "Stream finished"}
        assert whole["data"] == "".join(piece["data"] for piece in pieces)
        return str(whole["data"])

    def read(self) -> Lines:
        found = self.who.call("GET", f"/api/conversations/history/{self.chat()['number']}").json["messages"]
        return [(one["role"], one["content"]) for one in found]


class LLMService(Surface):
    def ask(self, text: str) -> Answer:
        return self.who.call("POST", "/llm/chat/openai", {"message": text})

    def told(self, answer: Answer) -> str:
        return str(answer.json["response"])

    def read(self) -> Lines:
        found = self.who.call("GET", "/llm/history/openai").json["history"]
        return [(one["role"], one["content"]) for one in found]


SURFACES: tuple[type[Surface], ...] = (Native, OpenAI, Chat2AnyLLM, FastAPIDemo, LLMBackend, LLMService)
NAMES = {
    Native: "native",
    OpenAI: "openai",
    Chat2AnyLLM: "chat2anyllm",
    FastAPIDemo: "fastapi_demo",
    LLMBackend: "llm_backend",
    LLMService: "llm_service",
}
