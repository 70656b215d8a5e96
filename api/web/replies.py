"""The three ways in which a reply is answered: as events, as JSON at its end, or as a place to look."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, cast
from uuid import UUID

import msgspec
from flask import Response, current_app, request

from api.domain import event_index
from api.domain.chats import Message
from api.domain.errors import Invalid, Overloaded, SessionEnded
from api.services.commands import Outcome
from api.services.completions import Begun
from api.services.generations import Follower
from api.services.generations.braid import places_of
from api.services.images import ImagesMade
from api.services.messages import Draft, Edited, Sent
from api.services.model_configs import Wish
from api.services.once import CallKey
from api.web import sse
from api.web.answers import answer, pick
from api.web.context import principal, services
from api.web.handover import Carrier, StreamResponse
from api.web.schemas.chats import MessageAnswer
from api.web.schemas.messages import Wished
from api.web.sender import Encode, Refusal

MAX_KEY_CHARS = 255
TAKEN = ("prompt_tokens", "completion_tokens", "cost", "estimated", "duration_ms")


class Manner(Enum):
    """How the client wants to hear of the reply."""

    STREAM = "stream"
    WAIT = "wait"
    ASYNC = "async"


class WaitSlots:
    """How many request threads may wait for a reply's end; the others always stay free for short requests."""

    def __init__(self, count: int) -> None:
        self.free = threading.Semaphore(count)


def manner_wished() -> Manner:
    """From `Accept` and `Prefer`. Raises Overloaded when a stream would be one too many."""
    if "respond-async" in request.headers.get("Prefer", ""):
        return Manner.ASYNC
    refuse_if_full()
    return Manner.STREAM if "text/event-stream" in request.headers.get("Accept", "") else Manner.WAIT


def body_size() -> int:
    """The size of the request's body, in bytes."""
    return request.content_length or 0


def refuse_if_full() -> None:
    carrier = _carrier()
    if carrier.open >= carrier.most:
        raise Overloaded("The server has as many open streams as it carries; try again in a moment.", retry_after=2)


def resumed(reference: str, after: int) -> Response:
    """A reply's events from where the reader stands; of a comparison's, if that is in one."""
    given = request.headers.get("Last-Event-ID", "")
    generations = services().generations
    if ":" not in given:
        return stream(generations.follow(principal(), reference, last_event_id(after)))
    generation = generations.get(principal(), reference)
    ids = [UUID(one) for one in generation.notes.get("compared", [str(generation.id)])]
    return _braided(generations.follow_all(principal(), places_of(given, ids)))


def last_event_id(after: int) -> int:
    """`Last-Event-ID`, else the query's. Raises Invalid: a place that was misread would repeat or leave out text."""
    given = request.headers.get("Last-Event-ID", "")
    if not given:
        return after
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise Invalid("Last-Event-ID is the number of the last event that arrived.")
    return int(given)


def draft(body: Wished) -> Draft:
    """The message as the service takes it. Raises Invalid for an unusable Idempotency-Key."""
    wish = Wish(body.model, body.model_config_id, body.temperature, body.top_p, body.max_tokens, body.prompt_id)
    files = getattr(body, "attachments", None)
    content, parent_id = getattr(body, "content", ""), getattr(body, "parent_id", None)
    return marked(Draft(content, parent_id, wish, attachments=None if files is None else tuple(files)))


def marked(draft: Draft) -> Draft:
    """The draft with the request's Idempotency-Key, if it has one, and API key. Raises Invalid."""
    return replace(draft, idempotency_key=_idempotency_key(), api_key_id=principal().api_key_id)


def call_key(said: Mapping[str, Any]) -> CallKey | None:
    """The request's Idempotency-Key, for a call whose answer is not kept; `said` is its body. Raises Invalid."""
    if (key := _idempotency_key()) is None:
        return None
    return CallKey(key, hashlib.sha256(msgspec.json.encode((request.path, said), order="deterministic")).hexdigest())


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= MAX_KEY_CHARS and key.isascii() and key.isprintable()):
        raise Invalid("An Idempotency-Key has 1 to 255 printable ASCII characters.")
    return key


def replayed(sent: Sent | Edited | ImagesMade | Begun | Outcome, response: Response) -> Response:
    """The response, saying so where an earlier request with the same key did its work."""
    if sent.replayed:
        response.headers["Idempotent-Replay"] = "true"
    return response


def respond(manner: Manner, sent: Sent | Edited) -> Response:
    """The reply to a message that has been stored."""
    if isinstance(sent, Edited):
        return replayed(sent, answer({"generation": None, "plan": None} | _shown(sent, sent.message), 201))
    if manner is Manner.ASYNC:
        response = answer(_sent_value(sent, sent.message, sent.status), 202)
        response.headers["Location"] = f"/generations/{sent.generation_id}"
    elif manner is Manner.STREAM:
        response = stream(services().generations.follow_new(principal(), sent.generation_id))
    else:
        response = _waited(sent)
    return replayed(sent, response)


def _waited(sent: Sent) -> Response:
    generations = services().generations
    follower = generations.follow_through(principal(), sent.generation_id)
    if follower is None:
        sent = services().messages.arrived(principal(), sent)
        follower = generations.follow_new(principal(), sent.generation_id)
    return at_the_end(follower, _as_json(sent, follower), 201)


