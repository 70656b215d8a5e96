"""Slash commands: what there is, and how a line is read. `//` begins an ordinary message with one slash."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal

from api.domain.errors import Invalid


@dataclass(frozen=True, slots=True)
class Command:
    """`arguments` as people write them: `<needed>`, `[optional]`; `takes` is the list they name one of."""

    name: str
    arguments: str
    description: str
    takes: Literal["models", "prompts"] | None = None

    @property
    def usage(self) -> str:
        return f"/{self.name} {self.arguments}".strip()


COMMANDS = (
    Command("help", "", "Show all commands"),
    Command("new", "[title]", "Begin a new chat"),
    Command("clear", "", "Begin a new chat with the same model and prompt; this one stays in the list"),
    Command("models", "", "List the models that are set up"),
    Command("model", "<name>", "Let this model answer in this chat", "models"),
    Command("model:plan-mode", "<planner> <answerer>", "Let one model make a plan and another follow it", "models"),
    Command("model:plan-mode-off", "", "Answer without a plan again"),
    Command("prompts", "", "List the prompts of the library"),
    Command("prompt", "<name>", "Use this prompt in this chat", "prompts"),
    Command("roles", "", "List the prompts of the library"),
    Command("role", "<name>", "Use this prompt in this chat", "prompts"),
    Command("clear_role", "", "Use no prompt in this chat"),
    Command("compare", "<model> <model> …", "Let two to four models answer your last message side by side", "models"),
    Command("image", "<prompt>", "Make an image of these words"),
    Command("retry", "[model]", "Ask for another answer to your last message", "models"),
    Command("export", "[json | markdown | html]", "Download this chat as a file"),
    Command("stop", "", "Stop the reply that is being written"),
)
BY_NAME = {command.name: command for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read: a command with the rest of the line, or without one the literal text."""

    command: Command | None
    rest: str

    @property
    def words(self) -> list[str]:
        return self.rest.split()


def parse(text: str) -> Line:
    """Raises Invalid for an unknown command, with the nearest one, and for an argument that is missing."""
    line = text.strip()
    if not line.startswith("/"):
        raise Invalid("A command begins with a slash; /help shows them all.")
    if line.startswith("//"):
        return Line(None, line[1:])
    match = re.match(r"/(\S*)\s*(.*)", line, re.S)
    assert match is not None
    name, rest = match[1].casefold(), match[2].strip()
    command = BY_NAME.get(name)
    if command is None:
        near = difflib.get_close_matches(name, BY_NAME, 1, 0.5)
        hint = f"Did you mean /{near[0]}?" if near else "/help shows what there is."
        raise Invalid(f"There is no command /{name[:40]}. {hint} To send the text itself, begin it with two slashes.")
    if command.arguments.startswith("<") and not rest:
        raise Invalid(f"Write {command.usage}.")
    return Line(command, rest)
