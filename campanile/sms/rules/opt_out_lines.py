"""Shares of opt-outs at which providers act, as a share of the accepted messages of a campaign."""

from decimal import Decimal
from typing import NamedTuple


class OptOutLine(NamedTuple):
    """A share of opt-outs, and what providers do above it."""

    share: Decimal
    words: str


#: Resellers warn from 1 %, and block an account from 2 to 2.5 %.
OPT_OUT_LINES = (
    OptOutLine(Decimal("0.01"), "providers warn"),
    OptOutLine(Decimal("0.02"), "providers may block the account"),
)


def crossed_line(count: int, whole: int) -> OptOutLine | None:
    """Return the highest line that a share has reached, or None.

    >>> crossed_line(10, 1000).words
    'providers warn'
    """
    reached = [line for line in OPT_OUT_LINES if whole and count >= line.share * whole]
    return reached[-1] if reached else None
