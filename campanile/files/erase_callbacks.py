"""Erase one person from stored callbacks, whose readers keep byte positions: no byte moves.

A line is JSON: when the request came, and its content, which is a query or a form (Kannel, OVHcloud, Twilio) or JSON
with a list of items (sandbox).
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from campanile.files.erase_rows import Erasure
from campanile.sms.numbers.written_forms import bytes_pattern

#: The parameters that stay in a request about the person, besides those with the number: ids and states, which readers
#: need. All others may say who or where the person is.
_KEPT = frozenset(
    {"id", "ref", "status", "ts", "charset", "reason", "coding", "shortcode", "ptt", "date", "description"}
)
#: The first letters of the message, at the end of an operator's receipt.
_RECEIPT_TEXT = re.compile(r"(text(?::|%3A))(.*)", re.IGNORECASE | re.DOTALL)
_KEPT_ENDINGS = ("sid", "status", "code", "segments", "version")


def erase_from_callbacks(path: Path, msisdn: str, pseudonyms: Sequence[str] = ()) -> Erasure:
    """Blank a number, its pseudonyms and what stands beside it in a file of callbacks.

    In a query or form, digits of the number become 0 and texts become x. Items of the person are removed from lists,
    and the line is filled with spaces.

    Args:
        path: the file.
        msisdn: the number, E.164.
        pseudonyms: references of messages to the person: letters and digits only.
    """
    pattern, is_changed = bytes_pattern(msisdn), False
    with path.open("r+b") as file:
        while line := file.readline():
            blank = line
            for pseudonym in pseudonyms:
                blank = blank.replace(pseudonym.encode(), b"0" * len(pseudonym))
            if blank != line or pattern.search(line):
                blank = _blanked(blank, pattern)
            if blank == line:
                continue
            end = file.tell()
            file.seek(end - len(line))
            file.write(blank)
            file.seek(end)
            is_changed = True
    return Erasure.REWRITTEN if is_changed else Erasure.NOTHING


def _blanked(line: bytes, pattern: re.Pattern[bytes]) -> bytes:
    try:
        document = json.loads(line)
        key = "content" if "content" in document else "query"
        document[key] = _without(str(document[key]), pattern)
    except (ValueError, KeyError, TypeError):  # the line is torn or was changed: no reader accepts it
        return b" " * (len(line) - 1) + line[-1:]
    return json.dumps(document).encode().ljust(len(line) - 1) + line[-1:]


def _without(content: str, pattern: re.Pattern[bytes]) -> str:
    if content.lstrip().startswith(("{", "[")):
        # Not escaped: an escaped letter would be longer than it was.
        return json.dumps(_without_items(json.loads(content), pattern), ensure_ascii=False, separators=(",", ":"))
    return "&".join(_blank_parameter(parameter, pattern) for parameter in content.split("&"))


def _without_items(value: Any, pattern: re.Pattern[bytes]) -> Any:
    """Return JSON without the items of lists that have the number."""
    if isinstance(value, dict):
        return {name: _without_items(each, pattern) for name, each in value.items()}
    if isinstance(value, list):
        return [each for each in value if not pattern.search(json.dumps(each, ensure_ascii=False).encode())]
    return value


def _blank_parameter(parameter: str, pattern: re.Pattern[bytes]) -> str:
    name, sign, value = parameter.partition("=")
    if pattern.search(value.encode()):
        blank = pattern.sub(lambda found: re.sub(rb"(?<!%)[0-9]", b"0", found[0]), value.encode()).decode()
        # More than a number, such as a text that has it, becomes x.
        return name + sign + (blank if re.fullmatch(r"(?:%2[Bb]|[+0]| )*", blank) else "x" * len(value))
    if name.lower() in _KEPT or name.lower().endswith(_KEPT_ENDINGS):
        return name + sign + _RECEIPT_TEXT.sub(lambda found: found[1] + "x" * len(found[2]), value)
    return name + sign + "x" * len(value)
