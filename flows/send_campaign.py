"""Send all of a campaign that may leave now; the rest is parked until it may."""

from schemas.form import CampaignName
from tasks.balance import look_at_balance
from tasks.control import pause_cancelled_run
from tasks.inbound import hear_stops
from tasks.refusals import flow
from tasks.send import close_campaign, open_campaign, publish_progress, send_all


@flow(name="send-campaign", retries=0, on_cancellation=[pause_cancelled_run])
def send_campaign(campaign: CampaignName) -> str:
    """Send what is due of an approved campaign, once each and in legal hours. Running it again is harmless.

    Args:
        campaign: The campaign's name, or its key.
    """
    sending = open_campaign(campaign)
    if sending.lease is None:
        return sending.why
    hear_stops(sending.gateway)
    publish_progress(campaign, return_state=True)  # a page that is not drawn stops no campaign
    closed = close_campaign(sending, send_all(sending))
    publish_progress(campaign, return_state=True)
    look_at_balance(sending.gateway)
    return str(closed["state"])
