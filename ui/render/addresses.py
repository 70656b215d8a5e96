"""Web addresses: bare ones, those in angle brackets, and what a link leads to.

Markdown takes a bare address up to the next space, and what stands in it is neither code nor maths nor a link. Where
it would take too much, as the full stop of a Chinese sentence, or where Streamlit would put an emoji into the shown
text, it is written as a link with both.
"""

from __future__ import annotations

import re

from ui.render.labels import literal
from ui.render.signs import NAME, Step

REACH = 2_000

BEGINNING = r"(?<![A-Za-z])(?i:https?://)|(?<![^\W_])(?i:www\.)"
MAYBE_BEGINNING = r"(?<![A-Za-z])(?i:h(?:t(?:tp?)?)?|https?(?::/?)?)\Z|(?<![^\W_])(?i:www?|w)\Z"
_BARE = re.compile(
    r"(?:(?i:https?://)|(?i:www\.))"
    rf"(?:[^\s<>`\[\]|\\\"!\u2010-\u203e\u3000-\u303f\uff00-\uff65]|!(?!\[)){{0,{REACH}}}"
)
_HOST = re.compile(r"(?i:https?://|www\.)\w")
_IN_ANGLES = re.compile(rf"<((?i:https?://|mailto:)[^\s<>`\[\]\\]{{1,{REACH}}})>")
_MAYBE_IN_ANGLES = re.compile(rf"<(?:[A-Za-z]{{0,6}}|(?i:https?|mailto):[^\s<>`\[\]\\]{{0,{REACH}}})\Z")
_TARGET = re.compile(
    r"\]\((?:<[^<>\n`!]*>|(?:[^\s<>`!()]|!(?!\[)|\([^\s<>`!()]*\))*)(?: (?:\"[^\"\n`!]*\"|'[^'\n`!]*'))?\)"
)
_MAYBE_TARGET = re.compile(r"\](?:\((?:<[^<>\n`!]*>?|[^\s`]*)(?: (?:[\"'][^\n`]*)?)?)?\Z")


def bare(text: str, at: int, *, final: bool) -> Step | None:
    """An address as it is, or as a link; None while it may go on."""
    found = _BARE.match(text, at)
    assert found
    address = found.group()
    if found.end() == len(text) and not final:
        return None
    after = text[found.end() : found.end() + 1]
    if (after in "<" or after.isspace()) and not NAME.search(address):
        return len(address), address
    address = _trimmed(address)
    return (len(address), _link(address)) if _HOST.match(address) else (1, text[at])


def in_angles(text: str, at: int, *, final: bool) -> Step | None:
    """An address between angle brackets; nothing taken where there is none."""
    if not final and _MAYBE_IN_ANGLES.match(text, at):
        return None
    found = _IN_ANGLES.match(text, at)
    if found is None:
        return 0, ""
    named = NAME.search(found[1])
    return len(found.group()), _link(found[1]) if named else found.group()


def target(text: str, at: int, *, final: bool) -> Step | None:
    """What a link leads to, behind the bracket that ends its text; nothing taken where there is none."""
    found = _TARGET.match(text, at, at + REACH)
    if found:
        return len(found.group()), found.group()
    return None if not final and len(text) < at + REACH and _MAYBE_TARGET.match(text, at) else (0, "")


def _trimmed(address: str) -> str:
    """Without what belongs to the sentence rather than to the address."""
    while address[-1] in "!\"'*,.:;?_~)":
        if address[-1] == ")" and address.count("(") >= address.count(")"):
            break
        address = address[:-1]
    return address


def _link(address: str) -> str:
    whole = f"http://{address}" if address[:4].lower() == "www." else address
    return f"[{literal(address)}](<{whole.replace('&', '&amp;')}>)"
