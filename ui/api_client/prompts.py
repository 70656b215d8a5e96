"""The prompt library."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ui.api_client.calls import Caller, Params, one_id
from ui.api_client.records import Json, read_time


@dataclass(frozen=True)
class Variable:
    """A blank of a prompt that is filled when it is used."""

    name: str
    type: str
    default: str
    choices: tuple[str, ...]

    @classmethod
    def read(cls, body: Json) -> Variable:
        choices = tuple(str(one) for one in body.get("choices") or [])
        return cls(str(body.get("name", "")), str(body.get("type") or "text"), str(body.get("default") or ""), choices)


@dataclass(frozen=True)
class Prompt:
    id: str
    name: str
    content: str
    description: str = ""
    tags: tuple[str, ...] = ()
    shared: bool = False
    built_in: bool = False
    own: bool = True
    is_active: bool = False
    version: int = 1
    variables: tuple[Variable, ...] = ()

    @classmethod
    def read(cls, body: Json) -> Prompt:
        return cls(
            id=str(body.get("id", "")),
            name=str(body.get("name") or ""),
            content=str(body.get("content") or ""),
            description=str(body.get("description") or ""),
            tags=tuple(str(tag) for tag in body.get("tags") or []),
            shared=bool(body.get("shared")),
            built_in=bool(body.get("built_in")),
            own=bool(body.get("own", True)),
            is_active=bool(body.get("is_active")),
            version=int(body.get("version") or 1),
            variables=tuple(Variable.read(one) for one in body.get("variables") or []),
        )


@dataclass(frozen=True)
class Version:
    """`diff` is against the version before."""

    number: int
    name: str
    created_at: datetime
    diff: str

    @classmethod
    def read(cls, body: Json) -> Version:
        return cls(
            int(body.get("number") or 0),
            str(body.get("name") or ""),
            read_time(body.get("created_at")),
            str(body.get("diff") or ""),
        )


class Prompts(Caller):
    def prompts(self, words: str = "", tag: str = "") -> list[Prompt]:
        params: Params = {name: value for name, value in (("q", words), ("tag", tag)) if value}
        return [Prompt.read(entry) for entry in self._call("GET", "/prompts", params=params).get("items") or []]

    def prompt(self, prompt_id: str) -> Prompt:
        return Prompt.read(self._call("GET", f"/prompts/{one_id(prompt_id)}"))

    def create_prompt(self, fields: dict[str, Any]) -> Prompt:
        return Prompt.read(self._call("POST", "/prompts", json=fields))

    def copy_prompt(self, prompt: Prompt) -> Prompt:
        """An own one with the same words, under a name that is free."""
        taken = {one.name.casefold() for one in self.prompts()}
        names = (f"{prompt.name[:85]} (mine{f' {number}' if number else ''})" for number in itertools.count())
        name = next(one for one in names if one.casefold() not in taken)
        same = {"content": prompt.content, "description": prompt.description, "tags": list(prompt.tags)}
        return self.create_prompt({"name": name, **same})

    def update_prompt(self, prompt_id: str, fields: dict[str, Any]) -> Prompt:
        return Prompt.read(self._call("PATCH", f"/prompts/{one_id(prompt_id)}", json=fields))

    def delete_prompt(self, prompt_id: str) -> None:
        self._call("DELETE", f"/prompts/{one_id(prompt_id)}")

    def activate_prompt(self, prompt_id: str) -> None:
        self._call("POST", f"/prompts/{one_id(prompt_id)}/activate")

    def deactivate_prompt(self, prompt_id: str) -> None:
        self._call("POST", f"/prompts/{one_id(prompt_id)}/deactivate")

    def prompt_versions(self, prompt_id: str) -> list[Version]:
        body = self._call("GET", f"/prompts/{one_id(prompt_id)}/versions")
        return [Version.read(entry) for entry in body.get("items") or []]

    def restore_prompt(self, prompt_id: str, number: int) -> Prompt:
        return Prompt.read(self._call("POST", f"/prompts/{one_id(prompt_id)}/versions/{number}/restore"))

    def render_prompt(self, prompt_id: str, values: dict[str, str]) -> str:
        body = self._call("POST", f"/prompts/{one_id(prompt_id)}/render", json={"values": values})
        return str(body.get("text") or "")
