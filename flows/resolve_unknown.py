"""Decide on unknown messages: write them off, or send them again."""

from typing import Literal

from flows.send_campaign import send_campaign
from schemas.form import Actor, CampaignName
from tasks.dispatch import find_due, start_runs
from tasks.refusals import flow
from tasks.sending import decide_unknown, publish_progress, publish_unknowns


@flow(name="resolve-unknown")
def resolve_unknown(campaign: CampaignName, decision: Literal["write_off", "resend"], actor: Actor, reason: str) -> str:
    """Decide on all messages of a campaign that the gateway may or may not have accepted; its artifact lists them.

    Args:
        campaign: The campaign's name, or its key.
        decision: write_off gives them up: nothing more is sent to these people. resend sends them again: a person
            who got the first message gets it twice.
        actor: Who decides.
        reason: Why, for the history: what the provider's console says.
    """
    line = decide_unknown(campaign, decision, actor, reason)
    publish_unknowns(campaign)
    publish_progress(campaign)
    start_runs(find_due(campaign), send_campaign)
    return line
