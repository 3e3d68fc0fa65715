"""Publish the results of a campaign: a page, an HTML file with charts, and CSV and Parquet files."""

from schemas.form import CampaignName
from tasks.campaigns import publish_results, read_results
from tasks.refusals import flow


@flow(name="report-campaign")
def report_campaign(campaign: CampaignName) -> str:
    """Publish a campaign's results, and write them with its people to `data/exports/<campaign>/`.

    Args:
        campaign: The campaign's name, or its key.
    """
    return publish_results(read_results(campaign))
