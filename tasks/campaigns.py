"""Drafts, recaps and results of campaigns."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from prefect import task

from campanile.pages.recap import recap_page
from campanile.pages.recap_views import RecapView
from campanile.pages.result_views import ResultsView
from campanile.pages.results import results_file, results_page
from campanile.services.campaigns import draft_file, prepare, revise
from campanile.services.campaigns.read_recap import read_recap, with_answer_price, with_newest_balance
from campanile.services.sending import results
from campanile.sms.schedule.territories import key_name
from campanile.sms.states import CampaignState
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.contacts.impact import TouchedCampaign
from schemas.ledger_rows import TerritoryResult
from schemas.recap_rows import Recap, TerritoryCount
from tasks.artifacts import publish, publish_table
from tasks.context import as_task, current_context
from tasks.run_links import run_links

read_draft = as_task(draft_file.read_draft)
read_revised = as_task(revise.read_revised)
check_draft = as_task(prepare.check_draft)
make_recap = as_task(prepare.make_recap, task_run_name="prepare {draft.name}")
read_results = as_task(results.read_results)


@task
def publish_recap(recap: Recap) -> str:
    """Publish a campaign's recap and return the page."""
    context = current_context()
    with context.transaction(read_only=True) as tx:
        view = read_recap(context, tx, recap.campaign_id)
    view = with_newest_balance(context, view)
    name, page = view.campaign.name, draw_recap(view)
    publish(f"recap-{name}", page, f"Recap of {name}")
    publish_table(
        f"territories-of-{name}", _by_name(view.territories), f"Messages, segments and price of {name} by territory"
    )
    return page


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
    links = run_links(view.campaign, view.recap, view.undeclared, is_short=view.is_short)
    return recap_page(with_answer_price(context, view), context.settings.zone, context.simulation_note, links)


def _by_name(rows: Sequence[TerritoryCount | TerritoryResult]) -> list[dict[str, Any]]:
    """Return the rows with the name of each territory, as on every page."""
    return [asdict(row) | {"territory": key_name(row.territory)} for row in rows]
