"""What of a conversation is sent to a model: all of it, or its newest turns when it would not fit the window."""

from __future__ import annotations

from collections.abc import Sequence

from api.domain.conversation import FilePart, Turn

BYTES_A_TOKEN = 3.5
TOKENS_A_TURN = 8
DEFAULT_WINDOW = 32_768
IMAGE_TOKENS = 1_200  # about what providers count for one of a usual size
MARKS_BYTES = 300  # what stands around a file's text


def estimated_tokens(text: str) -> float:
    """A cautious guess before the provider has counted: UTF-8 bytes / 3.5, and 8 for the turn itself."""
    return len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN + TOKENS_A_TURN


def size_of(turn: Turn) -> int:
    """In bytes of UTF-8, with its files; an image is as large as a text of as many tokens."""
    size = len(turn.content) if turn.content.isascii() else len(turn.content.encode("utf-8", "replace"))
    if not turn.parts:
        return size
    files = (part.file for part in turn.parts if isinstance(part, FilePart))
    sizes = (int(IMAGE_TOKENS * BYTES_A_TOKEN) if one.is_image else (one.text_size or 0) + MARKS_BYTES for one in files)
    return size + sum(sizes)


def fitted(
    turns: Sequence[Turn], system: str | None, *, window: int | None, reserve: int | None
) -> tuple[tuple[Turn, ...], int]:
    """The newest turns that fit, and how many older ones were left out.

    `window` is the model's context in tokens (None: 32,768, a cautious guess), `reserve` what is kept free for the
    answer (None: a quarter, at most 4,096). The last turn is always kept, and the first one kept is the user's.
    """
    window = window or DEFAULT_WINDOW
    room = window - min(reserve or min(window // 4, 4096), window // 2)
    room -= int(estimated_tokens(system)) if system else 0
    kept: list[Turn] = []
    for turn in reversed(turns):
        room -= int(size_of(turn) / BYTES_A_TOKEN + TOKENS_A_TURN) + 1
        if kept and room < 0:
            break
        kept.append(turn)
    while len(kept) > 1 and kept[-1].role != "user":
        kept.pop()
    kept.reverse()
    return tuple(kept), len(turns) - len(kept)
