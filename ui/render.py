r"""Text of models and people into markdown that is safe to draw and means what they wrote. Pure; knows no Streamlit.

Outside code: `\( \)` and `\[ \]` become `$`, dollars that are money stay money, images become links (nothing is
loaded because a model says so), a single `~` is no strike-through, `:name:` is no emoji or colour directive, and a
typed sign as `->` or `>=` stays what was typed. Code and addresses are left as they are; a diagram is followed by its
code, which the page shows where it cannot be drawn. The work is done on a stream: what cannot be decided yet is held
back until it can.

Streamlit puts emoji, icons and typographic signs into the text that markdown has become, where no backslash is left.
`:color{}` is nothing but an empty element there: it parts the text, and neither half is a sign or a name any more.
"""

from __future__ import annotations

import re

PART = ":color{}"

_SPECIAL = re.compile(
    r"[\\`!$:~<\]\n]|(?<![^\W_])[->&]|\b(?i:https?://|www\.)|\b(?i:h(?:t(?:tp?)?)?|https?(?::/?)?|www?|w)\Z"
)
_ADDRESS = re.compile(r"(?i:https?://|www\.)[^\s<>`\[\]!\\]{0,2000}")  # nothing that could be an image's beginning
_DESTINATION = re.compile(r"\]\((?:[^\s<>`\[\]!\\()]|\([^\s<>`\[\]!\\()]{0,200}\)){0,2000}")
_TAG = re.compile(r"""</?[A-Za-z][^<>`!\[\n]{0,300}(?<=[\w"'/])>""")
_MAYBE_TAG = re.compile(r"<(?:/?[A-Za-z][^<>`!\[\n]{0,300})?\Z|</\Z")
_IN_RAW = re.compile(r"[!\n]")
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_MAYBE_FENCE = re.compile(r"[ \t>]*[`~]*\Z")
_LIST = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])\s")
_MAYBE_LIST = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)]?)\Z")
_RULE = re.compile(r"[ \t>]*[-:|][-:| \t]*(?=\n|\Z)")  # of a table or under a heading
_INDENTED = re.compile(r"(?: {4}| {0,3}\t)")
_HTML = re.compile(
    r" {0,3}</?(?i:(?:address|article|aside|blockquote|body|center|details|dialog|dir|div|dl|dd|dt|fieldset|figcaption"
    r"|figure|footer|form|frame|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|nav|ol|optgroup|option|p"
    r"|section|summary|table|tbody|td|tfoot|th|thead|title|tr|ul)(?=[\s/>]|\Z)"
    r"|[a-z][\w-]*(?:[ \t/][^<>\n]{0,300})?>[ \t]*(?=\n|\Z))"
)
_MAYBE_HTML = re.compile(r" {0,3}<(?:/?[A-Za-z][^\n]{0,300})?\Z| {0,3}</\Z")
_SIGNS = ("<->", "->", "<-", "--", ">=", "<=", "~=")
_RUN = re.compile(r"(?:\\?~=|(?:\\?[<>=-]|&[lg]t;){1,3})(?!\\?[<>=-]|&[lg]t;)")
_MAYBE_RUN = re.compile(r"(?:\\?~|(?:\\?~=)?(?:\\?[<>=-]|&[lg]t;){0,3}(?:\\|&(?:[lg]t?)?)?)\Z")
_IN_RUN = re.compile(r"\\?[<>=~-]|&[lg]t;")
_NAME = re.compile(r":(?:material/|\\?[+-]\\?1\\?:|(?:\\?[\w-]){1,60}\\?:)", re.ASCII)
_DIRECTIVE = re.compile(r":(?:[^\W\d]|:|\d[\w-]{0,40}[\[{])")
_MAYBE_NAME = re.compile(r":(?:\\?[\w+/-]){0,60}\\?\Z", re.ASCII)
_TYPED = rf"(?P<typed>(?<!\S)(?:{'|'.join(_SIGNS)})(?!\S))|(?P<name>:(?=material/|[\w+-]+:))"
_MARKDOWN = re.compile(rf"{_TYPED}|[\\`*_{{}}\[\]<>()#+\-.!|$:~&]")
# Of a single line: what would act there. Streamlit reads some labels aloud as they are written, so no more than these.
_IN_A_LINE = re.compile(
    _TYPED + r"|[\\`*\[\]<$~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|:(?=[\w+\[:/-])|^[#>+-]|(?<=\d)[.)](?=\s|$)"
)
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
        self._done = 0  # of the buffer; its last character is kept, for what stands before a sign
        self._inked = False  # something stands on this line
        self._above = ""  # what stands on the line above: "", "blank", "text" or "code"
        self._in_list = False
        self._raw = ""  # "html" or "code": lines in which markdown acts no more

    def feed(self, text: str) -> str:
        self._buffer += text
        return self._drain(final=False)

    def close(self) -> str:
        return self._drain(final=True)

    def _drain(self, *, final: bool) -> str:
        out: list[str] = []
        at = self._done
        while at < len(self._buffer):
            step = self._step(at, final)
            if step is None:
                break
            taken, piece = step
            self._line_start = self._buffer[at + taken - 1] == "\n"
            if self._line_start:
                self._in_code_line = False
            self._note(self._buffer[at : at + taken])
            at += taken
            out.append(piece)
        self._done = min(at, 1)
        self._buffer = self._buffer[at - self._done :]
        if final and self._fence:
            out.append(self._again(f"{'' if self._line_start else chr(10)}{self._lead}{self._fence}"))
        return "".join(out)

    def _note(self, text: str) -> None:
        """Keeps what the next line must know of this one."""
        self._inked = self._inked or not text.isspace()
        if text[-1] == "\n":
            self._above = ("code" if self._raw == "code" else "text") if self._inked else self._above and "blank"
            self._inked = False

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
            if not final and (_MAYBE_LIST.match(rest) or _MAYBE_HTML.match(rest)):
                return None
            rule = _RULE.match(rest)
            if rule and rule.end() == len(rest) and not final:
                return None
            self._see_line(rest)
            if rule and (rule.group().strip(" \t>") != "--" or self._above == "text"):
                return rule.end(), rule.group()
        if self._fence:
            return self._code_step(self._buffer, at)
        return self._text(at, final)

    def _see_line(self, rest: str) -> None:
        """Whether markdown acts on this line. It is a guess: images are undone on every line all the same."""
        if rest.lstrip(" \t").startswith("\n"):
            self._raw = ""
            return
        blank = self._above != "text"
        if _LIST.match(rest):
            self._in_list = True
        elif blank and rest[0] not in " \t>":
            self._in_list = False
        html = _HTML.match(rest)
        if self._raw != "html":
            self._raw = "html" if html else ""
        if not self._raw and self._above in {"blank", "code"} and not self._in_list and _INDENTED.match(rest):
            self._raw = "code"

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
        special = (_IN_RAW if self._raw else _SPECIAL).search(self._buffer, at)
        if special is None:
            return len(self._buffer) - at, self._buffer[at:]
        if special.start() > at:
            return special.start() - at, self._buffer[at : special.start()]
        mark = special.group()
        if mark in "\\~<>-&":
            if not final and _MAYBE_RUN.match(self._buffer, at):
                return None
            if sign := self._sign(at):
                return sign
        return self._act(mark, at, final)

    def _act(self, mark: str, at: int, final: bool) -> Step | None:
        match mark:
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
            case ":":
                return self._colon(at, final)
            case "<":
                return None if not final and _MAYBE_TAG.match(self._buffer, at) else self._as_is(_TAG, at, final)
            case "]":
                return self._as_is(_DESTINATION, at, final)
            case "\n" | ">" | "-" | "&":
                return 1, mark
            case _:
                return self._as_is(_ADDRESS, at, final)

    def _sign(self, at: int) -> Step | None:
        """A typed sign, parted. What stands before it may be a mark that will be gone, so only words are looked at."""
        run = _RUN.match(self._buffer, at)
        if run is None or self._buffer[run.end() : run.end() + 1].isalnum():
            return None
        if at and (self._buffer[at - 1].isalnum() or self._buffer[at - 1] in "<>=-"):
            return None
        marks = _IN_RUN.findall(run.group())
        typed = "".join({"&lt;": "<", "&gt;": ">"}.get(mark, mark[-1]) for mark in marks)
        if typed not in _SIGNS:
            return None
        if marks[0] in {">", "~"}:  # at a line's start it would be a quotation
            marks[0] = "\\" + marks[0]
        return run.end() - at, PART.join(marks)

    def _as_is(self, what: re.Pattern[str], at: int, final: bool) -> Step | None:
        """An address or a tag, taken whole; or the one character that could have begun it."""
        if not final and at + 8 > len(self._buffer):
            return None  # "https://" may still come
        found = what.match(self._buffer, at)
        if found is None:
            return 1, self._buffer[at]
        if found.end() == len(self._buffer) and what is not _TAG and not final and len(found.group()) < 2_000:
            return None
        return len(found.group()), found.group()

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
        if mark == ":":
            return self._colon(at + 1, final, before=1)
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

    def _colon(self, at: int, final: bool, before: int = 0) -> Step | None:
        if not final and _MAYBE_NAME.match(self._buffer, at):
            return None
        if _NAME.match(self._buffer, at):
            return before + 1, rf"\:{PART}"
        return before + 1, r"\:" if before or _DIRECTIVE.match(self._buffer, at) else ":"

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
    return _MARKDOWN.sub(_inert, text)


def label(text: str, limit: int = 60) -> str:
    """One line of literal text for a button or a heading, cut on a word's edge."""
    return _IN_A_LINE.sub(_inert, _line(text, limit))


def _inert(found: re.Match[str]) -> str:
    mark = found.group()
    if found["typed"]:
        return PART.join(one if one == "=" else "\\" + one for one in mark)
    return "\\" + mark + (PART if found["name"] else "")


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
