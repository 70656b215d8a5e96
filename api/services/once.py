"""An Idempotency-Key on a call whose answer is not kept: the call is made once, and can be made again where it failed.

What has come cannot be brought again, so a second request with the key of a call that runs, or that was answered, is
refused. A call that failed, or that was ended since its client had left, frees its key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.domain import clock
from api.domain.errors import Conflict, Invalid
from api.repositories.unit_of_work import UnitOfWork

KEY_LIFE: Final = dt.timedelta(hours=24)
SAID_OTHERWISE: Final = "This Idempotency-Key came with another request before; use a new key for a new {what}."
RUNS: Final = "The call with this Idempotency-Key is being made at this moment; wait for it, or use a new key."
ANSWERED: Final = (
    "The call with this Idempotency-Key was made and answered, and its answer is not kept; use a new key for another."
)
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
