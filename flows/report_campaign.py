"""Results of a campaign: a page, and files to open elsewhere."""

from tasks.refusals import flow
from tasks.report import publish_results, read_results


@flow(name="report-campaign")
def report_campaign(campaign: str) -> str:
    """Publish a campaign's results and export its messages to `data/exports/<campaign>/`.

    Args:
        campaign: The campaign's name.
    """
    return publish_results(read_results(campaign))
