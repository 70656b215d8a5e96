"""A chat's tree of messages: which branch is shown, what goes, what is copied, how a reply was liked.

What is removed is removed by these operations alone; everything else only adds branches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from api.domain import clock
from api.domain.chats import Chat, Message, Reference
from api.domain.errors import Conflict, Invalid, NotFound
from api.domain.generations import ACTIVE
from api.domain.ids import new_id, parse_id
from api.domain.principal import Principal
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.chats import NO_CHAT, ChatService
from api.services.enclosures import Enclosures
from api.services.once import CallKey, keep, recalled
from api.services.rate_limits import RateLimitService
from api.services.turns import busy, refuse_busy

NO_MESSAGE = "There is no such message."
COPIED = ("model_config_id", "model", "prompt_id", "parameters", "plan", "folder", "tags", "temporary")


@dataclass(frozen=True, slots=True)
class Edited:
    """A plan in its user's words, and the question it is for."""

    user_message: Message | None
    message: Message
    replayed: bool = False  # an earlier request with the same Idempotency-Key did it


class TreeService:
    def __init__(self, store: Store, chats: ChatService, rate_limits: RateLimitService, enclosures: Enclosures) -> None:
        self._store = store
        self._enclosures = enclosures
        self._chats = chats
        self._rate_limits = rate_limits

    def show(self, principal: Principal, chat: str, message: str, expected_head: UUID | None = None) -> Chat:
        """Show the branch of a message, down to what was said last in it. Raises NotFound; Conflict, with `head_id`,
        when another branch than `expected_head` is shown by now."""

        def change(work: UnitOfWork) -> Chat:
            found = held_chat(work, principal, chat)
            chosen = _message(work, principal, message, found.id)
            if expected_head is not None and expected_head != found.head_id:
                raise Conflict("Another branch was chosen meanwhile; open the chat again.", head_id=str(found.head_id))
            head_id = work.messages.newest_below(principal.user_id, chosen.id)
            work.chats.change(principal.user_id, found.id, {"head_id": head_id})
            return replace(found, head_id=head_id)

        return self._store.write(change)

    def delete(self, principal: Principal, message: str) -> None:
        """Remove a message and all that was said after it. If it was shown, its parent is the end from now on. Raises
        NotFound, and ChatBusy while a reply runs in what would go."""

        def remove(work: UnitOfWork) -> None:
            doomed, chat = held(work, principal, message)
            branch = work.messages.branch(principal.user_id, doomed.id)
            for running in work.generations.all_active_in_chat(principal.user_id, chat.id):
                if branch & {running.message_id, running.user_message_id}:
                    raise busy(running)
            if chat.head_id in branch:
                work.chats.change(principal.user_id, chat.id, {"head_id": doomed.parent_id})
            work.messages.delete(principal.user_id, doomed.id)

        self._store.write(remove)

    def clear(self, principal: Principal, chat: str) -> None:
        """Remove all messages of a chat; the chat stays. Raises NotFound, ChatBusy."""

        def remove(work: UnitOfWork) -> None:
            found = held_chat(work, principal, chat)
            refuse_busy(work, principal, found)
            work.chats.change(principal.user_id, found.id, {"head_id": None})
            work.messages.delete_all(principal.user_id, found.id)

        self._store.write(remove)

    def fork(self, principal: Principal, chat: str, message: str | None, title: str | None) -> Chat:
        """A new chat that begins with the path down to a message (or to what is shown), under the same settings.
        Raises NotFound, and ChatBusy while the path's last reply runs."""

        def copy(work: UnitOfWork) -> Chat:
            source = held_chat(work, principal, chat)
            leaf = _message(work, principal, message, source.id).id if message else source.head_id
            path = work.messages.whole_path(principal.user_id, leaf)
            for running in work.generations.all_active_in_chat(principal.user_id, source.id):
                if any(one.id == running.message_id for one in path):
                    raise busy(running)
            values: dict[str, Any] = {name: getattr(source, name) for name in COPIED}
            if title or source.titled_by != "default":  # else its own first message is still to give it one
                values["title"] = title or source.title
            made = self._chats.made(work, principal, values)
            copies, files = self._enclosures.copied(work, _copies(path, made))
            work.messages.add(copies)
            work.attachments.add(files)
            changes: Mapping[str, Any] = {"last_seq": len(copies), "head_id": copies[-1].id if copies else None}
            work.chats.change(principal.user_id, made.id, changes)
            return replace(made, **changes)

        return self._store.write(copy)

    def is_plan(self, principal: Principal, message: str) -> bool:
        """Raises NotFound."""
        return self._store.read(lambda work: _message(work, principal, message)).kind == "plan"

    def edited_before(self, principal: Principal, key: CallKey | None) -> Edited | None:
        """What an earlier `edit_plan` with the key made. Raises Invalid where that one said something else, NotFound
        where it was deleted since."""
        return self._store.read(lambda work: _edited_before(work, principal, key)) if key else None

    def edit_plan(self, principal: Principal, message: str, content: str, key: CallKey | None = None) -> Edited:
        """A plan in other words, beside the old one; it is shown, and waits to be executed. Raises NotFound, ChatBusy,
        TooMany; Invalid and Conflict over its key."""
        self._rate_limits.count(principal, reads=False)

        def copy(work: UnitOfWork) -> Edited:
            old, chat = held(work, principal, message)
            if (edited := _edited_before(work, principal, key)) is not None:  # while we waited
                return edited
            chat = chat.grown(1)
            refuse_busy(work, principal, chat)
            metadata = {"edited_from": str(old.id)}
            changes: dict[str, Any] = {"id": new_id(), "seq": chat.last_seq, "content": content, "metadata": metadata}
            new = replace(old, **changes, status="complete", reasoning=None, created_at=clock.now())
            work.messages.add([new])
            keep(work, principal.user_id, key, new.id)
            shown = {"head_id": new.id, "last_seq": chat.last_seq, "updated_at": clock.now()}
            work.chats.change(principal.user_id, chat.id, shown)
            question = work.messages.get_owned(old.parent_id, principal.user_id) if old.parent_id else None
            return Edited(question, new)

        return self._store.write(copy)

    def rate(self, principal: Principal, message: str, rating: str | None, comment: str | None) -> Message:
        """Say how a reply was; None takes it back. Raises NotFound; Conflict while it still runs."""

        def change(work: UnitOfWork) -> Message:
            found, _ = held(work, principal, message)
            if found.role != "assistant":
                raise Invalid("Only a reply can be rated.")
            if found.status in ACTIVE:
                raise Conflict("This reply is still being written; rate it when it has ended.")
            metadata = {name: value for name, value in found.metadata.items() if name != "feedback"}
            if rating is not None:
                metadata["feedback"] = {"rating": rating, "comment": comment}
            work.messages.set_metadata(principal.user_id, found.id, metadata)
            return replace(found, metadata=metadata)

        return self._store.write(change)


