"""The demo's files, at the start and by command: its chats under their own ids, its prompts, the active one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from api.domain.account_rules import ANONYMOUS
from api.domain.errors import AppError, Invalid, StoreUnavailable
from api.domain.imports import Imported, ImportResult, id_of
from api.domain.principal import ALL_SCOPES, Principal
from api.domain.transcripts import Transcript
from api.importers.files import Failure
from api.importers.legacy import PROMPTS, LegacyFiles, LegacyPrompt, active_prompt, chats, prompts
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.api_keys import internal_account
from api.services.imports.storing import Rules, checked, digest_of, store
from api.services.prompts import PromptService

ACTIVE: Final = "system_prompt.txt"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of each file."""

    username: str
    results: list[ImportResult]

    def count(self, outcome: str) -> int:
        return sum(one.outcome == outcome for one in self.results)

    @property
    def words(self) -> str:
        counts = ", ".join(f"{self.count(one)} {one}" for one in ("added", "extended", "unchanged", "failed"))
        return f"legacy files for {self.username}: {counts}"


class LegacyService:
    """`files` is what the settings name. Twice is once; what was deleted here stays so at the next start."""

    def __init__(self, store: Store, prompts: PromptService, files: LegacyFiles, longest: int) -> None:
        self._store = store
        self._prompts = prompts
        self._files = files
        self._longest = longest

    def at_start(self) -> Report | None:
        """The files that the settings name, for `anonymous`; None where there are none. A server starts whatever they
        hold: what cannot be read is logged."""
        if not self._files.there:
            return None
        report = self.take(self._files, None, restore=False)
        for one in report.results:
            if one.outcome == "failed":
                log.warning("a legacy file was passed over", file=one.title, reason=one.detail)
        log.info(report.words)
        return report

    def take_from(self, folder: Path, principal: Principal | None) -> Report:
        """Those of a folder, as the demo laid them out. Raises Invalid where there are none."""
        return self.take(LegacyFiles.under(folder, self._files.most), principal)

    def take(self, files: LegacyFiles, principal: Principal | None, *, restore: bool = True) -> Report:
        """All files, for an account, or for `anonymous`: it is made then, and nobody can sign in to it."""
        if not files.there:
            raise Invalid("There is neither chats/ nor system_prompts/ nor system_prompt.txt in that folder.")
        who = principal or self._anonymous()
        rules = Rules(self._longest, restore)
        results: list[ImportResult] = []
        for one in self._all(files, who, rules):
            results.append(one)
        return Report(who.username, results)

    def _all(self, files: LegacyFiles, who: Principal, rules: Rules) -> Iterator[ImportResult]:
        for chat in chats(files):
            yield self._one(chat, chat.title or chat.id or "", lambda work, chat=chat: _chat(work, who, chat, rules))  # type: ignore[misc]
        for prompt in prompts(files):
            name = prompt.title if isinstance(prompt, Failure) else prompt.name
            yield self._one(prompt, name, lambda work, prompt=prompt: self._prompt(work, who, prompt, rules))  # type: ignore[misc]
        active = active_prompt(files)
        if active is not None:
            yield self._one(active, ACTIVE, lambda work: self._active(work, who, str(active)))

    def _anonymous(self) -> Principal:
        """Nobody can sign in to it until an admin gives it a password."""
        user = self._store.write(lambda work: internal_account(work, ANONYMOUS))
        return Principal(user.id, user.username, user.role, ALL_SCOPES)

    def _one(self, found: object, title: str, do: Callable[[UnitOfWork], ImportResult]) -> ImportResult:
        """One file, in one transaction; what goes wrong with it goes wrong with it alone."""
        try:
            if isinstance(found, Failure):
                raise Invalid(found.detail)
            return self._store.write(do)
        except StoreUnavailable:
            raise
        except AppError as error:
            return ImportResult(0, "failed", title[:200], detail=error.detail)
        except Exception:
            log.exception("a legacy file could not be stored", file=title)
            return ImportResult(0, "failed", title[:200], detail="It could not be stored; the server's log says why.")

    def _prompt(self, work: UnitOfWork, who: Principal, prompt: LegacyPrompt, rules: Rules) -> ImportResult:
        """Once imported, a prompt is its owner's: the file does not change it any more."""
        known, is_new = work.imports.claim(who.user_id, _named(PROMPTS, prompt.id, prompt.name, prompt.content))
        there = work.prompts.hold(known.object_id, who.user_id) is not None
        result = ImportResult(0, "unchanged", prompt.name, PROMPTS, prompt.id)
        if there or not (is_new or rules.restore):
            return result
        values = {"name": prompt.name, "content": prompt.content, "description": prompt.description}
        made = self._prompts.adopt(work, who, values, prompt.id)
        work.imports.remember(who.user_id, replace(known, object_id=made.id))
        other = f"It is to be found as {made.slug}." if made.slug != prompt.id else None
        return replace(result, outcome="added", detail=other)

    def _active(self, work: UnitOfWork, who: Principal, text: str) -> ImportResult:
        """The prompt of these words, an old one or a new one, is active from now on; once, unless the file changes."""
        wanted = _named(PROMPTS, ACTIVE, text)
        known, is_new = work.imports.claim(who.user_id, wanted)
        result = ImportResult(0, "unchanged", ACTIVE, PROMPTS, ACTIVE)
        if not is_new and known.content_hash == wanted.content_hash:
            return result
        same = [one for one in work.prompts.usable(who.user_id) if one.content.strip() == text]
        values = {"name": "System prompt", "content": text, "description": ""}
        prompt = same[0] if same else self._prompts.adopt(work, who, values, "system-prompt")
        self._prompts.make_active(work, who, prompt)
        work.imports.remember(who.user_id, replace(wanted, object_id=prompt.id))
        return replace(result, outcome="added")


def _chat(work: UnitOfWork, who: Principal, chat: Transcript, rules: Rules) -> ImportResult:
    checked(chat, rules)
    return store(work, who, chat, digest=digest_of(chat), position=0, rules=rules)


def _named(source: str, name: str, *content: str) -> Imported:
    digest = hashlib.sha256("\0".join(content).encode()).hexdigest()
    return Imported(source, name, digest, id_of(source, name))
