"""Empty or delete what is older than the settings allow; counts, credit and hashes still add up afterwards."""

import secrets
from datetime import datetime

from campanile.store.campaigns.recaps import add_redaction, is_intact
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign


def purge_messages(tx: Transaction, before: datetime) -> dict[str, int]:
    """Empty the messages of campaigns that are over since before a time, and old answers, notices and tests.

    Number, text and reference are deleted; state, price, territory and times stay. Return the counts by table.
    """
    tx.run("retention.stage_messages", salt=secrets.token_hex(32), before=before)
    campaigns = tx.select(Campaign, "retention.campaigns")
    intact = [campaign for campaign in campaigns if is_intact(tx, campaign)]
    counts = {
        "exclusions": tx.run("retention.exclusions"),
        "delivery reports": tx.run("retention.reports"),
    }
    tx.run("retention.gateway_ids")
    tx.run("retention.reply_links")
    tx.run("retention.events")
    tx.run("retention.charges")
    counts["messages"] = tx.run("retention.messages")
    counts["absences"] = tx.run("retention.absences", before=before)
    for campaign in intact:
        add_redaction(tx, campaign)
    tx.execute("DROP TABLE temp.staged_expired")
    return counts


def purge_replies(tx: Transaction, before: datetime) -> int:
    """Empty replies that are older, decided, and no proof of an opt-out; return how many."""
    return tx.run("retention.replies", before=before)


def hide_proofs(tx: Transaction, before: datetime) -> int:
    """Hide the person in older replies that are the proof of an opt-out or of its end; return how many.

    For a store that keeps opt-outs as keyed hashes: in any other one, the opt-out has the number itself.
    """
    return tx.run("retention.proofs", before=before)


def purge_rejects(tx: Transaction, before: datetime) -> int:
    """Empty the rejected lines of files that were imported before a time; return how many."""
    return tx.run("retention.rejects", before=before)
