"""What a request makes of a chat's tree, as plain values: what is asked, where it hangs, and the replies that begin."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec

from api.domain import clock
from api.domain.attachments import Attachment, parts_of
from api.domain.chats import Chat, Message, Spoken
from api.domain.context import fitted
from api.domain.conversation import FilePart, Turn
from api.domain.ids import new_id
from api.domain.plans import to_plan, turns_of
from api.domain.seam import GO_ON
from api.domain.sight import has_image, refuse_blind, shown_to
from api.services.model_configs import Target, Wish
from api.services.once import CallKey


@dataclass(frozen=True, slots=True)
class Order:
    """How a request came. `said` is all that makes two requests the same, for the Idempotency-Key."""

    said: tuple[Any, ...]
    idempotency_key: str | None = None
    surface: str = "native"
    api_key_id: UUID | None = None

    @property
    def hash(self) -> str | None:
        if self.idempotency_key is None:
            return None
        return hashlib.sha256(msgspec.json.encode(self.said)).hexdigest()

    @property
    def key(self) -> CallKey | None:
        """The same for what begins no reply."""
        said = self.hash
        return None if self.idempotency_key is None or said is None else CallKey(self.idempotency_key, said)


@dataclass(frozen=True, slots=True)
class Opening:
    """What becomes of the tree. The question hangs below `parent_id`; without one, the replies do. `chat` has grown
    by all that is new; `goes_on` is the reply that grows instead of a new one; `then` answers by the plan, where the
    reply is one."""

    chat: Chat
    parent_id: UUID | None
    question: str | None = None
    wishes: tuple[Wish, ...] = (Wish(),)
    goes_on: Message | None = None
    files: tuple[Attachment, ...] = ()  # of the question
    context: Sequence[Spoken] | None = None  # in place of what is stored
    system: str | None = None  # the system prompt of this call, in place of every other
    is_new: bool = False  # the chat; it stays with the model that answers first
    answered: Message | None = None  # the old question, where there is no new one
    kind: str = "text"
    then: Wish | None = None

    @property
    def calls(self) -> tuple[Wish, ...]:
        """All that is asked of models, in order."""
        return (*self.wishes, self.then) if self.then else self.wishes


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply that begins, and the message that it answers."""

    generation_id: UUID
    target: Target
    question: Message | None
    message: Message
    turns: tuple[Turn, ...]
    notes: dict[str, Any]

    @property
    def question_id(self) -> UUID | None:
        return self.question.id if self.question else self.message.parent_id


def said_of(wish: Wish) -> tuple[Any, ...]:
    """All that a wish says, for an order's `said`."""
    numbers = (wish.temperature, wish.top_p, wish.max_tokens)
    return (wish.model, str(wish.model_config_id), *numbers, str(wish.prompt_id))


def question_of(opened: Opening) -> Message | None:
    """The new message, if there is one."""
    if opened.question is None:
        return None
    seq = opened.chat.last_seq - len(opened.calls)
    return _message(
        opened.chat,
        opened.parent_id,
        seq,
        role="user",
        content=opened.question,
        parts=parts_of(opened.files),
        status="complete",
    )


def refuse_unseen(opened: Opening, context: Sequence[Spoken], targets: Sequence[Target]) -> None:
    """Every model that is asked sees what the question shows. Raises ModelCannotSee."""
    asked = (one.files for one in reversed(context) if one.role == "user")
    files = next(asked, ()) if opened.question is None else opened.files
    if has_image(files):
        for target in targets:
            refuse_blind(target.model, target.facts)


def reply_to(opened: Opening, question: Message | None, context: Sequence[Spoken], target: Target, place: int) -> Reply:
    """The reply of one model. `place` counts the replies from the last one: that one's is 0."""
    taken = sum(file.size for file in opened.files if file.is_image)
    context, hidden = shown_to(target.facts, context, taken)
    turns = turns_of(context, followed=question is None and opened.goes_on is None)
    if question is not None:
        turns.append(Turn("user", question.content, tuple(map(FilePart, opened.files))))
    if opened.goes_on is not None:
        turns.append(Turn("user", GO_ON))
    if opened.kind == "plan":
        target = replace(target, system=to_plan(target.system))
    kept, dropped = fitted(turns, target.system, window=target.facts.context_window, reserve=target.max_tokens)
    notes: dict[str, Any] = {"left_out_turns": dropped} if dropped else {}
    notes |= {"left_out_images": hidden} if hidden else {}
    notes |= target.notes
    if opened.goes_on is not None:
        metadata = {name: value for name, value in opened.goes_on.metadata.items() if name != "error"}
        message = replace(opened.goes_on, status="running", metadata=metadata)
        notes["continues"] = metadata.get("generation_id")
    else:
        message = _message(
            opened.chat,
            question.id if question else opened.parent_id,
            opened.chat.last_seq - place,
            role="assistant",
            kind=opened.kind,
            content="",
            status="running",
            model=target.model,
            provider=target.vendor.id,
        )
    return Reply(new_id(), target, question or opened.answered, message, kept, notes)


def answer_by(opened: Opening, planned: Reply, context: Sequence[Spoken], target: Target, text: str) -> Reply:
    """The answer that follows a plan of these words; `context` is what was said before it."""
    new = [Spoken("user", opened.question, files=opened.files)] if opened.question is not None else []
    following = Opening(opened.chat, planned.message.id, answered=planned.question)
    reply = reply_to(following, None, [*context, *new, Spoken("assistant", text, "plan")], target, 0)
    return replace(reply, generation_id=UUID(planned.notes["then"]))


def _message(
    chat: Chat,
    parent_id: UUID | None,
    seq: int,
    *,
    role: str,
    content: str,
    status: str,
    parts: Any = None,
    kind: str = "text",
    model: str | None = None,
    provider: str | None = None,
) -> Message:
    return Message(
        user_id=chat.user_id,
        id=new_id(),
        chat_id=chat.id,
        parent_id=parent_id,
        seq=seq,
        role=role,
        kind=kind,
        content=content,
        reasoning=None,
        parts=parts,
        model=model,
        provider=provider,
        status=status,
        metadata={},
        created_at=clock.now(),
    )
