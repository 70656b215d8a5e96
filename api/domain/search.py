"""What a search means: the words and filters of a query, when a text answers it, how well, and what is shown of it.

The databases' indexes only propose texts; `Query.score` decides, the same for both. A word is found anywhere in a text,
in any case; one that begins with less than three letters only where a word begins. Scripts without blanks between
words have no such beginnings: there a word of any length is found anywhere.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from typing import Final, Literal

SHORT: Final = 3  # what has less characters is not in an index of trigrams
MOST_WORDS: Final = 12
MOST_PLACES: Final = 10  # of a word, in one text
SNIPPET_CHARS: Final = 160
BEFORE_HIT: Final = 40
DENSE: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\u2e80-\uffff\U00010000-\U0003ffff"
"""Scripts that set no blanks between words, and signs that are words: ranges of a regular expression."""
TOKEN: Final = re.compile(r'([A-Za-z]+):("[^"]*"|[^\s"]+)|"([^"]*)"|([^\s"]+)')
BLANKS: Final = dict.fromkeys(map(ord, "\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u3000\x00"), " ")
YES: Final = ("true", "yes", "1")
NO: Final = ("false", "no", "0")
_dense = re.compile(f"[{DENSE}]")

Kind = Literal["word", "dense", "sign"]


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a word whose characters are of one kind."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """`words` must all be in one text. `notes` tell of what was left out."""

    words: tuple[str, ...] = ()
    within: Literal["all", "titles", "messages"] = "all"
    before: dt.datetime | None = None
    since: dt.datetime | None = None
    model: str | None = None
    pinned: bool | None = None
    folder: str | None = None
    tag: str | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def is_filtered(self) -> bool:
        return any(one is not None for one in (self.before, self.since, self.model, self.pinned, self.folder, self.tag))

    @property
    def is_empty(self) -> bool:
        return not self.words and not self.is_filtered

    def score(self, text: str) -> float | None:
        """How well a text answers; None if it does not. Whole words count most, then beginnings of words."""
        folded = fold(text)
        total = 0.0
        for word in self.words:
            best = [_worth(folded, place, word) for place in _places(folded, word)]
            if not best:
                return None
            total += max(best) + min(len(best), 5) / 10
        return total

    def snippet(self, text: str) -> str:
        """The part of a text that says most, as HTML: escaped, with what was found in `<mark>`."""
        folded = fold(text)
        spans = sorted((place, place + len(word)) for word in self.words for place in _places(folded, word))
        begin = _best_begin(spans)
        end = min(len(text), begin + SNIPPET_CHARS)
        begin, end = _on_edges(folded, begin, end)
        parts = ["… " if begin else ""]
        at = begin
        for hit, hit_end in spans:
            first, last = max(hit, at), min(hit_end, end)
            if first < last:
                parts += [escape(text[at:first]), "<mark>", escape(text[first:last]), "</mark>"]
                at = last
        parts += [escape(text[at:end]), " …" if end < len(text) else ""]
        return "".join(parts).translate(BLANKS)


def parse(text: str) -> Query:
    """Never raises: what cannot be a filter is a word, a filter that makes no sense is left out and noted."""
    text = text.encode("utf-8", "replace").decode().translate(BLANKS)
    words: dict[str, None] = {}
    filters: dict[str, object] = {}
    notes: list[str] = []
    for match in TOKEN.finditer(text):
        name, value, phrase, plain = match.groups()
        if name is not None and name.lower() in FILTERS:
            given = FILTERS[name.lower()](value.strip('"').strip())
            if given is None:
                notes.append(f"{name}: {HELP[name.lower()]}; it was left out.")
            else:
                filters[given[0]] = given[1]
            continue
        word = " ".join(fold(phrase if phrase is not None else plain or match.group()).replace('"', " ").split())
        if word:
            words[word] = None
    if len(words) > MOST_WORDS:
        notes.append(f"Only the first {MOST_WORDS} words were looked for.")
    return Query(words=tuple(words)[:MOST_WORDS], notes=tuple(notes), **filters)  # type: ignore[arg-type]


def fold(text: str) -> str:
    """In small letters, with plain blanks; every character stays in its place."""
    small = text.lower()
    if len(small) != len(text):
        small = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return small.translate(BLANKS)


def runs(word: str) -> list[Run]:
    """The parts of a folded word."""
    return [Run(kind, "".join(chars)) for kind, chars in groupby(word, _kind)]


def beginning(word: str) -> str | None:
    """What a word of a text must begin with for this one to be found there; None where it may stand anywhere."""
    first = runs(word)[0]
    return first.text if first.kind == "word" and len(first.text) < SHORT else None


def _kind(char: str) -> Kind:
    if _dense.match(char):
        return "dense"
    return "word" if char.isalnum() or unicodedata.category(char)[0] == "M" else "sign"


def _places(folded: str, word: str) -> Iterator[int]:
    """Where the word counts as found; not more than `MOST_PLACES`."""
    needs_start = beginning(word) is not None
    at, found = folded.find(word), 0
    while at >= 0 and found < MOST_PLACES:
        if not needs_start or _starts(folded, at):
            yield at
            found += 1
        at = folded.find(word, at + 1)


def _starts(folded: str, at: int) -> bool:
    return at == 0 or _kind(folded[at - 1]) != "word"


def _worth(folded: str, at: int, word: str) -> float:
    end = at + len(word)
    whole = end == len(folded) or _kind(folded[end]) != "word" or _kind(word[-1]) != "word"
    return (2.0 if _starts(folded, at) else 1.0) + (1.0 if whole and _starts(folded, at) else 0.0)


def _best_begin(spans: list[tuple[int, int]]) -> int:
    """From where a snippet shows most of what was found."""
    if not spans:
        return 0
    shown = {
        first: sum(first <= other < first + SNIPPET_CHARS - BEFORE_HIT for other, _ in spans) for first, _ in spans
    }
    return max(0, max(shown, key=lambda first: (shown[first], -first)) - BEFORE_HIT)


def _on_edges(folded: str, begin: int, end: int) -> tuple[int, int]:
    """Without halves of words at the ends, where a blank is near."""
    if begin:
        blank = folded.find(" ", begin, begin + BEFORE_HIT // 2)
        begin = blank + 1 if blank >= 0 else begin
    if end < len(folded):
        blank = folded.rfind(" ", end - BEFORE_HIT // 2, end)
        end = blank if blank > begin else end
    return begin, end


def _date(text: str) -> dt.datetime | None:
    """A year, a month, a day or a moment; UTC where no zone is named."""
    text = text.upper()
    if re.fullmatch(r"\d{4}(-\d\d)?", text, re.ASCII):
        text = f"{text}-01-01"[:10]
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _dated(name: str, text: str) -> tuple[str, object] | None:
    moment = _date(text)
    return None if moment is None else (name, moment)


def _within(text: str) -> tuple[str, object] | None:
    chosen = {"title": "titles", "titles": "titles", "message": "messages", "messages": "messages"}.get(text.lower())
    return None if chosen is None else ("within", chosen)


def _pinned(text: str) -> tuple[str, object] | None:
    return ("pinned", text.lower() in YES) if text.lower() in (*YES, *NO) else None


FILTERS: Final[dict[str, Callable[[str], tuple[str, object] | None]]] = {
    "in": _within,
    "before": lambda text: _dated("before", text),
    "after": lambda text: _dated("since", text),
    "pinned": _pinned,
    "model": lambda text: ("model", text) if text else None,
    "folder": lambda text: ("folder", text) if text else None,
    "tag": lambda text: ("tag", text) if text else None,
}
HELP: Final = {
    "in": "takes title or messages",
    "before": "takes a date such as 2026-01-31",
    "after": "takes a date such as 2026-01-31",
    "pinned": "takes true or false",
    "model": "takes a part of a model's name",
    "folder": "takes a folder's name, in quotes if it has blanks",
    "tag": "takes a tag, in quotes if it has blanks",
}
