"""A Chat2AnyLLM client, as far as tests need one."""

from __future__ import annotations

import json
from typing import Any

from tests.server import Answer, Person, Server, call


def person(server: Server, who: str, model: str = "text", **config: Any) -> Person:
    made = server.person(who)
    values = {"name": "mine", "provider": "openai", "api_key": "sk-loopback-0123456789", "model": model} | config
    assert made.call("POST", "/model-configs", values).status in (201, 409)  # it may be there from another test
    return made


def signed_in(server: Server, name: str) -> Answer:
    body = {"username": name, "password": f"{name} has a long password"}
    return call(server.port, "POST", "/api/login", body)


def refused(answer: Answer, status: int) -> str:
    assert (answer.status, list(answer.json)) == (status, ["error"]), answer.body
    return str(answer.json["error"])


def session(who: Person, **values: Any) -> str:
    answer = who.call("POST", "/api/sessions", values)
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def frames(answer: Answer) -> list[str]:
    """What stands behind `data: ` in each event, which is one line and a blank one."""
    *found, rest = answer.body.decode().split("\n\n")
    assert rest == ""
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in found)
    return [frame[6:] for frame in found]


def text_of(frames: list[str]) -> str:
    """What a client puts together."""
    chunks = [json.loads(frame) for frame in frames if frame != "[DONE]"]
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if "choices" in chunk)


def said(who: Person, session_id: str, message: str, model: str = "mine") -> str:
    body = {"model": model, "message": message}
    answer = who.call("POST", f"/api/sessions/{session_id}/chat/stream", body)
    assert answer.status == 200, answer.body
    found = frames(answer)
    assert found[-1] == "[DONE]"
    return text_of(found)
