"""A model on loopback, by OpenAI's protocol, that does what it is asked: it calls the tool that it may or must call,
answers in the form that it is given, and otherwise says what was said to it. What goes into tools and forms is taken
from the question, by their schemas. Shapes: OpenAI's API reference, "Create chat completion".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.loopback import Handler, Loopback

MODELS = ("obliging", "obliging-too")
PIECE = 5  # characters of a chunk
REFUSED = {"type": "invalid_request_error", "param": "model", "code": "model_not_found"}


class Obliging(Loopback):
    """`with Obliging() as model: … OPENAI_BASE_URL=model.url` — `asked` holds the bodies."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        obliging = self

        class Asked(Handler):
            def do_GET(self) -> None:
                self.say(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})

            def do_POST(self) -> None:
                body = self.body()
                obliging.asked.append(body)
                if body["model"] not in MODELS:
                    self.say(404, {"error": {"message": "The model does not exist", **REFUSED}})
                elif body.get("stream"):
                    _stream(self, body)
                else:
                    self.say(200, _whole(body))

        super().__init__(Asked)
        self.url = f"{self.origin}/v1"


def _stream(handler: Handler, body: dict[str, Any]) -> None:
    handler.begin(200, "text/event-stream")
    for delta in _deltas(body):
        _event(handler, body, choices=[{"index": 0, "delta": delta, "finish_reason": None}])
    _event(handler, body, choices=[{"index": 0, "delta": {}, "finish_reason": _finish(body)}])
    _event(handler, body, choices=[], usage=_usage(body))
    handler.wfile.write(b"data: [DONE]\n\n")


def _event(handler: Handler, body: dict[str, Any], **more: Any) -> None:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]} | more
    handler.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    handler.wfile.flush()


def _deltas(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    message = _message(body)
    yield {"role": "assistant", "content": ""}
    for call in message.get("tool_calls", ()):
        function = call["function"]
        yield {"tool_calls": [call | {"index": 0, "function": function | {"arguments": ""}}]}
        for piece in _pieces(function["arguments"]):
            yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
    for piece in _pieces(message["content"] or ""):
        yield {"content": piece}


def _pieces(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def _whole(body: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "message": _message(body), "logprobs": None, "finish_reason": _finish(body)}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"]}
    return head | {"choices": [choice], "usage": _usage(body)}


def _usage(body: dict[str, Any]) -> dict[str, int]:
    asked, said = len(json.dumps(body["messages"])) // 4, len(json.dumps(_message(body))) // 4
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _finish(body: dict[str, Any]) -> str:
    return "tool_calls" if "tool_calls" in _message(body) else "stop"


def _message(body: dict[str, Any]) -> dict[str, Any]:
    question = _question(body)
    if called := _called(body):
        schema = called.get("parameters") or {"type": "object"}
        function = {"name": called["name"], "arguments": json.dumps(_filled(schema, schema, question))}
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        }
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        schema = wanted["json_schema"]["schema"]
        return {"role": "assistant", "content": json.dumps(_filled(schema, schema, question))}
    if wanted.get("type") == "json_object":
        return {"role": "assistant", "content": json.dumps(dict.fromkeys(re.findall(r"'(\w+)'", question), question))}
    stop = body.get("stop") or []
    said = f"You said: {question}"
    for word in [stop] if isinstance(stop, str) else stop:
        said = said.partition(word)[0] or "Yes."
    return {"role": "assistant", "content": said}


def _called(body: dict[str, Any]) -> dict[str, Any] | None:
    """The function to call: the one that must be, or the first where one may be and none has answered yet."""
    functions = [tool["function"] for tool in body.get("tools") or ()]
    choice = body.get("tool_choice") or "auto"
    if isinstance(choice, dict):
        return next(function for function in functions if function["name"] == choice["function"]["name"])
    may = choice == "required" or (choice == "auto" and body["messages"][-1]["role"] != "tool")
    return functions[0] if functions and may else None


def _question(body: dict[str, Any]) -> str:
    said = body["messages"][-1]["content"]
    parts = said if isinstance(said, list) else [{"text": said or ""}]
    return " ".join(part.get("text", f"a part of the type {part.get('type')}") for part in parts)


def _filled(schema: dict[str, Any], root: dict[str, Any], question: str) -> Any:
    """A value of that schema."""
    if "$ref" in schema:
        found = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _filled(found, root, question)
    if "anyOf" in schema:
        return _filled(schema["anyOf"][0], root, question)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: _filled(value, root, question) for name, value in schema.get("properties", {}).items()}
    if kind == "array":
        return [_filled(schema.get("items", {"type": "string"}), root, question)]
    if kind in ("integer", "number"):
        return int(next(iter(re.findall(r"\d+", question)), 0))
    return {"boolean": True, "null": None}.get(kind, question)
