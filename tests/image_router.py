"""An ImageRouter on loopback, written from its documentation, that misbehaves as it is told to.

Its answers have the form of docs.imagerouter.io: one image a call, `cost` beside it, white space until it is there, and
faults in an answer of status 200. The model's name picks the behaviour; any other name draws.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Flask
from PIL import Image

from api.domain import clock
from api.domain.ids import new_id
from api.domain.images import Image as Kept
from api.services.images import ImageService
from tests.answers import Answer, Answers

KEY = "ir-0123456789abcdefCANARY"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def png(width: int = 8, height: int = 8, shade: int = 0, beside: int = 0) -> bytes:
    """A real image; `beside` so many bytes that nobody draws."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (shade % 256, shade // 256 % 256, 40)).save(out, "PNG")
    return out.getvalue() + b"\0" * beside


def bomb() -> bytes:
    """A few bytes that would be gigabytes once drawn."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def b64(data: bytes) -> dict[str, Any]:
    return {"b64_json": base64.b64encode(data).decode()}


def image_router(url: Callable[[], str] = lambda: "") -> dict[str, Answer]:
    """`url` tells where the server's own files are."""
    drawn = iter(range(1, 10_000))

    def told(*rows: dict[str, Any], **more: Any) -> bytes:
        body = {"created": 1769286389027, "data": list(rows), "latency": 6942, "cost": 0.004} | more
        return b"   " + json.dumps(body).encode()

    def answered(body: Any) -> Answer:
        hostile = {
            "svg": b64(SVG),
            "html": b64(HTML),
            "junk": {"b64_json": "not base64 at all!"},
            "empty": {"b64_json": ""},
            "bomb": b64(bomb()),
            "cut": b64(png()[:20]),
            "huge": b64(png(beside=120_000)),  # more than one may have, less than is read
            "file-svg": {"url": f"{url()}/file/svg"},
            "file-huge": {"url": f"{url()}/file/huge"},
            "file-gone": {"url": f"{url()}/file/gone"},
            "file-moved": {"url": f"{url()}/file/moved"},
            "metadata": {"url": "http://169.254.169.254/latest/meta-data/"},
            "private": {"url": "http://10.0.0.1/image.png"},
            "scheme": {"url": "file:///etc/passwd"},
            "user": {"url": "http://user:word@10.0.0.1/image.png"},
        }
        model = body["model"]
        if model in hostile:
            return told(hostile[model])
        match model.partition(":"):
            case "status", _, code:
                return int(code), {"error": {"message": f"no, not with {KEY}", "type": "some_error"}}
            case "error", _, kind:
                return told(error={"message": f"It failed for {KEY}.", "type": kind}, data=[])
            case "many", _, _:
                return told(b64(png()), b64(png()))
            case "raw", _, text:
                return text.encode()
            case "cost", _, cost:
                return told(b64(png()), cost=json.loads(cost))
            case "free", _, _:
                return b" " + json.dumps({"data": [b64(png(shade=next(drawn)))]}).encode()
            case "url", _, _:
                return told({"url": f"{url()}/file/good"})
            case "tokens", _, _:
                usage = {"input_tokens": 10, "output_tokens": 100, "total_tokens": 110}
                return {"created": 1, "data": [b64(png())] * body.get("n", 1), "usage": usage}
            case "third", _, _:
                number = next(drawn)
                return told(b64(png(shade=number))) if number % 3 else told(error={"message": "no"}, data=[])
        return told(b64(png(shade=next(drawn))) | {"revised_prompt": f"{body['prompt']}, revised"})

    return {
        "/v1/openai/images/generations": answered,
        "/v1/images/generations": answered,
        "/v1/openai/models": {"data": [{"id": "test/test"}, {"id": "openai/gpt-image-2"}]},
        "/file/good": png(16, 4),
        "/file/svg": SVG,
        "/file/huge": png(beside=200_000),
        "/file/moved": (302, {}),
    }


def running() -> Answers:
    """`with running() as server:`, whose files are its own."""
    server = Answers({})
    server.by_path |= image_router(lambda: server.url)
    return server


def kept_for(app: Flask, user_id: str) -> str:
    """The id of an image as if a model had made it for that account."""
    images: ImageService = app.extensions["parley"].images
    data = png()
    image = Kept(
        user_id=UUID(user_id),
        id=new_id(),
        generation_id=new_id(),
        prompt="a fox",
        revised_prompt=None,
        provider="openai",
        model="any",
        requested_size=None,
        quality=None,
        mime="image/png",
        width=8,
        height=8,
        bytes=len(data),
        digest=images._files.put([data], len(data)).digest,
        created_at=clock.now(),
    )
    images._store.write(lambda work: work.images.add([image]))
    return str(image.id)
