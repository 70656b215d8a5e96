"""Any text as the same text in markdown: whole, as one line for a button, as words that are only heard, as a file."""

from __future__ import annotations

import re

from ui.render.signs import PART, TYPED

_MARKDOWN = re.compile(rf"{TYPED}|[\\`*_{{}}\[\]<>()#+\-.!|$:~&]|(?m:^=)")
_INDENTATION = re.compile(r"(?m:^[ \t]+)")
# Of a single line: what would act there. Streamlit reads some labels aloud as they are written, so no more than these.
_IN_A_LINE = re.compile(
    TYPED + r"|[\\`*\[\]<$~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|:(?=[\w+\[:/-])|^[#>+-]|(?<=\d)[.)](?=\s|$)"
)
_MARKS = re.compile(r"[\\`*\[\]<>$~|#]+|(?<!\w)_+|_+(?!\w)|&(?=#?\w+;)|:(?=[\w+/-]*[:\[])")


def literal(text: str) -> str:
    """Any text as the same text in markdown: for people's messages and for labels."""
    return _MARKDOWN.sub(_inert, _INDENTATION.sub("", text))


def label(text: str, limit: int = 60) -> str:
    """One line of literal text for a button or a heading, cut on a word's edge."""
    return _IN_A_LINE.sub(_inert, _line(text, limit))


def spoken(text: str, limit: int = 60) -> str:
    """One line for a name that is only heard: without the marks that a reader of the page would not say."""
    return " ".join(_MARKS.sub(" ", _line(text, limit)).split()) or "…"


def file_name(title: str) -> str:
    """A title as the name of a file, on every system."""
    words = re.sub(r"[^\w-]+", "-", title, flags=re.UNICODE).strip("-_")
    return words[:80] or "chat"


def _inert(found: re.Match[str]) -> str:
    mark = found.group()
    if found["typed"]:
        return PART.join(one if one == "=" else "\\" + one for one in mark)
    return "\\" + mark + (PART if found["name"] else "")


def _line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    if len(line) > limit:
        cut = line[: limit - 1]
        space = cut.rfind(" ")
        line = (cut[:space] if space > limit // 2 else cut).rstrip(" ,.;:-") + "…"
    return line
