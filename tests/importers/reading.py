"""A file of another product, read as the server reads it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from api.domain.transcripts import Said, Transcript
from api.importers.files import Failure, Limits, conversations

LIMITS = Limits(10**9, 10**8)


def read(*items: Any) -> list[Transcript | Failure]:
    return read_bytes(json.dumps(list(items)).encode())


def read_bytes(data: bytes) -> list[Transcript | Failure]:
    return list(conversations(io.BytesIO(data), LIMITS, lambda _: None))


def read_one(item: Any) -> Transcript:
    [found] = read(item)
    assert isinstance(found, Transcript), found
    return found


def failure(item: Any) -> Failure:
    [found] = read(item)
    assert isinstance(found, Failure), found
    return found


def zipped(members: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in members.items():
            archive.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
    return target.getvalue()


def said(transcript: Transcript, content: str) -> Said:
    """The message of that text."""
    [found] = [one for one in transcript.messages if one.content == content]
    return found


def path(transcript: Transcript, leaf: str | None) -> list[str]:
    """The texts from the root down to a message."""
    by_id = {one.id: one for one in transcript.messages}
    texts: list[str] = []
    while leaf is not None:
        texts.insert(0, by_id[leaf].content)
        leaf = by_id[leaf].parent_id
    return texts


def below(transcript: Transcript, content: str) -> list[str]:
    """The texts of the answers to a message, in order."""
    above = said(transcript, content).id
    return [one.content for one in transcript.messages if one.parent_id == above]
