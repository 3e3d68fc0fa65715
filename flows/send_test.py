"""Send a campaign's texts to the team's own numbers, before its recipients get them."""

from campanile.services.sending.send_test import KIND
from schemas.form import Actor, CampaignName
from tasks.approval import plan_test, publish_test
from tasks.inbound import sync_opt_outs
from tasks.refusals import flow
from tasks.sending import send_system_messages


@flow(name="send-test")
def send_test(campaign: CampaignName, numbers: list[str], actor: Actor = "team") -> str:
    """Send one message of a campaign to each of a few of your own numbers, at once and at the normal price.

    Each number gets the text of a real recipient: the first one the most expensive message, the next ones the longest,
    the shortest, then others. A retry of the same run sends nothing again.

    Args:
        campaign: The campaign's name, or its key.
        numbers: One to ten numbers; give a number twice to read two texts.
        actor: Who tests it.
    """
    gateway = plan_test(campaign, numbers, actor)
    sync_opt_outs(gateway)
    send_system_messages(KIND, gateway)
    return publish_test(campaign)
