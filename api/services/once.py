"""An Idempotency-Key on what begins no reply of a chat.

A call whose answer is not kept is made once, and can be made again where it failed. What has come cannot be brought
again, so a second request with the key of a call that runs, or that was answered, is refused. A call that failed, or
that was ended since its client had left, frees its key. What calls nobody notes its key beside what it makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from api.domain import clock
from api.domain.errors import Conflict, Invalid
from api.domain.kept_keys import KEY_LIFE, KeptKey
from api.repositories.unit_of_work import UnitOfWork

SAID_OTHERWISE: Final = "This Idempotency-Key came with another request before; use a new key for a new {what}."
RUNS: Final = "The call with this Idempotency-Key is being made at this moment; wait for it, or use a new key."
ANSWERED: Final = (
    "The call with this Idempotency-Key was made and answered, and its answer is not kept; use a new key for another."
)
MEANWHILE: Final = "A request with this Idempotency-Key came at the same moment; send this one again."
FREED: Final = ("error", "stopped", "interrupted")


@dataclass(frozen=True, slots=True)
class CallKey:
    """`said` is a hash of all that the request says."""

    value: str
    said: str


def enter(work: UnitOfWork, row: Mapping[str, Any], key: CallKey | None) -> None:
    """Put a call that belongs to no chat into the ledger. Raises Conflict and Invalid over its key."""
    if key is None:
        work.turns.begin((), row, {})
        return
    if recalled(work, row["user_id"], key) is not None:
        raise Invalid(SAID_OTHERWISE.format(what="call"))
    earlier = work.generations.by_idempotency_key(row["user_id"], key.value)
    if earlier is not None:
        if clock.now() - earlier.queued_at <= KEY_LIFE:
            if earlier.request_hash != key.said:
                raise Invalid(SAID_OTHERWISE.format(what="call"))
            if earlier.status not in FREED:
                raise Conflict(RUNS if earlier.active else ANSWERED, generation_id=str(earlier.id))
        work.generations.forget_idempotency_key(row["user_id"], earlier.id)
    if not work.turns.begin((), {**row, "idempotency_key": key.value, "request_hash": key.said}, {}):
        raise Conflict(RUNS)


def recalled(work: UnitOfWork, user_id: UUID, key: CallKey | None) -> UUID | None:
    """What an earlier request with the key made, as `keep` noted it. Raises Invalid where that one said something
    else."""
    kept = work.kept_keys.get(user_id, key.value) if key else None
    if kept is None or key is None or clock.now() - kept.made_at > KEY_LIFE:
        return None
    if kept.request_hash != key.said:
        raise Invalid(SAID_OTHERWISE.format(what="request"))
    return kept.made_id


def keep(work: UnitOfWork, user_id: UUID, key: CallKey | None, made_id: UUID) -> None:
    """Note what a request makes, in the transaction that makes it. Raises Invalid for a key of a reply or a call,
    Conflict where a request of the same moment was first."""
    if key is None:
        return
    now = clock.now()
    begun = work.generations.by_idempotency_key(user_id, key.value)
    if begun is not None and now - begun.queued_at <= KEY_LIFE:
        raise Invalid(SAID_OTHERWISE.format(what="request"))
    work.kept_keys.forget_before(user_id, now - KEY_LIFE)
    if not work.kept_keys.add(KeptKey(user_id, key.value, key.said, made_id, now)):
        raise Conflict(MEANWHILE)
