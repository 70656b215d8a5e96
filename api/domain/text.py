"""The one rule for a provider's text: passed on unchanged, except what UTF-8 and PostgreSQL cannot store.

U+0000 and lone surrogates become U+FFFD. The two halves of one surrogate pair are joined, also when they
arrive in two pieces (`\\ud83d` at the end of one JSON string, `\\ude00` at the start of the next).
"""

from __future__ import annotations

REPLACEMENT = "\ufffd"


def clean_text(text: str) -> str:
    """`text` by the rule, taken as a whole: nothing comes after it."""
    if _is_storable(text):
        return text
    cleaner = TextCleaner()
    return cleaner.clean(text) + cleaner.flush()


class TextCleaner:
    """Applies the rule to a text that arrives in pieces. Holds back at most one character."""

    __slots__ = ("_high",)

    def __init__(self) -> None:
        self._high = ""

    def clean(self, text: str) -> str:
        """What is certain so far. A high surrogate at the end waits for its other half."""
        if not self._high and _is_storable(text):
            return text
        text = self._high + text
        if "\ud800" <= text[-1:] <= "\udbff":
            self._high = text[-1]
            text = text[:-1]
        else:
            self._high = ""
        # Through UTF-16, because there the two halves of a pair are one character again.
        joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return joined.replace("\0", REPLACEMENT)

    def flush(self) -> str:
        """The text is over: a half that still waits is a lone one."""
        held, self._high = self._high, ""
        return REPLACEMENT if held else ""


def _is_storable(text: str) -> bool:
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
