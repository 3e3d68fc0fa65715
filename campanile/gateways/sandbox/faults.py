"""What the sandbox does wrong on purpose: by seeded rates, or by a script for the next submits."""

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

BEFORE_ACCEPTANCE = ("throttle", "unavailable", "reset")
AFTER_ACCEPTANCE = ("accept_then_reset", "accept_then_500", "slow", "truncated")
OVERCHARGES = ("double_price", "more_segments")
"""Accepted, billed and answered at a price that the tariff does not say."""
WRONG_IDS = ("one_id", "new_id")
"""Accepted; the answer gives ids that look-ups and reports do not."""
KINDS = (*BEFORE_ACCEPTANCE, *AFTER_ACCEPTANCE, *OVERCHARGES, *WRONG_IDS)
TIMES = ("retry_after_seconds", "slow_seconds")
NONE = "none"


@dataclass(slots=True)
class FaultPlan:
    """Which submit fails how.

    Attributes:
        rates: share of the submits by kind, drawn by seed and number of the submit.
        script: kinds (or ``none``) of the very next submits, before the rates apply again.
        retry_after_seconds: what a 429 or a 503 asks for.
        slow_seconds: how long a slow answer takes.
    """

    seed: int = 7
    rates: dict[str, float] = field(default_factory=dict)
    script: deque[str] = field(default_factory=deque)
    retry_after_seconds: float = 1.0
    slow_seconds: float = 60.0

    def draw(self, submit_number: int) -> str:
        """Return the kind for a submit, or ``none``."""
        if self.script:
            return self.script.popleft()
        draw = share_of(f"{self.seed}:submit:{submit_number}")
        for kind in KINDS:
            draw -= self.rates.get(kind, 0.0)
            if draw < 0:
                return kind
        return NONE

    def replace_with(self, wanted: Mapping[str, object]) -> None:
        """Take over a whole new plan; what it does not name stops.

        Raises:
            ValueError: a kind or a share that does not exist.
        """
        script = wanted.get("script", [])
        if not isinstance(script, list) or not set(map(str, script)) <= {*KINDS, NONE}:
            raise ValueError(f"script must be a list of {', '.join((*KINDS, NONE))}")
        numbers = {name: _number(name, value) for name, value in wanted.items() if name != "script"}
        rates = {kind: numbers[kind] for kind in KINDS if kind in numbers}
        if sum(rates.values()) > 1:
            raise ValueError(f"the shares add up to {sum(rates.values()):g}, more than 1")
        self.rates = rates
        self.script = deque(map(str, script))
        self.retry_after_seconds = numbers.get("retry_after_seconds", self.retry_after_seconds)
        self.slow_seconds = numbers.get("slow_seconds", self.slow_seconds)


def share_of(label: str) -> float:
    """Return a number from 0 to 1 that depends on the label only."""
    return int.from_bytes(hashlib.sha256(label.encode()).digest()[:8]) / 2**64


def parse_faults(text: str) -> dict[str, object]:
    """Read ``throttle=0.02,reset=0.01`` as ``FaultPlan.replace_with`` takes it."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _number(name: str, value: object) -> float:
    if name not in (*KINDS, *TIMES):
        raise ValueError(f"{name!r} is none of {', '.join((*KINDS, *TIMES, 'script'))}")
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number <= (1 if name in KINDS else 3600):
        raise ValueError(f"{name} is {value!r}: it must be a number from 0 to {1 if name in KINDS else 3600}")
    return number
