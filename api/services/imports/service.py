"""Imports: a file is taken whole, then read in the background, chat by chat, while its owner may ask how far it is."""

from __future__ import annotations

import datetime as dt
import errno
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

import structlog

from api.domain import clock
from api.domain.attachments import shown_in
from api.domain.errors import AppError, Conflict, Invalid, NotFound, Overloaded, StoreUnavailable
from api.domain.ids import new_id, parse_id
from api.domain.imports import ImportResult, ImportRun, RunState
from api.domain.principal import Principal
from api.domain.transcripts import FORMAT, Transcript
from api.importers.files import Enclosed, Failure, Limits, Unusable, conversations
from api.importers.values import Unreadable
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.attachments import AttachmentService
from api.services.imports.storing import Rules, checked, digest_of, store

MOST: Final = 2  # files that a process reads at a time
DEAD: Final = dt.timedelta(minutes=2)
KEPT: Final = dt.timedelta(days=30)
TELL_SECONDS: Final = 2.0
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
FULL_DISK: Final = "The disk of this server is full; nothing was taken. Tell whoever runs it."
CUT: Final = "The server stopped meanwhile. Import the file again: what is in already is not added twice."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """A run, and a page of its results; `more` where there are others behind them."""

    run: ImportRun
    results: list[ImportResult]
    more: bool


class _Stopped(Exception):
    pass


