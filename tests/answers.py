"""A loopback server that answers by path with what it was given, and keeps what it was asked.

For protocols that no server from elsewhere speaks: Ollama's pull and details, a LiteLLM proxy's details, embeddings.
Their shapes are those of the vendors' documentation: docs.ollama.com/api (tags, show, pull, embed),
docs.litellm.ai (/model/info), platform.openai.com (/embeddings), ai.google.dev (:batchEmbedContents).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.loopback import Handler, Loopback

Answer = Any
"""JSON; `(status, JSON)`; a function of the body that gives either. An iterator's JSON lines are streamed; bytes go as
they are."""


class Answers(Loopback):
    """`with Answers({"/api/tags": …}) as server:` — `asked` holds (path, body, headers)."""

    def __init__(self, by_path: dict[str, Answer]) -> None:
        self.by_path = by_path
        self.otherwise: Answer = (404, {"error": "no such page"})
        self.asked: list[tuple[str, Any, dict[str, str]]] = []
        answers = self

        class Asked(Handler):
            def do_GET(self) -> None:
                answers._answer(self, None)

            def do_POST(self) -> None:
                answers._answer(self, self.body())

        super().__init__(Asked)
        self.url = self.origin

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def _answer(self, handler: Handler, body: Any) -> None:
        path = handler.path.partition("?")[0]
        self.asked.append((path, body, {name.lower(): value for name, value in handler.headers.items()}))
        found = self.by_path.get(path, self.otherwise)
        found = found(body) if callable(found) else found
        status, said = found if isinstance(found, tuple) else (200, found)
        if isinstance(said, Iterator):
            handler.begin(status, "application/x-ndjson")
            for line in said:
                handler.wfile.write(json.dumps(line).encode() + b"\n")
                handler.wfile.flush()
            return
        handler.say(status, said)


def ollama(
    models: dict[str, int] | None = None, steps: Callable[[Any], Iterable[dict[str, Any]]] | None = None
) -> dict[str, Answer]:
    """An Ollama with these models (name → context length), whose pull tells `steps` of the body."""
    models = {"llama3.2:latest": 131_072} if models is None else models

    def show(body: Any) -> Answer:
        if body["model"] not in models:
            return 404, {"error": f"model '{body['model']}' not found"}
        info = {"general.architecture": "llama", "llama.context_length": models[body["model"]]}
        return {"model_info": info, "capabilities": ["completion", "tools", "vision"], "details": {}}

    def embed(body: Any) -> Answer:
        return {"model": body["model"], "embeddings": [[0.5, len(t)] for t in body["input"]], "prompt_eval_count": 7}

    return {
        "/api/tags": lambda _: {"models": [{"name": name, "model": name, "size": 1000} for name in models]},
        "/api/show": show,
        "/api/embed": embed,
        "/api/pull": lambda body: iter(steps(body) if steps else pulled()),
    }


def pulled(layer: str = "sha256:aa", total: int = 2000) -> Iterator[dict[str, Any]]:
    """The steps of a download that succeeds."""
    yield {"status": "pulling manifest"}
    for completed in (0, total // 2, total):
        yield {"status": f"pulling {layer[-2:]}", "digest": layer, "total": total, "completed": completed}
    yield {"status": "verifying sha256 digest"}
    yield {"status": "writing manifest"}
    yield {"status": "success"}