def respond_all(manner: Manner, sent: Sequence[Sent]) -> Response:
    """The replies of a comparison."""
    if manner is Manner.ASYNC:
        response = answer(_compared(sent, [_sent_value(one, one.message, one.status) for one in sent]), 202)
    else:
        follower = services().generations.follow_all(principal(), dict.fromkeys((one.generation_id for one in sent), 0))
        response = _braided(follower) if manner is Manner.STREAM else at_the_end(follower, _all_as_json(sent), 201)
    return replayed(sent[0], response)


def _braided(follower: Follower) -> Response:
    return StreamResponse(follower, sse.encode_braided, content_type=sse.CONTENT_TYPE, ping=sse.PING)


def _compared(sent: Sequence[Sent], values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The one question and its replies."""
    question = sent[0].user_message and pick(MessageAnswer, sent[0].user_message)
    replies = [{name: value[name] for name in ("generation", "message")} for value in values]
    return {"user_message": question, "replies": replies}


def _all_as_json(sent: Sequence[Sent]) -> Encode:
    told: dict[UUID, list[tuple[str, Any]]] = {one.generation_id: [] for one in sent}

    def encode(events: Iterable[tuple[int, str, Any]]) -> bytes:
        for _, kind, braided in events:
            told[braided.generation_id].append((kind, braided.value))
        if not all(of_one and of_one[-1][0] in ("finished", "error") for of_one in told.values()):
            return b""
        return msgspec.json.encode(_compared(sent, [_ended_value(one, told[one.generation_id]) for one in sent]))

    return encode


def stream(follower: Follower) -> Response:
    """The reply's events, from the follower's place on."""
    return StreamResponse(follower, sse.encode, content_type=sse.CONTENT_TYPE, ping=sse.PING)


def _as_json(sent: Sent, follower: Follower) -> Encode:
    def encode(events: Iterable[tuple[int, str, Any]]) -> bytes:
        if any(kind in ("finished", "error") for _, kind, _ in events):
            return msgspec.json.encode(_ended_value(sent, follower.cursor.log.events))
        return b""

    return encode


def at_the_end(follower: Follower, encode: Encode, status: int) -> Response:
    """Wait in this thread while threads are plentiful; else the loop answers when the reply has ended."""
    slots = cast(WaitSlots, current_app.extensions["parley_wait_slots"])
    if not slots.free.acquire(blocking=False):
        return StreamResponse(
            follower, encode, content_type="application/json", ping=b"", status=status, whole=True, late=True
        )
    try:
        return Response(_awaited(follower, encode), status, content_type="application/json")
    except Refusal as refusal:
        return Response(refusal.body, refusal.status, headers=refusal.headers)
    finally:
        slots.free.release()
        follower.close()


def _awaited(follower: Follower, encode: Encode) -> bytes:
    """The answer's body, once the reply has ended. One wake-up a reply, not one a token."""
    cursor = follower.cursor
    over = threading.Event()
    out = False

    def appended() -> None:
        if cursor.log.closed:
            over.set()

    def shown_out() -> None:
        nonlocal out
        out = True
        over.set()

    follower.revoked = shown_out
    cursor.log.subscribe(appended)
    try:
        appended()
        over.wait()
        if out:
            raise SessionEnded("This session or key has ended; sign in again. The reply goes on in its chat.")
        while events := cursor.take():
            if body := encode(events):
                return body
    finally:
        cursor.log.unsubscribe(appended)
    raise Overloaded("This answer was cut off; ask for its generation to see how the reply goes on.", retry_after=1)


def _ended_value(sent: Sent, events: list[tuple[str, Any]]) -> dict[str, Any]:
    """The answer's body, from all events of a reply that has ended."""
    at = next((at for at, (kind, _) in enumerate(events) if kind == "turned"), None)
    if at is not None:
        turned = events[at][1]
        second = replace(sent, generation_id=turned.generation_id, message=turned.message)
        return _ended_value(second, events[at + 1 :]) | {"plan": turned.finished["message"]}
    kind, value = events[-1]
    if kind == "finished":
        return _sent_value(sent, value["message"], value["status"])
    usage = next((dict(told) for known, told in reversed(events) if known == "usage"), {})
    metadata = {name: usage.get(name) for name in TAKEN}
    message = sent.message and replace(
        sent.message,
        content=sent.message.content + event_index.joined(events, "delta"),
        reasoning=(sent.message.reasoning or "") + event_index.joined(events, "reasoning") or None,
        status="error",
        metadata={
            "generation_id": str(sent.generation_id),
            **metadata,
            "error": {name: value[name] for name in ("code", "title", "detail", "status")},
            **sent.notes,
        },
    )
    return _sent_value(sent, message, "error")


def _sent_value(sent: Sent, message: Message | dict[str, Any] | None, status: str) -> dict[str, Any]:
    plan = sent.plan and pick(MessageAnswer, sent.plan)
    return {"generation": generation_value(sent.generation_id, status), "plan": plan} | _shown(sent, message)


def _shown(sent: Sent | Edited, message: Message | dict[str, Any] | None) -> dict[str, Any]:
    return {
        "user_message": sent.user_message and pick(MessageAnswer, sent.user_message),
        "message": pick(MessageAnswer, message) if isinstance(message, Message) else message,
    }


def generation_value(generation_id: UUID, status: str) -> dict[str, Any]:
    """A reply that was begun, and where its events are."""
    return {"id": generation_id, "status": status, "events": f"/generations/{generation_id}/events"}


def _carrier() -> Carrier:
    return cast(Carrier, current_app.extensions["parley_carrier"])
