"""A chat as Markdown: texts as they were written, everything else between them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from api.domain.chats import Chat, Message
from api.services.exports.wording import facts, part_name, part_text, remarks, speaker


def markdown(chat: Chat, messages: Iterable[Message]) -> Iterator[str]:
    """The file, piece by piece."""
    yield f"# {_inline(chat.title)}\n\n"
    yield "".join(f"- {name}: {_inline(text)}\n" for name, text in facts(chat))
    for message in messages:
        yield f"\n## {_inline(speaker(message))}\n\n*{_inline(' · '.join(remarks(message)))}*\n\n"
        if message.reasoning:
            yield "> Reasoning:\n>\n" + "".join(f"> {line}\n" for line in message.reasoning.splitlines()) + "\n"
        yield message.content.rstrip() + "\n"
        for part in message.told_parts or []:
            yield f"\n{_inline(part_name(part))}:\n\n{_fenced(part_text(part))}"


def _inline(text: str) -> str:
    """On one line, and nothing in it is markup."""
    return re.sub(r"([\\`*_{}\[\]()#!|~])", r"\\\1", html.escape(" ".join(text.split()), quote=False))


def _fenced(text: str) -> str:
    """In a fence that is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}\n"
