"""Drafts, recaps and results of campaigns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from prefect import task

from campanile.pages.recap import recap_page
from campanile.pages.recap_views import RecapView
from campanile.pages.result_views import ResultsView
from campanile.pages.results import results_file, results_page
from campanile.services.campaigns import draft_file, prepare, revise
from campanile.services.campaigns.read_recap import first_reading, read_recap, with_answer_price
from campanile.services.campaigns.revise import Revision
from campanile.services.sending import results
from campanile.sms.schedule.territories import key_name
from campanile.sms.states import CampaignState
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.campaigns.writer import Revised
from campanile.store.contacts.impact import TouchedCampaign
from schemas.draft import CampaignDraft
from schemas.ledger_rows import TerritoryResult
from schemas.recap_rows import Recap, TerritoryCount
from tasks.artifacts import publish, publish_table
from tasks.context import current_context
from tasks.run_links import run_links


@task
def read_draft(draft: CampaignDraft | None, path: str | None) -> CampaignDraft:
    """Return the given draft, or the one in a YAML or JSON file."""
    return draft_file.read_draft(current_context(), draft, path)


@task
def read_revised(
    campaign: str, actor: str, fields: Mapping[str, Any], clear: Sequence[str], *, prepare_again: bool = False
) -> Revision:
    """Return a campaign's draft with some fields changed; ``prepare_again`` allows no change."""
    return revise.read_revised(current_context(), campaign, actor, fields, clear, prepare_again=prepare_again)


@task
def check_draft(draft: CampaignDraft, revises: Revised | None = None) -> None:
    """Refuse a draft that cannot be prepared, before its file is imported."""
    prepare.check_draft(current_context(), draft, revises)


@task(task_run_name="prepare {draft.name}")
def make_recap(draft: CampaignDraft, revises: Revised | None = None) -> Recap:
    """Prepare a draft; ``revises`` is the version that it changes, and its approval is withdrawn."""
    return prepare.make_recap(current_context(), draft, revises=revises)


@task
def publish_recap(recap: Recap) -> str:
    """Publish a campaign's recap and return the page."""
    context = current_context()
    with context.transaction(read_only=True) as tx:
        view = read_recap(context, tx, recap.campaign_id)
    if view.credit is None:
        view = replace(view, **first_reading(context, view.campaign.gateway)._asdict())
    name, page = view.campaign.name, draw_recap(view)
    publish(f"recap-{name}", page, f"Recap of {name}")
    publish_table(
        f"territories-of-{name}", _by_name(view.territories), f"Messages, segments and price of {name} by territory"
    )
    return page


@task
def read_results(campaign: str) -> ResultsView:
    """Export a campaign's messages and return the data of its results page."""
    return results.read_results(current_context(), campaign)


@task
def publish_results(view: ResultsView) -> str:
    """Publish the results, write their HTML file, and return the page."""
    context, name = current_context(), view.campaign.name
    page = results_page(view, context.settings.zone)
    results.write_page(view, results_file(view, context.settings.zone, context.simulation_note))
    publish(f"results-{name}", page, f"Results of {name}")
    publish_table(f"outcomes-of-{name}", _by_name(view.territories), f"Outcomes of {name} by territory")
    return page


def publish_stale(touched: Iterable[TouchedCampaign]) -> None:
    """Publish again the recaps that are out of date after a change of lists."""
    context = current_context()
    for name in [campaign.name for campaign in touched if campaign.state == CampaignState.PREPARED]:
        with context.transaction(read_only=True) as tx:
            view = read_recap(context, tx, find_campaign(tx, name).campaign_id)
        publish(f"recap-{name}", draw_recap(view), f"Recap of {name}")


def draw_recap(view: RecapView) -> str:
    """Return the page of a recap, with links to the next steps."""
    context = current_context()
    links = run_links(view.campaign, view.recap, view.undeclared)
    return recap_page(with_answer_price(context, view), context.settings.zone, context.simulation_note, links)


def _by_name(rows: Sequence[TerritoryCount | TerritoryResult]) -> list[dict[str, Any]]:
    """Return the rows with the name of each territory, as on every page."""
    return [asdict(row) | {"territory": key_name(row.territory)} for row in rows]