def held(work: UnitOfWork, principal: Principal, reference: str) -> tuple[Message, Chat]:
    """A message as it stands once its chat is kept from changing until the transaction ends. Raises NotFound."""
    chat = held_chat(work, principal, str(_message(work, principal, reference).chat_id))
    return _message(work, principal, reference), chat  # it may have changed, or gone, while we waited


def _edited_before(work: UnitOfWork, principal: Principal, key: CallKey | None) -> Edited | None:
    made_id = recalled(work, principal.user_id, key)
    if made_id is None:
        return None
    made = work.messages.get_owned(made_id, principal.user_id)
    if made is None:
        raise NotFound(NO_MESSAGE)
    question = work.messages.get_owned(made.parent_id, principal.user_id) if made.parent_id else None
    return Edited(question, made, replayed=True)


def held_chat(work: UnitOfWork, principal: Principal, reference: Reference) -> Chat:
    """The chat, kept from changing until the transaction ends. Raises NotFound."""
    chat = work.chats.hold(reference, principal.user_id)
    if chat is None:
        raise NotFound(NO_CHAT)
    return chat


def _message(work: UnitOfWork, principal: Principal, reference: str, chat_id: UUID | None = None) -> Message:
    message_id = parse_id(reference)
    found = work.messages.get_owned(message_id, principal.user_id) if message_id else None
    if found is None or chat_id not in {None, found.chat_id}:
        raise NotFound(NO_MESSAGE)
    return found


def _copies(path: list[Message], chat: Chat) -> list[Message]:
    """The same conversation in another chat."""
    copies: list[Message] = []
    for seq, message in enumerate(path, 1):
        parent_id = copies[-1].id if copies else None
        copies.append(replace(message, id=new_id(), chat_id=chat.id, parent_id=parent_id, seq=seq))
    return copies
