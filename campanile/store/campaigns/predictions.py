"""The stored predictions of a recap, and the past campaigns that they are made from."""

from collections.abc import Sequence
from datetime import datetime

from campanile.sms.predictions.campaign import SETTLED_AFTER, Course, Outcome, Past, Predicted
from campanile.store.db.database import Transaction
from schemas.campaign_rows import Campaign
from schemas.result_rows import StoredPrediction

#: Older campaigns say little about the next one.
_MOST_PAST = 40


def put_predictions(
    tx: Transaction, campaign_id: int, version: int, predicted: Sequence[Predicted], starts_at: datetime | None
) -> None:
    """Store predictions of a version; one of the same quantity is replaced."""
    of_version = {"campaign_id": campaign_id, "version": version}
    quantities = [row.quantity for row in predicted]
    tx.run("prediction.forget", quantities=quantities, **of_version)
    tx.run(
        "prediction.add",
        quantities=quantities,
        lows=[row.low for row in predicted],
        medians=[row.median for row in predicted],
        highs=[row.high for row in predicted],
        planned=[row.planned for row in predicted],
        past_counts=[row.past_count for row in predicted],
        starts_at=starts_at,
        at=tx.at,
        **of_version,
    )


def predictions_of(tx: Transaction, campaign: Campaign) -> list[StoredPrediction]:
    """Return the predictions of a campaign's newest version; none: it was made before predictions were stored."""
    return tx.select(StoredPrediction, "prediction.list", campaign_id=campaign.campaign_id, version=campaign.version)


def past_of(tx: Transaction, kind: str, gateway: str) -> Past:
    """Return the newest past campaigns of a kind whose outcomes are settled."""
    courses = past_courses(tx, kind, gateway)
    found = outcomes_of(tx, [row.campaign_id for row in courses])
    return Past(found.outcomes, courses)


def past_courses(tx: Transaction, kind: str, gateway: str) -> list[Course]:
    """Return how the newest past campaigns of a kind went, of those whose outcomes are settled."""
    ids = tx.values("prediction.past_campaigns", kind=kind, gateway=gateway, most=_MOST_PAST)
    found = tx.select(Course, "prediction.courses", campaign_ids=ids)
    return [row for row in found if row.accepted_until + SETTLED_AFTER <= tx.at]


def outcomes_of(tx: Transaction, campaign_ids: Sequence[int]) -> Past:
    """Return what became of campaigns, settled or not, until ``SETTLED_AFTER`` after their last accepted message."""
    if not campaign_ids:
        return Past()
    ids, seconds = list(campaign_ids), SETTLED_AFTER.total_seconds()
    outcomes = tx.select(Outcome, "prediction.outcomes", campaign_ids=ids, settle_seconds=seconds)
    return Past(outcomes, tx.select(Course, "prediction.courses", campaign_ids=ids))
