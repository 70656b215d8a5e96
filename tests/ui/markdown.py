"""A reply as it is drawn while it comes, and what markdown makes of it: by a parser that is not ours, and that knows no
maths and no footnotes."""

from __future__ import annotations

from random import Random

from markdown_it import MarkdownIt

from ui.render import ReplyRenderer

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_WITHOUT_HTML = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def streamed(text: str, dice: Random | None = None) -> str:
    """Drawn character by character, or in pieces of any one to five."""
    renderer, out = ReplyRenderer(), ""
    while text:
        cut = dice.randint(1, 5) if dice else 1
        out, text = out + renderer.feed(text[:cut]), text[cut:]
    return out + renderer.close()


def images(text: str) -> int:
    """How many images would be loaded."""
    return sum(child.type == "image" for token in _PARSER.parse(text) for child in token.children or [])


def code(text: str) -> list[str]:
    """Its blocks of code, where HTML is text."""
    return [token.content for token in _WITHOUT_HTML.parse(text) if token.type in {"fence", "code_block"}]
