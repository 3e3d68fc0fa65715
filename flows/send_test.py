"""A campaign's own texts to own numbers, before everybody gets them."""

from schemas.form import CampaignName
from tasks.inbound import read_stops
from tasks.refusals import flow
from tasks.send import send_own_messages
from tasks.send_test import KIND, plan_test, publish_test


@flow(name="send-test")
def send_test(campaign: CampaignName, numbers: list[str], actor: str = "team") -> str:
    """Send one message of a campaign to each of a few own numbers, at once and at the normal price.

    Each reads what a real recipient will read: the first number the dearest message, the next ones the longest, the
    shortest, then others. Running the same run again sends nothing again.

    Args:
        campaign: The campaign's name, or its key.
        numbers: One to ten numbers; the same one may stand twice, to read two texts.
        actor: Who tests it.
    """
    gateway = plan_test(campaign, numbers, actor)
    read_stops(gateway)
    send_own_messages(KIND, gateway)
    return publish_test(campaign)
