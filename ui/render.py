r"""Text of models and people into markdown that is safe to draw and means what they wrote. Pure; knows no Streamlit.

Outside code: `\( \)` and `\[ \]` become `$`, dollars that are money stay money, images become links (nothing is
loaded because a model says so), a single `~` is no strike-through, and `:name:` is no emoji or colour directive.
Code is left as it is; a diagram is followed by its code, which the page shows where it cannot be drawn. The work is
done on a stream: what cannot be decided yet is held back until it can.
"""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\\`!$:~\n]")
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_MAYBE_FENCE = re.compile(r"[ \t>]*[`~]*\Z")
_DIRECTIVE = re.compile(r":[A-Za-z0-9_+/-]*[:\[]")
_MAYBE_DIRECTIVE = re.compile(r":[A-Za-z0-9_+/-]{0,40}\Z")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|$:~&])")
# Of a single line: what would act there. Streamlit reads some labels aloud as they are written, so no more than these.
_IN_A_LINE = re.compile(r"[\\`*\[\]<$~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|:(?=[\w+\[:/-])|^[#>+-]|(?<=\d)[.)](?=\s|$)")
_MARKS = re.compile(r"[\\`*\[\]<>$~|#]+|(?<!\w)_+|_+(?!\w)|&(?=#?\w+;)|:(?=[\w+/-]*[:\[])")

CODE_SPAN = 2_000  # how far a closing mark is looked for, in characters; while it is looked for, text is held back
INLINE_MATHS = 300
DISPLAY_MATHS = 4_000

Step = tuple[int, str]


