"""Decide on unknown messages that only a person can settle."""

from typing import Literal

from campanile.services.context import Context
from campanile.services.input_checks import require_actor, require_reason
from campanile.sms.states import CampaignState
from campanile.sms.text.formatting import count_text
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.ledger.unknowns import resend, write_off

Decision = Literal["write_off", "resend"]
_DECISIONS = {"write_off": write_off, "resend": resend}


def decide_unknown(context: Context, campaign: str, decision: Decision, actor: str, reason: str) -> str:
    """Write the unknown messages of a campaign off, or send them again; return one line.

    Raises:
        CampaignError: there is none, none may be decided now, or actor or reason is empty.
    """
    actor, why = require_actor(actor), require_reason(reason)
    with context.transaction() as tx:
        count = _DECISIONS[decision](tx, campaign, actor, why)
        state = find_campaign(tx, campaign).state
    done = {"write_off": "written off", "resend": "waiting to be sent again"}[decision]
    line = f"{count_text(count, 'unknown message')} of {campaign} now {done}"
    if state == CampaignState.PAUSED:
        line += "; the campaign is paused until resume-campaign"
    context.log.info(line)
    return line
