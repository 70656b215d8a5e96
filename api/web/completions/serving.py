"""A completion that is stored in no chat: begun, and answered as a stream or at its end."""

from __future__ import annotations

from flask import Response

from api.services.completions import Begun, CompletionDraft
from api.web import replies
from api.web.completions import requests
from api.web.completions.answers import PING, Chunks, Completion
from api.web.completions.schemas import CompletionBody
from api.web.context import principal, services
from api.web.handover import StreamResponse
from api.web.sse import CONTENT_TYPE
from api.web.surfaces import ErrorForm


def begin(body: CompletionBody, surface: str) -> Begun:
    """Raises Invalid, and what the service raises."""
    raw = body.given()
    requests.refuse_detours(raw)
    draft = CompletionDraft(
        model=body.model,
        raw=raw,
        read=lambda: requests.read(raw),
        stream=bool(body.stream),
        size=replies.body_size(),
        surface=surface,
        api_key_id=principal().api_key_id,
        key=replies.call_key(raw),
    )
    return services().completions.begin(principal(), draft)


def respond(begun: Begun, body: CompletionBody, form: ErrorForm) -> Response:
    """The answer; a failure in the surface's form."""
    follower = services().generations.follow_new(principal(), begun.generation_id)
    if not body.stream:  # the loop waits: it notices a client that leaves, whose call need not be paid for
        encode = Completion(begun, form)
        return StreamResponse(follower, encode, content_type="application/json", ping=b"", whole=True, late=True)
    include_usage = bool((body.stream_options or {}).get("include_usage"))
    chunks = Chunks(begun, form, include_usage=include_usage)
    return StreamResponse(follower, chunks, content_type=CONTENT_TYPE, ping=PING, late=True)
