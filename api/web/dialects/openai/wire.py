"""Our values → OpenAI's models, embeddings and errors. Pure translation, no Flask."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from api.domain import clock
from api.domain.images import Image
from api.services.embeddings import Embedded
from api.services.images import ImagesMade

TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}

OURS: Final = {"content": "messages", "slug": ""}  # a chat's, where the turn is stored: as this surface has it


def error_form(problem: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """A problem's status and body as OpenAI's SDKs read them: by the status they pick their exception's class."""
    status = 400 if problem["status"] == 422 else int(problem["status"])
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    entries: list[dict[str, Any]] = problem.get("errors") or [{}]
    pointer = str(entries[0].get("pointer") or "").strip("/")
    parameter = OURS.get(pointer, pointer).replace("/", ".") or None
    said = {"message": problem["detail"], "type": kind, "param": parameter, "code": problem["code"]}
    return status, {"error": said}


def embeddings(found: Embedded, *, packed: bool) -> dict[str, Any]:
    """Vectors in the order of their texts; `packed`: as the bytes of 32-bit floats, which the SDKs ask for."""
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
        for index, vector in enumerate(found.vectors)
    ]
    counted = found.usage.prompt_tokens
    usage = {"prompt_tokens": counted, "total_tokens": counted}
    return {"object": "list", "data": data, "model": found.model, "usage": usage}


def images_of(made: ImagesMade, read: Callable[[Image], bytes]) -> dict[str, Any]:
    """With their bytes."""
    return _images(made, lambda image: {"b64_json": base64.b64encode(read(image)).decode()})


def images_at(made: ImagesMade, root: str) -> dict[str, Any]:
    """With their addresses at this server."""
    return _images(made, lambda image: {"url": f"{root}/images/{image.id}/content"})


def _images(made: ImagesMade, shown: Callable[[Image], dict[str, Any]]) -> dict[str, Any]:
    data = [
        shown(image) | ({"revised_prompt": image.revised_prompt} if image.revised_prompt else {})
        for image in made.images
    ]
    value: dict[str, Any] = {"created": int(clock.now().timestamp()), "data": data}
    given, drawn = made.usage.prompt_tokens, made.usage.completion_tokens
    if given is not None and drawn is not None:
        value["usage"] = {"input_tokens": given, "output_tokens": drawn, "total_tokens": given + drawn}
    return value


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def model_value(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A model of the catalogue. Nobody says when it was made."""
    return {"id": entry["id"], "object": "model", "created": 0, "owned_by": entry["provider"]}
