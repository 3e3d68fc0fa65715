"""The pages of what happens between a recap and its sending: approved, tested."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sms.masking import escape_markdown, mask_number
from sms.wording import amount_text, grouped
from tasks.pages import STATE_WORDS, local_time, quoted_text, shown_name, table

#: Why messages of an approved recap stay behind, by what ``store.approving.approve`` counts.
_STAYING = {
    "opted_out_count": "for a STOP that came since",
    "dead_count": "for a number that, as the operator said since, does not exist",
}


def approval_page(approved: Mapping[str, Any], approver: str, zone: ZoneInfo) -> str:
    """Return who approved which recap, when it leaves, and how many of its messages stay behind."""
    staying_count = sum(approved[name] for name in _STAYING)
    parts = [
        f"# {shown_name(approved)} is approved",
        f"Version {approved['version']}, recap `{approved['recap_hash'][:8]}`, by {escape_markdown(approver)}. "
        f"**{approved['figures']}** at most, from {local_time(approved['leaves_at'], zone)} ({zone.key}).",
    ]
    if staying_count:
        why = ", ".join(staying_words(approved))
        parts.append(
            f"**{grouped(staying_count)} of its messages stay behind**: {why}. All others leave as its recap says."
        )
    parts.append(
        "It is locked now. To change it: **revise-campaign**, then approve it anew. To drop it: **cancel-campaign**."
    )
    return "\n\n".join(parts) + "\n"


def staying_words(approved: Mapping[str, Any]) -> Iterator[str]:
    """Yield how many messages of an approved recap stay behind, and why, for each reason there is."""
    return (f"{grouped(approved[name])} {why}" for name, why in _STAYING.items() if approved[name])


def tested_page(campaign: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], unit: str) -> str:
    """Return what became of the messages of one test; ``messages`` in the order of the numbers typed."""
    written = json.loads(campaign["draft"])["text"]
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
        f"# Test of {shown_name(campaign)}, version {campaign['version']}",
        table(["to", "what became of it", "encoding", "segments", "price"], rows),
        *(
            f"**To {escape_markdown(mask_number(row['msisdn']))}**\n\n{quoted_text(row['text'], spare=written)}"
            for row in messages
        ),
    ]
    return "\n\n".join(parts) + "\n"
