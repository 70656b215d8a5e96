"""A reply as it is written: pieces of a model's text in, markdown out."""

from __future__ import annotations

from ui.render.containers import HEAD
from ui.render.lines import Beginning, Kind, Lines
from ui.render.marks import Marks
from ui.render.signs import Step

MARGIN = 40


class ReplyRenderer:
    """Feed it a reply in pieces; what comes out, joined, is the same however the pieces were cut.

    What cannot be decided yet is held back until it can.
    """

    def __init__(self) -> None:
        self._lines = Lines()
        self._marks = Marks(self._lines)
        self._kind: Kind | None = None  # of the line that is being read; None at its start
        self._begun = False
        self._margin = 0  # the first line's indentation, without which Streamlit draws it: the others go without it too
        self._return = ""  # a carriage return that may be half of a line's end
        self._buffer = ""
        self._done = 0  # of the buffer; its last character is kept, for what stands before a sign

    def feed(self, text: str) -> str:
        return self._drain(text, final=False)

    def close(self) -> str:
        out = self._drain("", final=True)
        end = self._lines.end()
        return out + (f"\n{end}" if end and self._kind else end)

    def _drain(self, text: str, *, final: bool) -> str:
        self._take(text, final=final)
        out: list[str] = []
        at = self._done
        while at < len(self._buffer):
            if self._kind is None:
                start = self._margin_end(at)
                line = self._begin(start, final=final)
                if line is None:
                    break
                self._kind = line.kind
                self._marks.begin_line()
                at = start + line.taken
                out.append(line.written)
                continue
            step = self._step(at, final=final)
            if step is None:
                break
            at += step[0]
            out.append(step[1])
            if self._buffer[at - 1] == "\n":
                self._kind = None
        self._done = min(at, 1)
        self._buffer = self._buffer[at - self._done :]
        return "".join(out)

    def _take(self, text: str, *, final: bool) -> None:
        """Into the buffer, with one kind of line's end."""
        text = self._return + text
        self._return = "\r" if text.endswith("\r") and not final else ""
        self._buffer += text.removesuffix(self._return).replace("\r\n", "\n").replace("\r", "\n")
        if not self._begun:
            rest = self._buffer.lstrip()
            _, line_end, indentation = self._buffer[: len(self._buffer) - len(rest)].rpartition("\n")
            self._margin = min(MARGIN, len(indentation) + (0 if line_end else self._margin))
            self._buffer = rest
            self._begun = bool(rest)

    def _margin_end(self, at: int) -> int:
        margin = self._buffer[at : at + self._margin]
        return at + len(margin) - len(margin.lstrip(" \t"))

    def _begin(self, at: int, *, final: bool) -> Beginning | None:
        end = self._buffer.find("\n", at, at + HEAD + 1)
        if end >= 0:
            return self._lines.begin(self._buffer[at:end], whole=True)
        line = self._buffer[at : at + HEAD + 1]
        return self._lines.begin(line, whole=final and len(line) <= HEAD)

    def _step(self, at: int, *, final: bool) -> Step | None:
        """Characters taken from the buffer and what they became; None while more must be seen."""
        if self._kind == "text":
            return self._marks.step(self._buffer, at, final=final)
        end = self._buffer.find("\n", at) + 1 or len(self._buffer)
        if self._kind == "rule" or (self._kind == "fenced" and self._lines.sure):
            return end - at, self._buffer[at:end]
        if self._buffer[end - 1] == "!" and not final:  # an image may begin here
            end -= 1
        return (end - at, self._buffer[at:end].replace("![", "! [")) if end > at else None


def reply(text: str) -> str:
    """A whole reply, ready for `st.markdown`."""
    renderer = ReplyRenderer()
    return renderer.feed(text) + renderer.close()
