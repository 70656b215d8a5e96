"""Where a reply goes on: models begin again with the words at which they broke off; those are told once."""

from __future__ import annotations

GO_ON = (
    "Your last answer was cut off. Go on exactly where it ended, in the middle of a word if need be: repeat nothing, "
    "explain nothing, do not begin anew."
)
LONGEST = 400
SHORTEST = 16  # shorter repetitions, and those of few different characters, may be meant
LEAST_DIFFERENT = 6


class Seam:
    """Takes the new text in any pieces and gives back what goes behind the old one. Holds back at most LONGEST
    characters, and only while they repeat the old text's end."""

    def __init__(self, old: str) -> None:
        tail = old[-LONGEST:]
        ends = (tail[at:] for at in range(len(tail)))
        self._ends = [end for end in ends if len(end) >= SHORTEST and len(set(end)) >= LEAST_DIFFERENT]
        self._held = ""
        self._repeated = 0  # how much of what is held is known to repeat

    def joined(self, text: str) -> str:
        """What of `text`, and of what was held back before it, is new for certain."""
        if not self._ends:
            return text
        self._held += text
        self._repeated = max((len(end) for end in self._ends if self._held.startswith(end)), default=self._repeated)
        self._ends = [end for end in self._ends if len(end) > len(self._held) and end.startswith(self._held)]
        return "" if self._ends else self.rest()

    def rest(self) -> str:
        """What is held back still, once no more text comes."""
        held, self._held, self._ends = self._held[self._repeated :], "", []
        self._repeated = 0
        return held
