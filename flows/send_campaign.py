"""Send all messages of a campaign that may be sent now; the rest is parked."""

from schemas.form import CampaignName
from tasks.control import pause_cancelled_run
from tasks.refusals import flow
from tasks.sending import close_campaign, open_campaign, publish_progress, refresh_balance, send_messages, sync_before


@flow(name="send-campaign", retries=0, on_cancellation=[pause_cancelled_run])
def send_campaign(campaign: CampaignName) -> str:
    """Send the due messages of an approved campaign, once each and in legal hours. Another run of it is harmless.

    Args:
        campaign: The campaign's name, or its key.
    """
    sending = open_campaign(campaign)
    if sending.lease is None:
        return sending.why
    sync_before(sending.gateway)
    publish_progress(campaign, return_state=True)  # a page that fails does not stop the campaign
    closed = close_campaign(sending, send_messages(sending))
    publish_progress(campaign, return_state=True)
    refresh_balance(sending.gateway)
    return str(closed.state)