class ReplyRenderer:
    """Feed it a reply in pieces; what comes out, joined, is the same however the pieces were cut."""

    def __init__(self) -> None:
        self._buffer = ""
        self._fence = ""
        self._lead = ""  # what stands before the fence on its line
        self._code = ""  # what stands in it
        self._line_start = True
        self._in_code_line = False

    def feed(self, text: str) -> str:
        self._buffer += text
        return self._drain(final=False)

    def close(self) -> str:
        return self._drain(final=True)

    def _drain(self, *, final: bool) -> str:
        out: list[str] = []
        at = 0
        while at < len(self._buffer):
            step = self._step(at, final)
            if step is None:
                break
            taken, piece = step
            self._line_start = self._buffer[at + taken - 1] == "\n"
            if self._line_start:
                self._in_code_line = False
            at += taken
            out.append(piece)
        self._buffer = self._buffer[at:]
        if final and self._fence:
            out.append(self._again(f"{'' if self._line_start else chr(10)}{self._lead}{self._fence}"))
        return "".join(out)

    def _step(self, at: int, final: bool) -> Step | None:
        """Characters taken from the buffer and what they became; None while more must be seen."""
        if self._line_start and not self._in_code_line:
            rest = self._buffer[at:]
            if not final and _MAYBE_FENCE.match(rest):
                return None
            mark = _FENCE.match(rest)
            if self._fence:
                return self._code_line(rest, mark, final)
            if mark:
                self._fence, self._lead, self._code = mark.group(1), mark.group(0)[: -len(mark.group(1))], ""
                self._in_code_line = True
                return mark.end(), mark.group(0)
        if self._fence:
            return self._code_step(self._buffer, at)
        return self._text(at, final)

    def _code_line(self, rest: str, mark: re.Match[str] | None, final: bool) -> Step | None:
        """The start of a line inside a fence: its end, or code."""
        self._in_code_line = True
        if not mark or mark.group(1)[0] != self._fence[0] or len(mark.group(1)) < len(self._fence):
            return self._code_step(rest, 0)
        end = rest.find("\n")
        tail = rest[mark.end() :] if end < 0 else rest[mark.end() : end]
        if tail.strip():
            return self._code_step(rest, 0)
        if end < 0 and not final:
            self._in_code_line = False
            return None
        line = rest if end < 0 else rest[:end]
        again = self._again(line)
        self._fence = ""
        return (len(rest), again or line) if end < 0 else (end + 1, f"{again or line}\n")

    def _code_step(self, text: str, at: int) -> Step:
        taken, piece = _verbatim(text, at)
        self._code += piece
        return taken, piece

    def _again(self, end: str) -> str:
        """The fence's end, and its code once more as text; nothing where it is no diagram."""
        kind, _, code = self._code.partition("\n")
        if kind.strip().lower() != "mermaid":
            return ""
        last = "" if code.endswith("\n") or not code else "\n"
        return f"{end}\n{self._lead.rstrip()}\n{self._lead}{self._fence}text\n{code}{last}{self._lead}{self._fence}"

    def _text(self, at: int, final: bool) -> Step | None:
        special = _SPECIAL.search(self._buffer, at)
        if special is None:
            return len(self._buffer) - at, self._buffer[at:]
        if special.start() > at:
            return special.start() - at, self._buffer[at : special.start()]
        match special.group():
            case "\n":
                return 1, "\n"
            case "`":
                return self._code_span(at, final)
            case "\\":
                return self._backslash(at, final)
            case "!":
                return self._image(at, final)
            case "$":
                return self._dollar(at, final)
            case "~":
                return self._tilde(at, final)
            case _:
                return self._colon(at, final)

    def _code_span(self, at: int, final: bool) -> Step | None:
        run = self._run(at, "`", final)
        if run is None:
            return None
        closing = re.compile(rf"(?<!`)`{{{run}}}(?!`)")
        end = self._closing(at + run, closing, CODE_SPAN, final)
        if end is None:
            return None
        return (run, "`" * run) if end < 0 else (end + run - at, self._buffer[at : end + run])

    def _backslash(self, at: int, final: bool) -> Step | None:
        mark = self._buffer[at + 1 : at + 2]
        if not mark:
            return (1, "\\") if final else None
        if mark not in "([":
            return 2, "\\" + mark
        inline = mark == "("
        closing = re.compile(r"\\\)") if inline else re.compile(r"\\\]")
        end = self._closing(at + 2, closing, INLINE_MATHS if inline else DISPLAY_MATHS, final)
        if end is None:
            return None
        body = " ".join(self._buffer[at + 2 : end].split()) if end > 0 else ""
        if not body:
            return 2, "\\" + mark
        if inline:
            return end + 2 - at, f"${body}$"
        return self._display(at, end + 2, body, final)

    def _display(self, at: int, end: int, body: str, final: bool) -> Step | None:
        """Maths between double dollars: on lines of its own where it stood on lines of its own."""
        after = self._buffer[end : end + 1]
        if not after and not final:
            return None
        alone = self._line_start and after in {"", "\n"}
        return end - at, f"$$\n{body}\n$$" if alone else f"$${body}$$"

    def _image(self, at: int, final: bool) -> Step | None:
        ahead = self._buffer[at + 1 : at + 3]
        if not final and (not ahead or ahead == "["):
            return None
        if not ahead.startswith("["):
            return 1, "!"
        return (3, "[image]") if ahead == "[]" else (2, "[")

    def _dollar(self, at: int, final: bool) -> Step | None:
        run = self._run(at, "$", final)
        if run is None:
            return None
        if run >= 2:
            end = self._closing(at + run, re.compile(r"\$\$"), DISPLAY_MATHS, final)
            if end is None:
                return None
            if end < 0 or run > 2:
                return run, r"\$" * run
            return self._display(at, end + 2, " ".join(self._buffer[at + 2 : end].split()), final)
        line_end = self._buffer.find("\n", at)
        stop = len(self._buffer) if line_end < 0 else line_end
        money = (1, r"\$")
        if self._buffer[at + 1 : at + 2].isspace():
            return money
        for found in re.finditer(r"(?<!\\)\$", self._buffer[at + 1 : min(stop, at + INLINE_MATHS)]):
            end = at + 1 + found.start()
            after = self._buffer[end + 1 : end + 2]
            if not after and not final:
                return None
            if end == at + 1 or self._buffer[end - 1].isspace() or after.isdigit():
                return money
            return end + 1 - at, self._buffer[at : end + 1]
        undecided = line_end < 0 and not final and len(self._buffer) - at < INLINE_MATHS
        return None if undecided else money

    def _tilde(self, at: int, final: bool) -> Step | None:
        run = self._run(at, "~", final)
        if run is None:
            return None
        return run, r"\~" if run == 1 else "~" * run

    def _colon(self, at: int, final: bool) -> Step | None:
        if not final and _MAYBE_DIRECTIVE.match(self._buffer, at):
            return None
        return 1, r"\:" if _DIRECTIVE.match(self._buffer, at) else ":"

    def _run(self, at: int, mark: str, final: bool) -> int | None:
        end = at
        while end < len(self._buffer) and self._buffer[end] == mark:
            end += 1
        return None if end == len(self._buffer) and not final else end - at

    def _closing(self, start: int, mark: re.Pattern[str], reach: int, final: bool) -> int | None:
        """Where the closing mark is; -1 when there is none in this paragraph; None while it may still come."""
        paragraph = self._buffer.find("\n\n", start)
        far = start + reach
        stop = min(far, len(self._buffer) if paragraph < 0 else paragraph)
        found = mark.search(self._buffer, start, stop)
        if found and (final or found.end() < len(self._buffer)):
            return found.start()
        if found or (paragraph < 0 and len(self._buffer) < far and not final):
            return None
        return -1


def _verbatim(text: str, at: int) -> Step:
    end = text.find("\n", at)
    return (len(text) - at, text[at:]) if end < 0 else (end + 1 - at, text[at : end + 1])


def reply(text: str) -> str:
    """A whole reply, ready for `st.markdown`."""
    renderer = ReplyRenderer()
    return renderer.feed(text) + renderer.close()


def literal(text: str) -> str:
    """Any text as the same text in markdown: for people's messages and for labels."""
    return _MARKDOWN.sub(r"\\\1", text)


def label(text: str, limit: int = 60) -> str:
    """One line of literal text for a button or a heading, cut on a word's edge."""
    return _IN_A_LINE.sub(r"\\\g<0>", _line(text, limit))


def spoken(text: str, limit: int = 60) -> str:
    """One line for a name that is only heard: without the marks that a reader of the page would not say."""
    return " ".join(_MARKS.sub(" ", _line(text, limit)).split()) or "…"


def _line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    if len(line) > limit:
        cut = line[: limit - 1]
        space = cut.rfind(" ")
        line = (cut[:space] if space > limit // 2 else cut).rstrip(" ,.;:-") + "…"
    return line


def file_name(title: str) -> str:
    """A title as the name of a file, on every system."""
    words = re.sub(r"[^\w-]+", "-", title, flags=re.UNICODE).strip("-_")
    return words[:80] or "chat"
