"""Prompts: templates with variables, and the ones that every server has.

A variable is `{{name}}`, with a type and a default where wanted: `{{age: number = 3}}`, `{{tone: choice(warm, dry)}}`.
Whatever else stands between braces is plain text.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from api.domain.errors import Invalid
from api.domain.ids import parse_id

NAMES = UUID("8f9c1c1e-5f0a-4c8f-9f49-0b8a3e0d7a11")  # the namespace of built-in ids
VARIABLE = re.compile(
    r"\{\{\s*(?P<name>[A-Za-z_][A-Za-z0-9_]{0,49})\s*"
    r"(?::\s*(?P<type>text|number|date|choice)\s*(?:\((?P<choices>[^(){}]{1,500})\))?\s*)?"
    r"(?:=\s*(?P<default>[^{}]{0,500}?)\s*)?\}\}"
)
NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
MAX_CONTENT = 100_000
MAX_SLUG = 80


@dataclass(frozen=True, slots=True)
class Prompt:
    """`user_id` is None for one that is built in; `version` counts the saves from 1."""

    user_id: UUID | None
    id: UUID
    name: str
    slug: str
    content: str
    description: str
    tags: list[str]
    shared: bool
    version: int
    created_at: dt.datetime
    updated_at: dt.datetime

    @property
    def built_in(self) -> bool:
        return self.user_id is None


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A prompt as it was saved."""

    number: int
    name: str
    content: str
    description: str
    tags: list[str]
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Variable:
    """What a form asks for. `default` is None where something must be given."""

    name: str
    type: str
    default: str | None
    choices: tuple[str, ...] = ()

    def checked(self, value: str) -> str:
        """Raises Invalid for a value of another type."""
        wrong = {
            "number": self.type == "number" and not NUMBER.fullmatch(value.strip()),
            "date": self.type == "date" and not _is_date(value.strip()),
            f"one of {', '.join(self.choices)}": self.type == "choice" and value not in self.choices,
        }
        for wanted, is_wrong in wrong.items():
            if is_wrong:
                what = wanted if "one of" in wanted else f"a {wanted}"
                raise _no_value(self.name, f"The value of {self.name!r} must be {what}.")
        return value


def variables(content: str) -> list[Variable]:
    """The variables of a text, each once, in order; what its first mention says of a name counts."""
    found: dict[str, Variable] = {}
    for match in VARIABLE.finditer(content):
        choices = tuple(one.strip() for one in (match["choices"] or "").split(",") if one.strip())
        kind = match["type"] or "text"
        default = match["default"] if match["default"] else None
        variable = Variable(match["name"], "text" if kind == "choice" and not choices else kind, default, choices)
        known = found.get(variable.name)
        if known is None:
            found[variable.name] = variable
        elif known.default is None and default is not None:
            found[variable.name] = replace(known, default=default)
    return list(found.values())


def render(content: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with its variables filled, and the names of those that nothing fills: they stay as they are.

    Filled in one pass, so that no value is read as a variable. Raises Invalid for an unknown name or a wrong type.
    """
    known = {variable.name: variable for variable in variables(content)}
    if unknown := values.keys() - known.keys():
        first = min(unknown)
        raise _no_value(first, f"This prompt has no variable {first!r}.")
    given = {name: known[name].checked(value) for name, value in values.items()}
    missing: list[str] = []

    def fill(match: re.Match[str]) -> str:
        variable = known[match["name"]]
        value = given.get(variable.name, variable.default)
        if value is None:
            if variable.name not in missing:
                missing.append(variable.name)
            return match[0]
        return value

    return VARIABLE.sub(fill, content), missing


def _no_value(name: str, detail: str) -> Invalid:
    """Of the field that is named as in a JSON pointer, where two signs are spelled."""
    return Invalid.at(f"values/{name.replace('~', '~0').replace('/', '~1')}", detail, code="value")


def filled(content: str, values: Mapping[str, str]) -> str:
    """`render` with what was kept of a prompt that may have changed since: values that it does not take any more are
    left out, and so are empty ones."""
    fitting: dict[str, str] = {}
    for variable in variables(content):
        try:
            if value := values.get(variable.name):
                fitting[variable.name] = variable.checked(value)
        except Invalid:
            continue
    return render(content, fitting)[0]


def blanks(content: str, values: Mapping[str, str]) -> list[str]:
    """The names of the variables that neither a value nor a default fills."""
    return [one.name for one in variables(content) if one.default is None and not values.get(one.name)]


def slug_of(name: str) -> str:
    """Letters, digits and hyphens of any script, from the name."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "-", plain).strip("-")[:MAX_SLUG].rstrip("-") or "prompt"


def checked_slug(slug: str) -> str:
    """Raises Invalid for what no name gives as a slug, and for what is looked up as an id."""
    if slug_of(slug) != slug:
        rule = f"up to {MAX_SLUG} small letters and digits, with single hyphens between them"
        raise Invalid.at("slug", f"A prompt's slug has {rule}, such as {slug_of(slug)!r}.")
    if parse_id(slug) is not None:
        raise Invalid.at("slug", "A prompt's slug is not a UUID; choose another.")
    return slug


def _is_date(text: str) -> bool:
    try:
        return re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None and dt.date.fromisoformat(text) is not None
    except ValueError:
        return False


def _built_in(slug: str, name: str, description: str, content: str) -> Prompt:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return Prompt(None, uuid5(NAMES, slug), name, slug, content, description, ["built-in"], True, 1, at, at)


BUILT_IN = (
    _built_in(
        "basic",
        "Basic assistant",
        "Helpful, plain and short.",
        "You are a helpful assistant. Answer plainly and briefly, say when you are not sure, and ask when the question "
        "can be read in two ways.",
    ),
    _built_in(
        "code-assistant",
        "Code assistant",
        "Writes and explains programs.",
        "You help with programming. Give complete code that runs, in fenced blocks that name the language; explain the "
        "decisions that matter in a few sentences, and point out what could go wrong.",
    ),
    _built_in(
        "research-assistant",
        "Research assistant",
        "Weighs evidence and keeps facts and opinions apart.",
        "You help with research. Keep facts and opinions apart, give the strongest case of each side, name what is not "
        "known, and never make up a source.",
    ),
)
