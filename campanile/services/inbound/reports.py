"""What delivery reports leave open: messages without one, words that we do not know, and the file of dead numbers."""

from datetime import timedelta
from pathlib import Path

from campanile.file_permissions import keep_private
from campanile.files.exports import export_csv
from campanile.pages.views import MissingReports
from campanile.services.context import Context
from campanile.store.db.database import Transaction
from campanile.store.inbound.reports import count_without_report, unknown_words
from campanile.store.ledger.events import put_state
from schemas.campaign_rows import Campaign
from schemas.inbound_rows import GatewayState, UnknownWord

DEAD_NUMBERS_FILE = "dead_numbers.csv"
#: The event of the history that the file was last written after.
_EXPORTED = "dead_numbers_exported"


def missing_reports(context: Context, tx: Transaction, campaign: Campaign) -> MissingReports:
    """Return how many messages of a campaign have no delivery report although none can come any more."""
    hours = context.manifest(campaign.gateway).report_horizon_hours
    return MissingReports(count_without_report(tx, campaign, timedelta(hours=hours)), hours)


def read_unknown_words(context: Context, gateway: str) -> list[UnknownWord]:
    """Return the words of a gateway's delivery reports that are in no table."""
    with context.transaction(read_only=True) as tx:
        return unknown_words(tx, gateway)


def export_dead_numbers(context: Context) -> Path | None:
    """Write the file of dead numbers for the partners if it is not up to date; return its path, or None."""
    path = context.data_path("exports") / DEAD_NUMBERS_FILE
    with context.transaction(read_only=True) as tx:
        last = str(tx.value("dead_number.last_event_no"))
        written = tx.find(GatewayState, "state.get", gateway="", name=_EXPORTED)
        if (written.value if written else "0") == last and (path.exists() or last == "0"):
            return None
        rows = tx.frame("dead_number.export", zone=context.settings.team_zone)
    export_csv(rows, path)
    keep_private(path)
    with context.transaction() as tx:
        put_state(tx, "", _EXPORTED, last)
    context.log.info("%s dead numbers are listed in %s", rows["msisdn"].nunique(), path)
    return path
