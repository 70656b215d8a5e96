"""The prompt library: one's own prompts, those an admin shares, and the built-in ones; one is active an account."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any
from uuid import UUID

from api.domain import clock
from api.domain.errors import AlreadyTaken, Conflict, Forbidden, Invalid, NotFound
from api.domain.ids import new_id, parse_id
from api.domain.principal import Principal
from api.domain.prompts import BUILT_IN, MAX_CONTENT, Prompt, PromptVersion, checked_slug, render, slug_of
from api.repositories.unit_of_work import Store, UnitOfWork
from api.services.system_prompts import NO_PROMPT, usable_prompt

ACTIVE = "active_prompt_id"  # in an account's preferences
SAID_FIRST = "system-prompt"  # the tag of what was set as active text, without the library


class PromptService:
    """A prompt is named by its id or its slug. Everything raises NotFound for one that the account cannot see."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def library(self, principal: Principal, words: str | None = None, tag: str | None = None) -> list[Prompt]:
        """One's own by name, then the shared, then the built-in ones; those that hold all `words`."""
        found = [*self._store.read(lambda work: work.prompts.usable(principal.user_id)), *BUILT_IN]
        wanted = (words or "").casefold().split()
        return [
            prompt
            for prompt in found
            if (tag is None or tag in prompt.tags)
            and all(word in f"{prompt.name}\n{prompt.description}\n{prompt.content}".casefold() for word in wanted)
        ]

    def get(self, principal: Principal, reference: str) -> Prompt:
        return self._store.read(lambda work: _found(work, principal, reference))

    def create(self, principal: Principal, values: Mapping[str, Any]) -> Prompt:
        """Of `name` and `content`, and `slug`, `description`, `tags`, `shared` where given. Raises AlreadyTaken for the
        name or slug of another; Forbidden, Invalid. Names that differ may give the same slug: it is numbered then."""

        def add(work: UnitOfWork) -> Prompt:
            _refuse_taken(work, principal, values["name"])
            if (slug := values.get("slug")) is None:
                slug = _free_slug(work, principal, values["name"])
            elif _slug_taken(work, principal, checked_slug(slug)):
                raise _taken_slug(slug)
            return self._create(work, principal, {**values, "slug": slug})

        return self._store.write(add)

    def _create(self, work: UnitOfWork, principal: Principal, values: Mapping[str, Any]) -> Prompt:
        """`slug` is among the values, and nobody has it."""
        _checked(principal, values)
        now = clock.now()
        row: dict[str, Any] = {"description": "", "tags": [], "shared": False} | dict(values)
        row |= {"user_id": principal.user_id, "id": new_id(), "version": 1, "created_at": now, "updated_at": now}
        work.accounts.hold(principal.user_id)  # of parallel claims to a slug, one after the other
        if not work.prompts.add(row):
            raise _taken_slug(row["slug"])
        return Prompt(**row)

    def adopt(self, work: UnitOfWork, principal: Principal, values: Mapping[str, Any], slug: str) -> Prompt:
        """A prompt from elsewhere, as part of a transaction: under that slug, or where it is taken one of its name."""
        work.accounts.hold(principal.user_id)
        free = _free_slug(work, principal, values["name"]) if _slug_taken(work, principal, slug) else slug
        return self._create(work, principal, {**values, "slug": free})

    def make_active(self, work: UnitOfWork, principal: Principal, prompt: Prompt) -> None:
        """`activate`, as part of a transaction."""
        self._set_active(work, principal, lambda _: str(prompt.id))

    def change(
        self, principal: Principal, reference: str, values: Mapping[str, Any], version: int | None = None
    ) -> Prompt:
        """Save the given fields as a new version; the slug stays. Raises Conflict, with the present `version`, if
        another than `version` is the newest; AlreadyTaken for the name of another; Forbidden for one that is not
        one's own."""

        def save(work: UnitOfWork) -> Prompt:
            prompt = self._own(work, principal, reference)
            if version is not None and version != prompt.version:
                raise Conflict("This prompt was changed meanwhile; look at it again.", version=prompt.version)
            if "name" in values:
                _refuse_taken(work, principal, values["name"], prompt.id)
            return self._saved(work, principal, prompt, values)

        return self._store.write(save)

    def change_or_copy(self, principal: Principal, reference: str, values: Mapping[str, Any]) -> Prompt:
        """`change`; of a prompt that is not one's own, a copy of one's own with the given fields. For clients that
        know of no difference."""

        def save(work: UnitOfWork) -> Prompt:
            prompt = _found(work, principal, reference)
            if prompt.user_id == principal.user_id:
                return self._saved(work, principal, self._own(work, principal, reference), values)
            return self._copied(work, principal, prompt, values)

        return self._store.write(save)

    def say_first(self, principal: Principal, text: str) -> Prompt:
        """Make this text the active prompt: of the one that was active stays what it was, a copy says this. Said again,
        it is that copy's next version."""

        def save(work: UnitOfWork) -> Prompt:
            prompt = self._active(work, principal)
            if prompt is not None and prompt.user_id == principal.user_id and SAID_FIRST in prompt.tags:
                return self._saved(work, principal, self._own(work, principal, str(prompt.id)), {"content": text})
            values = {"content": text, "tags": [SAID_FIRST]}
            if prompt is not None:
                saved = self._copied(work, principal, prompt, values | {"name": f"{prompt.name[:90]} (edited)"})
            else:
                named = {"name": "System prompt", "slug": _free_slug(work, principal, "System prompt")}
                saved = self._create(work, principal, values | named)
            self._set_active(work, principal, lambda _: str(saved.id))
            return saved

        return self._store.write(save)

    def _copied(self, work: UnitOfWork, principal: Principal, prompt: Prompt, values: Mapping[str, Any]) -> Prompt:
        work.accounts.hold(principal.user_id)
        copy = {"name": prompt.name, "content": prompt.content, "description": prompt.description} | dict(values)
        return self._create(work, principal, copy | {"slug": _free_slug(work, principal, copy["name"])})

    def active(self, principal: Principal) -> Prompt | None:
        """The one that is active now, if it is there still."""
        return self._store.read(lambda work: self._active(work, principal))

    @staticmethod
    def _active(work: UnitOfWork, principal: Principal) -> Prompt | None:
        user = work.accounts.get(principal.user_id)
        prompt_id = parse_id(str(user.preferences.get(ACTIVE, ""))) if user else None
        return usable_prompt(work, principal, prompt_id) if prompt_id else None

    def restore(self, principal: Principal, reference: str, number: str) -> Prompt:
        """Save an old version again, as the newest."""

        def save(work: UnitOfWork) -> Prompt:
            prompt = self._own(work, principal, reference)
            old = next((one for one in work.prompts.versions(prompt) if str(one.number) == number), None)
            if old is None:
                raise NotFound("This prompt has no such version.")
            values = {name: getattr(old, name) for name in ("name", "content", "description", "tags")}
            return self._saved(work, principal, prompt, values)

        return self._store.write(save)

    @staticmethod
    def _saved(work: UnitOfWork, principal: Principal, prompt: Prompt, values: Mapping[str, Any]) -> Prompt:
        _checked(principal, values)
        assert prompt.user_id is not None
        changes = {name: value for name, value in values.items() if getattr(prompt, name) != value}
        if not changes:
            return prompt
        changes["updated_at"] = clock.now()
        if changes.keys() - {"shared", "updated_at"}:
            changes["version"] = prompt.version + 1
        saved = replace(prompt, **changes)
        work.prompts.change(prompt.user_id, prompt.id, changes)
        if saved.version != prompt.version:
            work.prompts.add_version(asdict(saved))
        return saved

    def delete(self, principal: Principal, reference: str) -> None:
        """With its versions. Whoever had it active has none then."""

        def remove(work: UnitOfWork) -> None:
            prompt = self._own(work, principal, reference)
            work.prompts.delete(principal.user_id, prompt.id)
            self._set_active(work, principal, lambda active: None if active == str(prompt.id) else active)

        self._store.write(remove)

    def versions(self, principal: Principal, reference: str) -> list[tuple[PromptVersion, str]]:
        """Newest first, each with its differences from the one before, as a unified diff."""

        def read(work: UnitOfWork) -> list[PromptVersion]:
            prompt = _found(work, principal, reference)
            return work.prompts.versions(prompt) if not prompt.built_in else [_only_version(prompt)]

        found = self._store.read(read)
        diffs = [_diff(old, new) for new, old in pairwise(found)]
        return list(zip(found, [*diffs, ""], strict=True))

    def render(self, principal: Principal, reference: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
        """The prompt's text with its variables filled, and those that nothing fills. Raises Invalid."""
        return render(self.get(principal, reference).content, values)

    def activate(self, principal: Principal, reference: str) -> Prompt:
        """Of several at once the last one counts, and only that one."""

        def change(work: UnitOfWork) -> Prompt:
            prompt = _found(work, principal, reference)
            self._set_active(work, principal, lambda _: str(prompt.id))
            return prompt

        return self._store.write(change)

    def deactivate(self, principal: Principal, reference: str | None = None) -> None:
        """Whichever is active, or this one if it is."""

        def change(work: UnitOfWork) -> None:
            only = str(_found(work, principal, reference).id) if reference else None
            self._set_active(work, principal, lambda active: active if only and active != only else None)

        self._store.write(change)

    @staticmethod
    def _set_active(work: UnitOfWork, principal: Principal, choose: Callable[[str | None], str | None]) -> None:
        user = work.accounts.hold(principal.user_id)
        if user is None:
            raise NotFound("This account does not exist.")
        kept = {name: value for name, value in user.preferences.items() if name != ACTIVE}
        if chosen := choose(user.preferences.get(ACTIVE)):
            kept[ACTIVE] = chosen
        work.accounts.update(principal.user_id, {"preferences": kept})

    @staticmethod
    def _own(work: UnitOfWork, principal: Principal, reference: str) -> Prompt:
        prompt = _found(work, principal, reference)
        if prompt.user_id != principal.user_id:
            whose = "is built in" if prompt.built_in else "belongs to an administrator"
            raise Forbidden(f"This prompt {whose} and stays as it is; make a copy of your own to change it.")
        held = work.prompts.hold(prompt.id, principal.user_id)
        if held is None:
            raise NotFound(NO_PROMPT)
        return held


def _found(work: UnitOfWork, principal: Principal, reference: str) -> Prompt:
    prompt_id = parse_id(reference)
    if prompt_id is not None:
        found = usable_prompt(work, principal, prompt_id)
    else:
        found = work.prompts.by_slug(reference[:100], principal.user_id)
        found = found or next((one for one in BUILT_IN if one.slug == reference), None)
    if found is None:
        raise NotFound(NO_PROMPT)
    return found


def _refuse_taken(work: UnitOfWork, principal: Principal, name: str, besides: UUID | None = None) -> None:
    """Raises AlreadyTaken for the name of another prompt of one's own, or of a built-in one."""
    work.accounts.hold(principal.user_id)  # of parallel claims, one after the other
    own = [one for one in work.prompts.usable(principal.user_id) if one.user_id == principal.user_id]
    if any(one.id != besides and one.name.casefold() == name.casefold() for one in (*own, *BUILT_IN)):
        raise AlreadyTaken.at("name", f"There is a prompt named {name!r} already; choose another name.", code="taken")


def _free_slug(work: UnitOfWork, principal: Principal, name: str) -> str:
    """The name's slug, or the first numbered one that nobody has and that nobody takes for an id."""
    work.accounts.hold(principal.user_id)  # of parallel claims, one after the other
    slug, number = slug_of(name), 1
    while parse_id(slug) is not None or _slug_taken(work, principal, slug):
        number += 1
        slug = f"{slug_of(name)}-{number}"
    return slug


def _slug_taken(work: UnitOfWork, principal: Principal, slug: str) -> bool:
    return any(one.slug == slug for one in BUILT_IN) or work.prompts.slug_taken(principal.user_id, slug)


def _taken_slug(slug: str) -> AlreadyTaken:
    return AlreadyTaken.at("slug", f"There is a prompt with the slug {slug!r} already; choose another.", code="taken")


def _checked(principal: Principal, values: Mapping[str, Any]) -> None:
    if values.get("shared") and not principal.is_admin:
        raise Forbidden("Only an admin can share a prompt with everybody.")
    content = values.get("content")
    if content is not None and not content.strip():
        raise Invalid.at("content", "A prompt needs some text.")
    if content is not None and len(content) > MAX_CONTENT:
        words = f"The prompt has {len(content):,} characters; at most {MAX_CONTENT:,} are taken."
        raise Invalid.at("content", words)


def _only_version(prompt: Prompt) -> PromptVersion:
    return PromptVersion(1, prompt.name, prompt.content, prompt.description, prompt.tags, prompt.created_at)


def _diff(old: PromptVersion, new: PromptVersion) -> str:
    texts = old.content.splitlines(), new.content.splitlines()
    lines = difflib.unified_diff(*texts, f"version {old.number}", f"version {new.number}", lineterm="")
    return "\n".join(lines)
