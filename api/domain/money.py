"""Money: US dollars as exact decimals with ten places, whole units of the last place where something adds them up."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

PLACES: Final = 10
UNIT: Final = Decimal(1).scaleb(-PLACES)


def rounded(amount: Decimal) -> Decimal:
    """As it is kept."""
    return amount.quantize(UNIT, ROUND_HALF_EVEN)


def to_units(amount: Decimal) -> int:
    return int(rounded(amount).scaleb(PLACES))


def from_units(units: int) -> Decimal:
    return Decimal(units).scaleb(-PLACES)


def in_dollars(amount: Decimal | None) -> str | None:
    """As answers and events show it: "0.0045"; None where it is unknown."""
    if amount is None:
        return None
    text = f"{rounded(amount):f}".rstrip("0").rstrip(".")
    return text or "0"
