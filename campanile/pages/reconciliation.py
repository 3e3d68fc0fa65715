"""What to do when a copy of the store came back: ask the gateway, then a person."""

from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.views import Doubt
from campanile.sms.states import CampaignState

_WHAT_HAPPENS = {
    CampaignState.PREPARED: "may have been approved and sent: when it is approved, its messages are looked up first",
    CampaignState.APPROVED: "goes on at its hour, after its messages were looked up",
    CampaignState.SENDING: "goes on, after its messages were looked up",
    CampaignState.PARKED: "goes on at its hour, after its messages were looked up",
    CampaignState.PAUSED: "stays paused; resumed, its messages are looked up first",
}


def doubt_page(doubt: Doubt | None, zone: ZoneInfo) -> str:
    """Return what a person reads before they confirm that a store which came back may send again."""
    return render("reconciliation", doubt=doubt, what_happens=_WHAT_HAPPENS, zone=zone)
