"""Links to the next steps: a form with its fields filled in, or, without a server, the command to type."""

from collections.abc import Iterable, Sequence
from functools import partial

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.utilities.urls import url_for

from campanile.pages import run_links as steps
from campanile.pages.run_links import NextStep, RunLink, run_link
from schemas.campaign_rows import Campaign
from schemas.recap_rows import Recap
from tasks.prefect_calls import BREAKER, PrefectAway


def step_links(found: Sequence[NextStep]) -> list[RunLink]:
    """Return steps as links; as commands if no server answers."""
    try:
        pages = BREAKER.call(partial(_deployment_pages, [step.flow for step in found])) if found else {}
    except PrefectAway:
        pages = {}
    return [run_link(pages.get(step.flow), *step) for step in found]


def run_links(
    campaign: Campaign, recap: Recap, undeclared: Iterable[str] = (), *, is_short: bool = False
) -> list[RunLink]:
    """Return the next steps of a prepared campaign; ``is_short``: credit is missing, so it is not approved."""
    return step_links(steps.recap_steps(campaign, recap, undeclared, is_short=is_short))


def approved_links(campaign: Campaign) -> list[RunLink]:
    """Return the next steps of an approved campaign."""
    return step_links(steps.approved_steps(campaign))


def basis_links(list_names: Iterable[str]) -> list[RunLink]:
    """Return the steps that declare the legal basis of each list."""
    return step_links([steps.basis_step(name) for name in list_names])


def decision_links(campaign: str) -> list[RunLink]:
    """Return the possible decisions on the unknown messages of a campaign."""
    return step_links(steps.decision_steps(campaign))


def review_links(reply_ids: Iterable[int]) -> dict[int, list[RunLink]]:
    """Return the possible decisions on each doubtful reply."""
    found = {reply_id: steps.review_steps(reply_id) for reply_id in reply_ids}
    links = iter(step_links([step for each in found.values() for step in each]))
    return {reply_id: [next(links) for _ in each] for reply_id, each in found.items()}


def _deployment_pages(names: list[str]) -> dict[str, str]:
    """Return the page of each deployment of this server; none if it has no UI."""
    wanted = DeploymentFilter(name=DeploymentFilterName(any_=names))
    with get_client(sync_client=True) as client:
        found = client.read_deployments(deployment_filter=wanted)
    pages = {deployment.name: url_for("deployment", deployment.id) for deployment in found}
    return {name: page for name, page in pages.items() if page is not None}
