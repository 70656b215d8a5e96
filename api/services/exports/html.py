"""A chat as one HTML page that loads nothing and runs nothing, whatever was said in it.

Every text is escaped and stands in an element of its own direction; the page's own policy allows its one style sheet by
hash, and nothing else. Fenced code is set as code; other markup stays as it was typed.
"""

from __future__ import annotations

import hashlib
import html
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Final

from api.domain.chats import Chat, Message
from api.services.exports.wording import facts, part_name, part_text, remarks, speaker

STYLE: Final = """
:root{color-scheme:light dark}
body{font:16px/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25}
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem;font-size:.875rem;opacity:.8}
dd{margin:0}
section{border-top:1px solid color-mix(in srgb,currentColor 20%,transparent);padding:1rem 0}
h2{font-size:1rem;margin:0}
section>p,summary{font-size:.8125rem;opacity:.75;margin:0 0 .5rem}
div,pre{white-space:pre-wrap;margin:.5rem 0}
pre{font:13px/1.5 ui-monospace,monospace;padding:.75rem;border-radius:.5rem;
background:color-mix(in srgb,currentColor 8%,transparent)}
.user h2{opacity:.7}
@media print{body{margin:0}section{break-inside:avoid}}
"""
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)
OPENS: Final = re.compile(r" {0,3}(`{3,}|~{3,})[^`]*")
CLOSES: Final = re.compile(r" {0,3}(`{3,}|~{3,})\s*")


def page(chat: Chat, messages: Iterable[Message]) -> Iterator[str]:
    """The file, piece by piece."""
    title = _text(chat.title)
    yield (
        '<!doctype html>\n<html lang="mul"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY, quote=False)}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body><h1 dir=auto>{title}</h1>\n<dl>"
    )
    yield "".join(f"<dt>{_text(name)}</dt><dd><bdi>{_text(text)}</bdi></dd>" for name, text in facts(chat))
    yield "</dl>\n"
    for message in messages:
        yield from _section(message)
    yield "</body></html>\n"


def _section(message: Message) -> Iterator[str]:
    told = " · ".join(f"<bdi>{_text(one)}</bdi>" for one in remarks(message))
    yield f'<section class="{_text(message.role)}"><h2><bdi>{_text(speaker(message))}</bdi></h2><p>{told}</p>\n'
    if message.reasoning:
        yield f"<details><summary>Reasoning</summary><div dir=auto>{_text(message.reasoning)}</div></details>\n"
    yield from _content(message.content)
    for part in message.told_parts or []:
        name, text = _text(part_name(part)), _text(part_text(part))
        yield f"<details><summary><bdi>{name}</bdi></summary><pre dir=auto>{text}</pre></details>\n"
    yield "</section>\n"


def _content(content: str) -> Iterator[str]:
    """Read line by line: a pattern for the whole would take forever over fences that nobody closes."""
    lines: list[str] = []
    fence = ""
    for line in content.split("\n"):
        found = (CLOSES if fence else OPENS).fullmatch(line.rstrip("\r"))
        if found is None or not found[1].startswith(fence):
            lines.append(line)
            continue
        yield _code(lines) if fence else _paragraph(lines)
        lines, fence = [], "" if fence else found[1]
    yield _code(lines) if fence else _paragraph(lines)


def _code(lines: list[str]) -> str:
    text = "\n".join(lines)
    return f"<pre dir=auto><code>{_text(text)}</code></pre>\n"


def _paragraph(lines: list[str]) -> str:
    text = "\n".join(lines).strip("\n")
    return f"<div dir=auto>{_text(text)}</div>\n" if text else ""


def _text(text: str) -> str:
    """Escaped; control characters, which HTML does not know, are shown as what they are not."""
    return html.escape(re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", text.replace("\r\n", "\n")))
