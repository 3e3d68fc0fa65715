"""From a draft to a recap that a person can approve; again under the same name, and the recap is replaced."""

from prefect import flow

from schemas.draft import CampaignDraft
from store.preparing import Recap
from tasks.prepare import prepare, publish_recap, read_draft


@flow(name="prepare-campaign")
def prepare_campaign(draft: CampaignDraft | None = None, path: str | None = None) -> Recap:
    """Prepare a campaign and publish its recap; nothing leaves before it is approved.

    Args:
        draft: The campaign, as a form.
        path: A YAML or JSON file of the same, instead.
    """
    recap = prepare(read_draft(draft, path))
    publish_recap(recap)
    return recap
