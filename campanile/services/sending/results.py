"""Results of a campaign: a page, an HTML file, and files with each person for spreadsheets and queries."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from campanile.files.atomic_write import written_whole
from campanile.files.exports import convert_to_csv, filter_parquet
from campanile.pages.result_views import ResultsView
from campanile.services.campaigns.predictions import scored_predictions
from campanile.services.context import Context
from campanile.services.inbound.reports import missing_reports
from campanile.services.inbound.responder_state import responder_state
from campanile.store.campaigns.campaigns import check_not_standing, find_campaign
from campanile.store.contacts.export import export_people
from campanile.store.db.database import Transaction
from campanile.store.ledger.run_lifecycle import count_messages
from schemas.campaign_rows import Campaign
from schemas.inbound_rows import ReplyCount
from schemas.ledger_rows import CampaignEvent, ReasonCount, TerritoryResult
from schemas.result_rows import (
    CampaignCost,
    DeliveryPoint,
    ForecastResult,
    Funnel,
    ReplyExample,
    SourceResult,
)

#: Seconds after the acceptance for which the report says how many messages were delivered.
CURVE_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400, 259_200)
_EXAMPLES = 2
#: The files with people, each with the statement of its rows.
_EXPORTS: Mapping[str, str] = {
    "everyone": "result.everyone",
    "repliers": "result.repliers",
    "opted_out": "result.opted_out",
}
#: Everybody with a message who has none of it on the phone, as far as is known.
_NOT_DELIVERED = "state NOT IN ('delivered', 'excluded')"


def read_results(context: Context, campaign: str) -> ResultsView:
    """Export the people of a campaign and return everything its results page shows, as of one moment.

    Raises:
        CampaignError: there is no such campaign, or it is Campanile's own.
    """
    with context.transaction(read_only=True) as tx:
        found = find_campaign(tx, campaign)
        check_not_standing(found)
        folder = context.data_path("exports", found.name)
        view = _read_view(context, tx, found, folder)
        parquets = [
            _export(tx, statement, found.campaign_id, folder / f"{name}.parquet")
            for name, statement in _EXPORTS.items()
        ]
    parquets.insert(1, filter_parquet(parquets[0], folder / "not_delivered.parquet", _NOT_DELIVERED))
    tables = [convert_to_csv(path, path.with_suffix(".csv")) for path in parquets]
    return replace(view, exports=[path for pair in zip(tables, parquets, strict=True) for path in pair])


def write_page(view: ResultsView, page: str) -> Path:
    """Write the HTML file of the results, and return its path."""
    with written_whole(view.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return view.page


def _read_view(context: Context, tx: Transaction, found: Campaign, folder: Path) -> ResultsView:
    of_campaign = {"campaign_id": found.campaign_id}
    cost = tx.get(CampaignCost, "result.cost", **of_campaign)
    return ResultsView(
        campaign=found,
        unit=context.manifest(found.gateway).unit,
        read_at=tx.at,
        funnel=tx.get(Funnel, "result.funnel", **of_campaign),
        states=count_messages(tx, found.campaign_id),
        territories=tx.select(TerritoryResult, "message.by_territory", **of_campaign),
        sources=tx.select(SourceResult, "result.by_source", **of_campaign),
        curve=tx.select(DeliveryPoint, "result.delivery_curve", limits=list(CURVE_SECONDS), **of_campaign),
        replies=tx.select(ReplyCount, "reply.by_verdict", **of_campaign),
        examples=tx.select(ReplyExample, "result.reply_examples", most=_EXAMPLES, **of_campaign),
        cost=cost,
        predictions=scored_predictions(tx, found, cost),
        forecast=tx.select(ForecastResult, "result.forecast", **of_campaign),
        reasons=tx.select(ReasonCount, "message.reasons", **of_campaign),
        events=tx.select(CampaignEvent, "campaign.events", **of_campaign),
        page=folder / "results.html",
        exports=[],
        missing_reports=missing_reports(context, tx, found),
        responder=responder_state(context, tx, found.gateway),
    )


def _export(tx: Transaction, statement: str, campaign_id: int, path: Path) -> Path:
    with written_whole(path) as temporary:
        export_people(tx, statement, campaign_id, temporary)
    return path
