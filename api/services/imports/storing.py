"""One transcript becomes one chat, in one transaction; the second time, it adds what is new in it.

A chat or message that comes from elsewhere gets an id that follows from its names there; one of our own format keeps
its id. So a message that is here already is recognised, and nothing here is ever changed by an import: only added to.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from uuid import UUID

from api.domain import clock
from api.domain.chats import Chat, Message, title_from
from api.domain.errors import Invalid
from api.domain.ids import parse_id
from api.domain.imports import Imported, ImportResult, id_of
from api.domain.principal import Principal
from api.domain.sealed import unsealed
from api.domain.transcripts import FORMAT, Said, Transcript, canonical
from api.repositories.unit_of_work import UnitOfWork
from api.services.system_prompts import usable_prompt

BATCH: Final = 100
NO_CONFIG: Final = "Its model config is not one of yours here; it goes on without."
NO_PROMPT: Final = "Its prompt is not one of yours here; it goes on without."


@dataclass(frozen=True, slots=True)
class Rules:
    """`restore`: what was imported before and then deleted comes back."""

    longest: int
    restore: bool = True


def digest_of(transcript: Transcript) -> str:
    """Equal for equal content."""
    return hashlib.sha256(canonical(_plain(asdict(transcript))).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, dt.datetime) else value


def checked(transcript: Transcript, rules: Rules) -> None:
    """Raises Invalid for what is longer than a message may be."""
    for said in transcript.messages:
        if (size := max(len(said.content), len(said.reasoning or ""))) > rules.longest:
            raise Invalid(
                f"One of its messages has {size:,} characters; at most {rules.longest:,} are kept (MAX_REPLY_CHARS)."
            )


def store(
    work: UnitOfWork, principal: Principal, transcript: Transcript, *, digest: str, position: int, rules: Rules
) -> ImportResult:
    """Add the chat, or to it. `digest` is the transcript's."""
    user_id, own = principal.user_id, parse_id(transcript.id) if transcript.source == FORMAT else None
    wanted = Imported(transcript.source, transcript.id, digest, own or id_of(transcript.source, transcript.id))
    known, is_new = work.imports.claim(user_id, wanted)
    chat = work.chats.hold(str(known.object_id), user_id)
    if chat is not None and chat.id != known.object_id:  # another one's slug looks like this id
        chat = None
    result = ImportResult(
        position=position,
        outcome="unchanged",
        title=transcript.title or _title(transcript),
        source=transcript.source,
        source_id=transcript.id,
        chat_id=known.object_id if chat else None,
        detail=" ".join(transcript.notes) or None,
    )
    if not is_new and (known.content_hash == digest if chat else not rules.restore):
        return result
    if chat is None:
        result = _add(work, principal, transcript, known.object_id, result)
    else:
        result = _extend(work, chat, transcript, result)
    work.imports.remember(user_id, replace(known, content_hash=digest))
    return result


def _add(
    work: UnitOfWork, principal: Principal, transcript: Transcript, chat_id: UUID, result: ImportResult
) -> ImportResult:
    user_id = principal.user_id
    fields, notes = _usable(work, principal, transcript.fields)
    times = [said.created_at for said in transcript.messages if said.created_at]
    begun = transcript.created_at or min(times, default=clock.now())
    ids, _ = _ids(work, user_id, transcript, chat_id)
    values = {
        "titled_by": "user" if transcript.title else "words",
        **fields,
        "user_id": user_id,
        "id": chat_id,
        "number": work.chats.next_number(user_id),
        "title": result.title,
        "head_id": ids[transcript.head] if transcript.head else None,
        "last_seq": len(transcript.messages),
        "created_at": begun,
        "updated_at": transcript.updated_at or max(times, default=begun),
    }
    slug = fields.get("slug") or secrets.token_urlsafe(9)
    if not work.chats.add(values | {"slug": slug}):
        work.chats.add(values | {"slug": secrets.token_urlsafe(9)})
    _add_messages(
        work,
        [
            _row(user_id, chat_id, said, seq=seq, ids=ids, begun=begun)
            for seq, said in enumerate(transcript.messages, 1)
        ],
    )
    detail = " ".join(filter(None, (result.detail, *notes))) or None
    return replace(result, outcome="added", chat_id=chat_id, messages=len(transcript.messages), detail=detail)


def _extend(work: UnitOfWork, chat: Chat, transcript: Transcript, result: ImportResult) -> ImportResult:
    """What was said there since; what was said, shown and named here stays. The branch shown is the source's while
    nobody went on here. `chat` is held by this transaction."""
    ids, here = _ids(work, chat.user_id, transcript, chat.id)
    fresh = [said for said in transcript.messages if ids[said.id] not in here]
    if not fresh:
        return result
    rows = [
        _row(chat.user_id, chat.id, said, seq=seq, ids=ids, begun=chat.created_at)
        for seq, said in enumerate(fresh, chat.last_seq + 1)
    ]
    _add_messages(work, rows)
    changes: dict[str, Any] = {"last_seq": rows[-1].seq, "updated_at": clock.now()}
    if transcript.head and (chat.head_id is None or chat.head_id in ids.values()):
        changes["head_id"] = ids[transcript.head]
    work.chats.change(chat.user_id, chat.id, changes)
    return replace(result, outcome="extended", messages=len(fresh))


def _ids(work: UnitOfWork, user_id: UUID, transcript: Transcript, chat_id: UUID) -> tuple[dict[str, UUID], set[UUID]]:
    """Each message's id here, and those of them that are here. Our own keep theirs, unless another chat has one."""
    derived = {said.id: id_of(transcript.source, transcript.id, said.id) for said in transcript.messages}
    here = work.imports.chats_of(user_id, derived.values())
    if transcript.source != FORMAT or here:
        return derived, set(here)
    given = {said.id: UUID(said.id) for said in transcript.messages}
    here = work.imports.chats_of(user_id, given.values())
    return (given, set(here)) if all(chat == chat_id for chat in here.values()) else (derived, set())


def _row(user_id: UUID, chat_id: UUID, said: Said, *, seq: int, ids: Mapping[str, UUID], begun: dt.datetime) -> Message:
    return Message(
        user_id=user_id,
        id=ids[said.id],
        chat_id=chat_id,
        parent_id=ids[said.parent_id] if said.parent_id is not None else None,
        seq=seq,
        role=said.role,
        kind=said.kind,
        content=said.content,
        reasoning=said.reasoning,
        parts=unsealed(said.parts),
        model=said.model,
        provider=said.provider,
        status=said.status,
        metadata=said.metadata,
        created_at=said.created_at or begun,
    )


def _add_messages(work: UnitOfWork, rows: list[Message]) -> None:
    for first in range(0, len(rows), BATCH):
        work.messages.add(rows[first : first + BATCH])


def _usable(work: UnitOfWork, principal: Principal, fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The chat's fields, without a config or prompt that this account has not."""
    usable, notes = dict(fields), []
    for name in ("model_config_id", "prompt_id"):
        usable[name] = parse_id(str(fields.get(name)))
    config_id, prompt_id = usable["model_config_id"], usable["prompt_id"]
    if config_id and work.model_configs.get_usable(config_id, principal.user_id) is None:
        usable["model_config_id"] = None
        notes.append(NO_CONFIG)
    if prompt_id and usable_prompt(work, principal, prompt_id) is None:
        usable["prompt_id"] = None
        notes.append(NO_PROMPT)
    return usable, notes


def _title(transcript: Transcript) -> str:
    spoken = (said.content for said in transcript.messages if said.role == "user" and said.content.strip())
    return title_from(next(spoken, ""))
