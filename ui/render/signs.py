"""Typed signs as `->` and names between colons as `:smile:`, which Streamlit would put other signs in the place of.

It does so in the text that markdown has become, where no backslash is left. `:color{}` is nothing but an empty element
there: it parts the text, and neither half is a sign or a name any more.
"""

from __future__ import annotations

import re

PART = ":color{}"
SIGNS = ("<->", "->", "<-", "--", ">=", "<=", "~=")
TYPED = rf"(?P<typed>(?<!\S)(?:{'|'.join(SIGNS)})(?!\S))|(?P<name>:(?=material/|[\w+-]+:))"
NAME = re.compile(r":(?:material/|\\?[+-]\\?1\\?:|(?:\\?[\w-]){1,60}\\?:)", re.ASCII)

_RUN = re.compile(r"(?:\\?~=|(?:\\?[<>=-]|&[lg]t;){1,3})(?!\\?[<>=-]|&[lg]t;)")
_MAYBE_RUN = re.compile(r"(?:\\?~|(?:\\?~=)?(?:\\?[<>=-]|&[lg]t;){0,3}(?:\\|&(?:[lg]t?)?)?)\Z")
_IN_RUN = re.compile(r"\\?[<>=~-]|&[lg]t;")
_MAYBE_NAME = re.compile(r":(?:\\?[\w+/-]){0,60}\\?\Z", re.ASCII)
_DIRECTIVE = re.compile(r":[^\s!-9;-@\[-`{-~]|::|:\d")

Step = tuple[int, str]


def sign(text: str, at: int, *, first: bool, final: bool) -> Step | None:
    """A typed sign, parted; nothing taken where none stands here, None while it may still become one.

    What stands before it may be a mark that will be gone, so only words are looked at.
    """
    if not final and _MAYBE_RUN.match(text, at):
        return None
    run = _RUN.match(text, at)
    if run is None or text[run.end() : run.end() + 1].isalnum():
        return 0, ""
    if not first and at and (text[at - 1].isalnum() or text[at - 1] in "<>=-"):
        return 0, ""
    marks = _IN_RUN.findall(run.group())
    typed = "".join({"&lt;": "<", "&gt;": ">"}.get(mark, mark[-1]) for mark in marks)
    if typed not in SIGNS:
        return 0, ""
    if marks[0] in {">", "~"}:  # at a line's start it would be a quotation
        marks[0] = "\\" + marks[0]
    return run.end() - at, PART.join(marks)


def colon(text: str, at: int, *, final: bool) -> str | None:
    """What the colon becomes; None while more must be seen. One before a word could colour or swallow what follows."""
    if not final and _MAYBE_NAME.match(text, at):
        return None
    if NAME.match(text, at):
        return rf"\:{PART}"
    return r"\:" if _DIRECTIVE.match(text, at) else ":"
