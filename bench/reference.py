"""The reference line: the passthrough of the usual tutorials. Flask, requests, a thread for every stream.

It checks nothing, counts nothing and stores nothing. Served by gunicorn's gthread worker with as many threads
as there are streams: `gunicorn -k gthread --threads 1050 "bench.reference:create_app('http://…/v1')"`.
"""

from __future__ import annotations

from collections.abc import Iterator

import requests
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue


def create_app(upstream: str) -> Flask:
    app = Flask(__name__)

    @app.get("/health")
    def health() -> ResponseReturnValue:
        return {"status": "ok"}

    @app.post("/v1/chat/completions")
    def chat() -> ResponseReturnValue:
        question = request.get_json()
        streamed = bool(question.get("stream"))
        answer = requests.post(f"{upstream}/chat/completions", json=question, stream=streamed, timeout=120)
        if not streamed:
            return Response(answer.content, answer.status_code, content_type="application/json")

        def lines() -> Iterator[bytes]:
            for line in answer.iter_lines():
                if line:
                    yield line + b"\n\n"

        return Response(lines(), answer.status_code, content_type="text/event-stream")

    return app
