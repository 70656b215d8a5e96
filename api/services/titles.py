"""Titles by a model, for those who want them: a call of its own after the first reply, which nobody waits for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

import structlog

from api.domain.chats import title_from
from api.domain.errors import AppError
from api.domain.principal import Principal
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.completions import CompletionService
from api.services.generations.run import Run

log = structlog.get_logger()
ANSWERED: Final = ("complete", "length")
MOST_CHARS: Final = 2_000  # of question and answer each
ASK: Final = "Write a title of at most six words for this conversation, in its language. Reply with the title alone."


class TitleService:
    """`model` makes the titles; where it is empty, the model that answered. A call that fails leaves the first words,
    and a title that its user has written is never touched."""

    def __init__(self, store: Store, completions: CompletionService, model: str) -> None:
        self._store = store
        self._completions = completions
        self._model = model
        self._pool = ThreadPoolExecutor(1, "titles")

    def watch(self, principal: Principal, run: Run) -> None:
        """To be told when the first reply of a chat begins. Returns at once."""
        if principal.titles == "model":
            run.when_ended(lambda _: self._aside(lambda: self._ask(principal, run)))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _aside(self, do: Callable[[], None]) -> None:
        """In the loop's thread."""

        def run() -> None:
            try:
                do()
            except AppError as error:
                log.info("a chat keeps the title of its first words", code=error.code)
            except Exception:
                log.exception("a chat could not be titled")

        with contextlib.suppress(RuntimeError):  # the server stops
            self._pool.submit(run)

    def _ask(self, principal: Principal, answered: Run) -> None:
        chat_id = answered.plan.chat_id
        assert chat_id is not None

        def read(work: UnitOfWork) -> tuple[str, str] | None:
            chat = work.chats.get_owned(str(chat_id), principal.user_id)
            generation = work.generations.get_owned(answered.id, principal.user_id)
            if chat is None or chat.titled_by != "words" or generation is None or generation.status not in ANSWERED:
                return None
            path = work.messages.path(principal.user_id, generation.message_id, 2)
            said = "\n\n".join(f"{one.role}: {one.content[:MOST_CHARS]}" for one in path)
            return self._model or f"{generation.provider}/{generation.model}", f"{ASK}\n\n{said}"

        if (found := self._store.read(read)) is not None:
            writing = self._completions.write(principal, *found, surface="title")
            writing.when_ended(lambda written: self._keep(principal, chat_id, written))

    def _keep(self, principal: Principal, chat_id: UUID, written: Run) -> None:
        """In the loop's thread."""
        text = "".join(value for kind, value in written.log.events if kind == "delta")
        if written.log.events[-1][0] == "finished" and (title := _title(text)):
            self._aside(lambda: self._store_title(principal, chat_id, title))

    def _store_title(self, principal: Principal, chat_id: UUID, title: str) -> None:
        self._store.write(lambda work: work.chats.retitle(principal.user_id, chat_id, title))


def _title(text: str) -> str:
    """The first line that says something, without what models put around it; empty if there is none."""
    line = next((line for line in text.splitlines() if line.strip(" \t#*\"'“”")), "")
    line = "".join(char for char in line.strip(" \t#*\"'“”") if char.isprintable())
    return title_from(line) if line else ""