class ImportService:
    """`folder` is where a file waits to be read; it has no name there, and goes with the process."""

    def __init__(
        self,
        store: Store,
        attachments: AttachmentService,
        *,
        folder: Path,
        limits: Limits,
        rules: Rules,
        most_bytes: int,
    ) -> None:
        self._store = store
        self._attachments = attachments
        self._folder = folder
        self._limits = limits
        self._rules = rules
        self._most_bytes = most_bytes
        self._free = threading.Semaphore(MOST)
        self._stopping = threading.Event()
        self._threads: set[threading.Thread] = set()

    def start(self, principal: Principal, chunks: Iterable[bytes]) -> ImportRun:
        """Take a file and begin to read it. Raises Invalid for an empty or too large one, Conflict while another of the
        account is read, Overloaded, StoreUnavailable."""
        if not self._free.acquire(blocking=False):
            raise Overloaded("Enough files are being imported already; try again in a minute.", retry_after=60)
        try:
            file, size = self._taken(chunks)
            try:
                run = self._begun(principal, size)
                thread = threading.Thread(target=self._carry, args=(principal, run, file), name="import", daemon=True)
                self._threads.add(thread)
                thread.start()
            except BaseException:
                file.close()
                raise
        except BaseException:
            self._free.release()
            raise
        return run

    def whole(self, principal: Principal, file: BinaryIO, size: int) -> ImportRun:
        """Read a file here and now; the run at its end."""
        run = self._begun(principal, size)
        self._read(principal, run, file)
        return self.seen(principal, str(run.id), 0, 1).run

    def seen(self, principal: Principal, reference: str, after: int, limit: int) -> Seen:
        """How far a run is, and its results from just behind `after`. Raises NotFound."""
        run_id = parse_id(reference)
        user_id = principal.user_id
        run = self._store.read(lambda work: work.imports.run(user_id, run_id)) if run_id else None
        if run is None or run_id is None:
            raise NotFound("There is no such import.")
        results = self._store.read(lambda work: work.imports.results(user_id, run_id, after, limit + 1))
        if run.state == "running" and run.updated_at < clock.now() - DEAD:
            run = replace(run, state="interrupted", detail=CUT)
        return Seen(run, results[:limit], len(results) > limit)

    def stop(self) -> None:
        """The process ends: what is being read is cut behind the present chat."""
        self._stopping.set()
        for thread in tuple(self._threads):
            thread.join(30)

    def _taken(self, chunks: Iterable[bytes]) -> tuple[BinaryIO, int]:
        """The file on disk, without a name. Raises Invalid, StoreUnavailable."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file: BinaryIO = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  (read by a thread, which closes it)
        size = 0
        try:
            for chunk in chunks:
                size += len(chunk)
                if size > self._most_bytes:
                    raise Invalid(f"The file has more than {self._most_bytes:,} bytes (MAX_IMPORT_BYTES). Split it.")
                file.write(chunk)
            if size == 0:
                raise Invalid("Send the file as the body of the request: a zip, or JSON.")
            file.flush()
        except OSError as error:
            file.close()
            if error.errno in FULL:
                raise StoreUnavailable(FULL_DISK, retry_after=60) from error
            raise
        except BaseException:
            file.close()
            raise
        return file, size

    def _begun(self, principal: Principal, size: int) -> ImportRun:
        now = clock.now()
        run = ImportRun(principal.user_id, new_id(), "running", size, 0, 0, 0, 0, 0, None, now, now)

        def begin(work: UnitOfWork) -> None:
            work.accounts.hold(principal.user_id)  # of two at once, the second sees the first
            if work.imports.alive(principal.user_id, now - DEAD):
                raise Conflict("A file of yours is being imported; wait for its end.")
            work.imports.forget_runs(principal.user_id, now - KEPT)
            work.imports.begin(run)

        self._store.write(begin)
        return run

    def _carry(self, principal: Principal, run: ImportRun, file: BinaryIO) -> None:
        try:
            with file:
                self._read(principal, run, file)
        except Exception:
            log.exception("an import failed", run=str(run.id))
        finally:
            self._threads.discard(threading.current_thread())
            self._free.release()

    def _read(self, principal: Principal, run: ImportRun, file: BinaryIO) -> None:
        reading = _Reading(self._store, principal, run, self._rules, self._stopping.is_set)
        state: RunState = "complete"
        detail: str | None = None
        try:
            for one in conversations(file, self._limits, reading.progress):
                if isinstance(one, Enclosed):
                    reading.enclose(one, self._attachments)
                else:
                    reading.take(one)
        except Unusable as error:
            state, detail = "failed", str(error)
        except _Stopped:
            state, detail = "interrupted", CUT
        except AppError as error:
            state, detail = "failed", f"{error.detail} Import the file again: what is in already is not added twice."
        except Exception:
            log.exception("an import failed", run=str(run.id))
            state, detail = "failed", "The file could not be read to its end; the server's log says why."
        if state == "complete" and not any(reading.counts.values()):
            state, detail = "failed", "There is no conversation in this file."
        reading.end(state, detail)


class _Reading:
    """One run's place in its file."""

    def __init__(
        self, store: Store, principal: Principal, run: ImportRun, rules: Rules, stopping: Callable[[], bool]
    ) -> None:
        self._store = store
        self._principal = principal
        self._run = run
        self._rules = rules
        self._stopping = stopping
        self._done = 0
        self._told = time.monotonic()
        self._files: dict[UUID, tuple[UUID, str]] = {}  # of each file its message, and its name
        self.counts = dict.fromkeys(("added", "extended", "unchanged", "failed"), 0)

    def progress(self, done: int) -> None:
        """Raises _Stopped when the process ends."""
        self._done = done
        if self._stopping():
            raise _Stopped
        if time.monotonic() - self._told > TELL_SECONDS:
            self._tell({})

    def take(self, one: Transcript | Failure) -> None:
        """One conversation, with its result, wholly or not at all."""
        position = sum(self.counts.values()) + 1
        if isinstance(one, Failure):
            if one.fault is not None:
                log.error("a conversation could not be read", run=str(self._run.id), exc_info=one.fault)
            self._failed(position, one)
            return
        try:
            checked(one, self._rules)
            digest = digest_of(one)
            result = self._store.write(lambda work: self._stored(work, one, digest, position), durable=False)
            self.counts[result.outcome] += 1
            self._note_files(one)
            self._told = time.monotonic()
        except StoreUnavailable:
            raise
        except Invalid as error:
            self._failed(position, Failure(one.title or "", error.detail, one.source, one.id))
        except Exception:
            log.exception("a conversation could not be stored", run=str(self._run.id), source=one.source)
            detail = "It could not be stored; the server's log says why."
            self._failed(position, Failure(one.title or "", detail, one.source, one.id))

    def enclose(self, one: Enclosed, attachments: AttachmentService) -> None:
        """A file of a message of this run, where the message has lost it."""
        message_id, name = self._files.get(one.id, (None, ""))
        try:
            if message_id is not None:
                attachments.restore(self._principal, message_id, one.id, one.chunks)
        except StoreUnavailable:
            raise
        except (AppError, Unreadable) as error:
            detail = error.detail if isinstance(error, AppError) else str(error)
            self._failed(sum(self.counts.values()) + 1, Failure(name, detail, FORMAT, str(one.id)))

    def _note_files(self, transcript: Transcript) -> None:
        if transcript.source == FORMAT:
            for said in transcript.messages:
                for file in shown_in(said.parts):
                    self._files[UUID(file["id"])] = (UUID(said.id), file["name"])

    def end(self, state: RunState, detail: str | None) -> None:
        self._tell({"state": state, "detail": detail, "done": self._run.size if state == "complete" else self._done})

    def _stored(self, work: UnitOfWork, transcript: Transcript, digest: str, position: int) -> ImportResult:
        result = store(work, self._principal, transcript, digest=digest, position=position, rules=self._rules)
        self._note(work, result)
        return result

    def _failed(self, position: int, failure: Failure) -> None:
        title = failure.title or f"conversation {position}"
        result = ImportResult(position, "failed", title[:200], failure.source, failure.id, detail=failure.detail[:1000])
        self._store.write(lambda work: self._note(work, result), durable=False)
        self.counts["failed"] += 1

    def _note(self, work: UnitOfWork, result: ImportResult) -> None:
        work.imports.add_result(self._run.user_id, self._run.id, result)
        counts = self.counts | {result.outcome: self.counts[result.outcome] + 1}
        work.imports.progress(self._run.user_id, self._run.id, {"done": self._done, **counts})

    def _tell(self, values: dict[str, object]) -> None:
        user_id, run_id = self._run.user_id, self._run.id
        self._store.write(lambda work: work.imports.progress(user_id, run_id, {"done": self._done, **values}))
        self._told = time.monotonic()
