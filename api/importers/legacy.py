"""The files of the FastAPI and Streamlit demo: `chats/`, `system_prompts/`, `system_prompt.txt`.

Names come from an index and from the folder; one that is not of letters, digits, _ and - is never made a path. A file
is opened only if it is one: no link is followed, no pipe waited for, nothing larger than the limit read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from api.domain.chats import SLUG
from api.domain.transcripts import Said, Transcript
from api.importers.files import Failure
from api.importers.json_stream import BreaksOff, decoded, pieces
from api.importers.values import Unreadable, line, mapping, moment, text

SOURCE: Final = "legacy"
PROMPTS: Final = "legacy-prompt"
INDEX: Final = "index"
ROLES: Final = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class LegacyFiles:
    """Where they are; None for what there is not. `most` bytes are read of a file."""

    chats: Path | None = None
    prompts: Path | None = None
    active_prompt: Path | None = None
    most: int = 20_000_000

    @classmethod
    def under(cls, folder: Path, most: int) -> LegacyFiles:
        """As the demo laid them out."""
        return cls(folder / "chats", folder / "system_prompts", folder / "system_prompt.txt", most)

    @classmethod
    def named(cls, chats: str, prompts: str, active_prompt: str, most: int) -> LegacyFiles:
        """As settings name them, where they do."""
        history, library, active = (Path(name) if name else None for name in (chats, prompts, active_prompt))
        return cls(history, library, active, most)

    @property
    def there(self) -> bool:
        return any(path is not None and path.exists() for path in (self.chats, self.prompts, self.active_prompt))


@dataclass(frozen=True, slots=True)
class LegacyPrompt:
    id: str
    name: str
    content: str
    description: str


def chats(files: LegacyFiles) -> Iterator[Transcript | Failure]:
    """Every chat of the folder, by id; what cannot be read is named."""
    for entry in _entries(files.chats, "chats", files.most):
        try:
            yield _chat(entry)
        except Unreadable as error:
            yield Failure(entry.name, str(error), SOURCE, entry.name)


def prompts(files: LegacyFiles) -> Iterator[LegacyPrompt | Failure]:
    """Every prompt of the folder, by id."""
    for entry in _entries(files.prompts, "prompts", files.most):
        try:
            yield _prompt(entry)
        except Unreadable as error:
            yield Failure(entry.name, str(error), PROMPTS, entry.name)


def active_prompt(files: LegacyFiles) -> str | Failure | None:
    """The text of the prompt that was active; None where there is no file, or nothing in it."""
    path = files.active_prompt
    if path is None or not os.path.lexists(path):
        return None
    try:
        return text(_bytes(path.parent, path.name, files.most).decode(errors="replace")).strip() or None
    except Unreadable as error:
        return Failure(path.name, str(error), SOURCE)


def _chat(entry: _Entry) -> Transcript:
    chat = mapping(entry.load())
    listed = chat.get("messages")
    if not isinstance(listed, list):
        raise Unreadable("It has no list of messages.")
    messages: list[Said] = []
    for number, one in enumerate(listed):
        content = text(mapping(one).get("content"))
        role = mapping(one).get("role")
        if role in ROLES and content.strip():
            parent = messages[-1].id if messages else None
            earlier = messages[-1].created_at if messages else moment(chat.get("created_at"))
            at = moment(one.get("timestamp")) or earlier
            messages.append(Said(str(number), parent, role, content, created_at=at))
    left_out = len(listed) - len(messages)
    return Transcript(
        source=SOURCE,
        id=entry.name,
        title=line(entry.told.get("title"), 200) or line(chat.get("title"), 200),
        messages=messages,
        head=messages[-1].id if messages else None,
        created_at=moment(chat.get("created_at")),
        updated_at=moment(chat.get("last_updated")) or moment(chat.get("updated_at")),
        fields={"slug": entry.name},
        notes=(f"{left_out} of its messages are of no user or assistant and were left out.",) if left_out else (),
    )


def _prompt(entry: _Entry) -> LegacyPrompt:
    prompt = mapping(entry.load())
    content = text(prompt.get("content"))
    if not content.strip():
        raise Unreadable("It has no content.")
    name = line(prompt.get("name"), 100) or line(entry.told.get("name"), 100) or entry.name
    return LegacyPrompt(entry.name, name, content, text(prompt.get("description"))[:2000])


@dataclass(frozen=True, slots=True)
class _Entry:
    """A name, what the index says of it, and what reads its file. `load` raises Unreadable."""

    name: str
    load: Callable[[], Any]
    told: Mapping[str, Any] = field(default_factory=dict)


def _entries(folder: Path | None, key: str, most: int) -> Iterator[_Entry]:
    """Of the index and the folder together; also for names that no file may have."""
    if folder is None or not folder.is_dir():
        return
    listed: Mapping[str, Any] = {}
    if os.path.lexists(folder / f"{INDEX}.json"):
        try:
            listed = mapping(mapping(_json(folder, INDEX, most)).get(key))
        except Unreadable as error:
            yield _Entry(f"{INDEX}.json", _refusal(str(error)))
    found = {entry.name.removesuffix(".json") for entry in os.scandir(folder) if entry.name.endswith(".json")}
    for name in sorted((found | set(listed)) - {INDEX}):
        if SLUG.fullmatch(name):
            yield _Entry(name, partial(_json, folder, name, most), mapping(listed.get(name)))
        else:
            why = "Its name is not of 1 to 50 letters, digits, _ or -; no such file is opened."
            yield _Entry(line(os.fsencode(name).decode(errors="replace"), 100) or "(no name)", _refusal(why))


def _refusal(why: str) -> Callable[[], Any]:
    def refuse() -> Any:
        raise Unreadable(why)

    return refuse


def _json(folder: Path, name: str, most: int) -> Any:
    """The value of a file that holds one. Raises Unreadable."""
    try:
        found = list(pieces([_bytes(folder, f"{name}.json", most)], most))
    except BreaksOff:
        raise Unreadable("Its file breaks off.") from None
    if len(found) != 1:
        raise Unreadable("Its file is no JSON object.")
    return decoded(found[0])


def _bytes(folder: Path, name: str, most: int) -> bytes:
    """Raises Unreadable."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise Unreadable("The index names it, and its file is not there.") from None
    except OSError as error:
        raise Unreadable(f"Its file cannot be opened: {error.strerror}.") from None
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise Unreadable("It is no ordinary file.")
    with open(descriptor, "rb") as file:
        if about.st_size > most:
            raise Unreadable(f"It has {about.st_size:,} bytes; at most {most:,} are read (IMPORT_CHAT_BYTES).")
        return file.read(most)
