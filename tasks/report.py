"""Results of a campaign: a page, and every message in files that a spreadsheet or a query can open."""

from typing import Any

from prefect import task

from files.exports import export_csv, export_parquet
from store.campaigns import find_campaign
from store.exports import export_messages
from store.sending import count_messages
from tasks.house import data_path, manifest_of, visit_store
from tasks.pages import by_name, results_page
from tasks.publish import publish, publish_table
from tasks.settings import settings


@task
def read_results(campaign: str) -> dict[str, Any]:
    """Export a campaign's messages and return everything its results page shows."""
    with visit_store(read_only=True) as visit:
        found = find_campaign(visit, campaign)
        campaign_id = found["campaign_id"]
        view = {
            "campaign": found,
            "unit": manifest_of(found["gateway"]).unit,
            "states": count_messages(visit, campaign_id),
            "territories": visit.rows("message.by_territory", campaign_id=campaign_id),
            "reasons": visit.rows("message.reasons", campaign_id=campaign_id),
            "replies": visit.rows("reply.by_verdict", campaign_id=campaign_id),
            "events": visit.rows("campaign.events", campaign_id=campaign_id),
        }
        messages = export_messages(visit, campaign_id)
    folder = data_path("exports", campaign)
    exports = [export_csv(messages, folder / "messages.csv"), export_parquet(messages, folder / "messages.parquet")]
    return view | {"exports": exports}


@task
def publish_results(view: dict[str, Any]) -> str:
    """Publish the results and return the page."""
    page = results_page(view, settings().zone)
    name = view["campaign"]["name"]
    publish(f"results-{name}", page, f"Results of {name}")
    publish_table(f"outcomes-of-{name}", by_name(view["territories"]), f"What became of {name} by territory")
    return page
