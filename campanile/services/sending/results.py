"""Results of a campaign: a page, and files with every message for spreadsheets and queries."""

from campanile.files.exports import export_csv, export_parquet
from campanile.pages.views import ResultsView
from campanile.services.context import Context
from campanile.services.inbound.reports import missing_reports
from campanile.services.inbound.responder_state import responder_state
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.contacts.export import export_messages
from campanile.store.ledger.run_lifecycle import count_messages
from schemas.inbound_rows import ReplyCount
from schemas.ledger_rows import CampaignEvent, ReasonCount, TerritoryResult


def read_results(context: Context, campaign: str) -> ResultsView:
    """Export a campaign's messages and return everything its results page shows."""
    with context.transaction(read_only=True) as tx:
        found = find_campaign(tx, campaign)
        campaign_id = found.campaign_id
        states = count_messages(tx, campaign_id)
        territories = tx.select(TerritoryResult, "message.by_territory", campaign_id=campaign_id)
        reasons = tx.select(ReasonCount, "message.reasons", campaign_id=campaign_id)
        replies = tx.select(ReplyCount, "reply.by_verdict", campaign_id=campaign_id)
        events = tx.select(CampaignEvent, "campaign.events", campaign_id=campaign_id)
        messages = export_messages(tx, campaign_id)
        missing = missing_reports(context, tx, found)
        responder = responder_state(context, tx, found.gateway)
    folder = context.data_path("exports", campaign)
    return ResultsView(
        campaign=found,
        unit=context.manifest(found.gateway).unit,
        states=states,
        territories=territories,
        reasons=reasons,
        replies=replies,
        events=events,
        exports=[export_csv(messages, folder / "messages.csv"), export_parquet(messages, folder / "messages.parquet")],
        missing_reports=missing,
        responder=responder,
    )
