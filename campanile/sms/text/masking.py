"""Masking of numbers and escaping of Markdown, for logs, errors and pages.

More people read logs, errors and artifacts than the contact lists. So numbers are masked there, and a name from a
contact file never becomes a link or a second column.
"""

import re
import unicodedata

_SEPARATOR = r"[\s.\-()/_·‐-―−\u200b-\u200f\u2060\ufeff]"
_PHONE_LIKE = re.compile(rf"(?:\+{_SEPARATOR}{{0,3}})?\d(?:{_SEPARATOR}{{0,3}}\d){{7,}}")
_TIMESTAMP = re.compile(
    r"(?<![\d+])(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)?"
    rf"(?!{_SEPARATOR}{{0,3}}\d)"
)
_TIMESTAMP_OR_PHONE = re.compile(f"(?P<timestamp>{_TIMESTAMP.pattern})|{_PHONE_LIKE.pattern}")
_MARKDOWN = re.compile(r"([\\`*_\[\]{}|~@])")
_BARE_LINK = re.compile(r"(?i)(:)(?=//)|(?<=www)(\.)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JOINER = "\u200d"
_BREAKING_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def mask_number(msisdn: str) -> str:
    """Hide the middle of one number: three digits before and four after are shown, fewer of a short number.

    Characters other than a leading plus and digits are removed first; at least three digits in eight are hidden.

    >>> mask_number("+33612345678")
    '+336****5678'
    """
    digits = "".join(character for character in msisdn if character.isdecimal())
    plus = "+" if msisdn.lstrip().startswith("+") else ""
    head, tail = min(3, (len(digits) + 1) // 4), min(4, (len(digits) + 1) // 3)
    return plus + digits[:head] + "*" * (len(digits) - head - tail) + digits[len(digits) - tail :]


def mask_numbers(text: str, spare: str = "") -> str:
    """Mask every run of eight digits or more, with or without plus and separators, anywhere in a text.

    ISO dates and times (``2026-11-22 08:00``) stay readable, and numbers that are in ``spare`` too, because numbers in
    the draft's text belong to no recipient. In doubt it masks: two numbers side by side, or a number and a postcode,
    may be masked as one.

    >>> mask_numbers("no answer from 06 12 34 56 78 on 2026-11-22")
    'no answer from 06*****678 on 2026-11-22'
    """
    return _TIMESTAMP_OR_PHONE.sub(
        lambda run: run[0] if run["timestamp"] or run[0] in spare else mask_number(run[0]), text
    )


def escape_markdown(text: str) -> str:
    r"""Escape a text for a cell of a Markdown table.

    It cannot contain formatting, links, HTML or another column. Line breaks, control and invisible direction
    characters become spaces; characters that join emoji stay.

    >>> escape_markdown("Bob|*Eve*")
    'Bob\\|\\*Eve\\*'
    """
    visible = "".join(
        " " if unicodedata.category(character) in _BREAKING_CATEGORIES and character != _JOINER else character
        for character in text
    )
    escaped = _BARE_LINK.sub(lambda sign: f"\\{sign[0]}", _MARKDOWN.sub(r"\\\1", visible))
    return re.sub("[&<>]", lambda sign: _ENTITIES[sign[0]], escaped)
