"""The pages of what happens between a recap and its sending: approved, tested."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sms.masking import escape_markdown, mask_number
from sms.wording import amount_text
from tasks.pages import STATE_WORDS, local_time, table, user_text


def approval_page(approved: Mapping[str, Any], approver: str, zone: ZoneInfo) -> str:
    """Return who approved which recap, when it leaves, and how many of its messages stay behind."""
    name, stopped = approved["name"], approved["opted_out_count"]
    parts = [
        f"# {name} is approved",
        f"Version {approved['version']}, recap `{approved['recap_hash'][:8]}`, by {escape_markdown(approver)}. "
        f"It leaves from {local_time(approved['due_at'], zone)} ({zone.key}).",
    ]
    if stopped:
        parts.append(
            f"**{stopped} of its messages stay behind**: a STOP came since. All others leave as its recap says."
        )
    parts.append(
        "It is locked now. To change it: **revise-campaign**, then approve it anew. To drop it: **cancel-campaign**."
    )
    return "\n\n".join(parts) + "\n"


def tested_page(campaign: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], unit: str) -> str:
    """Return what became of the messages of one test; ``messages`` in the order of the numbers typed."""
    rows = [
        (
            mask_number(row["msisdn"]),
            STATE_WORDS[row["state"]],
            row["encoding"],
            row["segment_count"],
            amount_text(row["price"], unit),
        )
        for row in messages
    ]
    parts = [
        f"# Test of {campaign['name']}, version {campaign['version']}",
        table(["to", "what became of it", "encoding", "segments", "price"], rows),
        *(f"**To {escape_markdown(mask_number(row['msisdn']))}**\n\n> {user_text(row['text'])}" for row in messages),
    ]
    return "\n\n".join(parts) + "\n"
