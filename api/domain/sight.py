"""Which images a model gets to see: none where it cannot, and of a long conversation the newest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from api.domain.attachments import Attachment
from api.domain.chats import Spoken
from api.domain.errors import ModelCannotSee
from api.domain.model_facts import Facts

MOST_IMAGE_BYTES: Final = 20 * 1024 * 1024
"""Of one call: what the providers take is between 20 and 50 MB, and base64 makes a third more of it."""


def can_see(facts: Facts) -> bool:
    """False only where it is known: of a model that nobody knows, its provider says it."""
    return facts.abilities is None or "vision" in facts.abilities


def refuse_blind(model: str, facts: Facts) -> None:
    """For a call with images. Raises ModelCannotSee."""
    if not can_see(facts):
        raise ModelCannotSee(
            f"The model {model!r} cannot see images. Choose one that can, or send the message without them.",
            model=model,
        )


def has_image(files: Iterable[Attachment]) -> bool:
    return any(file.is_image for file in files)


def shown_to(facts: Facts, said: Sequence[Spoken], taken: int = 0) -> tuple[list[Spoken], int]:
    """What was said, with a word in the place of each image that the model does not get, and how many those are.
    `taken`: bytes of images that go along besides."""
    left, hidden = (MOST_IMAGE_BYTES - taken if can_see(facts) else -1), 0
    found: list[Spoken] = []
    for one in reversed(said):
        kept = []
        text = one.text
        for file in one.files:
            if file.is_image:
                left -= file.size
            if file.is_image and left < 0:
                hidden += 1
                text += f"\n\n[The image {file.name!r} was here; it is left out.]"
            else:
                kept.append(file)
        found.append(one._replace(text=text, files=tuple(kept)) if one.files else one)
    found.reverse()
    return found, hidden
