"""Plain text and source code: UTF-8, or UTF-16 that says so in its first two bytes. Nothing is guessed."""

from __future__ import annotations

from api.extraction.kinds import UTF_16, refused


def decoded(data: bytes, most: int) -> str:
    """The text, at most so many characters of it. Raises FileRefused."""
    try:
        text = data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        raise refused("not_text") from None
    if "\0" in text:
        raise refused("not_text", "The file holds NUL characters, so it is not text. Send it as what it is.")
    if not text.strip():
        raise refused("empty")
    if len(text) > most:
        words = f"The file has {len(text):,} characters of text; at most {most:,} are taken. Send a part of it."
        raise refused("too_long", words)
    return text
