"""Make a recap from a draft, for approval. A second run with the same name replaces the recap."""

from typing import Annotated

from schemas.draft import CampaignDraft
from schemas.form import AsBox, OptionalText
from schemas.recap_rows import Recap
from tasks.campaigns import check_draft, make_recap, publish_recap, read_draft
from tasks.contacts import attach_file
from tasks.refusals import flow


@flow(name="prepare-campaign")
def prepare_campaign(draft: Annotated[CampaignDraft | None, AsBox()] = None, path: OptionalText = "") -> Recap:
    """Prepare a campaign and publish its recap; nothing is sent before it is approved.

    Args:
        draft: The campaign. To use a file, choose "Omit value" in the menu on the right, and give its path below.
        path: A YAML or JSON file with the same fields, in the data folder.
    """
    draft = read_draft(draft, path or None)
    check_draft(draft)
    attach_file(draft)
    recap = make_recap(draft)
    publish_recap(recap)
    return recap
