"""Send all of a campaign that may leave now; the rest is parked until it may."""

from prefect import flow

from tasks.approve import gateway_of
from tasks.balance import watch_balance
from tasks.control import pause_cancelled_run
from tasks.inbound import read_stops
from tasks.send import close_campaign, open_campaign, publish_progress, send_all


@flow(name="send-campaign", retries=0, on_cancellation=[pause_cancelled_run])
def send_campaign(campaign: str) -> str:
    """Send what is due of an approved campaign, once each and in legal hours. Running it again is harmless.

    Args:
        campaign: The campaign's name.
    """
    gateway = gateway_of(campaign)
    read_stops(gateway)
    sending = open_campaign(campaign)
    if sending.lease is None:
        return sending.why
    publish_progress(campaign)
    closed = close_campaign(sending, send_all(sending))
    publish_progress(campaign)
    watch_balance(gateway)
    return str(closed["state"])
