"""Domain rules: no clock, no environment, no input or output, no Prefect.

The public functions are re-exported here. Each is loaded at its first use, so that importing this package loads
nothing else.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "InvalidNumber": "campanile.sms.errors",
    "Number": "campanile.sms.numbers.msisdn",
    "Segmentation": "campanile.sms.text.segments",
    "classify_reply": "campanile.sms.rules.replies.verdicts",
    "count_segments": "campanile.sms.text.segments",
    "is_open": "campanile.sms.schedule.quiet_hours",
    "next_opening": "campanile.sms.schedule.quiet_hours",
    "parse_number": "campanile.sms.numbers.msisdn",
    "render": "campanile.sms.text.template",
}

__all__ = [*_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
