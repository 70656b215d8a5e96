"""What markdown makes of a drawn reply, by a parser that is not ours. It knows no maths and no footnotes."""

from __future__ import annotations

from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_WITHOUT_HTML = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def images(text: str) -> int:
    """How many images would be loaded."""
    return sum(child.type == "image" for token in _PARSER.parse(text) for child in token.children or [])


def code(text: str) -> list[str]:
    """Its blocks of code, where HTML is text."""
    return [token.content for token in _WITHOUT_HTML.parse(text) if token.type in {"fence", "code_block"}]
