"""The sandbox's two files: the journal, which is the truth, and the bill, which follows from it.

Each entry is handed to the kernel before its answer leaves, so a killed process loses nothing it has answered.
A power cut could: nothing is fsynced, for this is no bank.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import zip_longest
from pathlib import Path
from typing import Any

from campanile.gateways.jsonl_log import AppendOnlyFile
from campanile.sms.errors import ConfigurationError


class Journal:
    """What happened, in order; and the bill, one line a message accepted."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            self._journal = stack.enter_context(closing(AppendOnlyFile(folder / "journal.jsonl", "sandbox")))
            self._bill = stack.enter_context(closing(AppendOnlyFile(folder / "billing.jsonl", "sandbox")))
            self._files = stack.pop_all()

    def close(self) -> None:
        """Give both files back."""
        self._files.close()

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield what the journal holds.

        Raises:
            ConfigurationError: a line is not one of ours.
        """
        for number, line in enumerate(self._journal.lines(), start=1):
            yield self._read_entry(number, line)

    def _read_entry(self, number: int, line: str) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or "kind" not in entry:
            raise ConfigurationError(f"{self._journal.path} line {number} is damaged")
        return entry

    def write(self, entry: dict[str, Any]) -> None:
        """Keep an entry; a kill after the first of the two writes is repaired by ``repair_bill``."""
        self._journal.append([_line(entry)])
        if bill := bill_lines(entry):
            self._bill.append(bill)

    def repair_bill(self) -> None:
        """Add to the bill what the journal has and a kill left out.

        Raises:
            ConfigurationError: the bill says something the journal does not.
        """
        wanted_lines = (line for entry in self.entries() for line in bill_lines(entry))
        missing = []
        for wanted, found in zip_longest(wanted_lines, list(self._bill.lines())):
            if found is None:
                missing.append(wanted)
            elif wanted != found:
                raise ConfigurationError(f"{self._bill.path} does not agree with the journal beside it")
        if missing:
            self._bill.append(missing)

    def bill(self) -> list[dict[str, Any]]:
        """Return every line of the bill."""
        return [json.loads(line) for line in self._bill.lines()]


# What an older journal does not have is left out of its bill too.
BILL_FIELDS = ("client_ref", "message_id", "to", "sender_id", "text", "segments", "price", "valid_until")


def bill_lines(entry: dict[str, Any]) -> list[str]:
    """Return the lines of the bill that follow from an entry of the journal."""
    if entry["kind"] != "submit":
        return []
    return [
        _line({**{name: result[name] for name in BILL_FIELDS if name in result}, "accepted_at": entry["at"]})
        for result in entry["results"]
        if result["status"] == "accepted"
    ]


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
