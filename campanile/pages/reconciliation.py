"""Page of a reconciliation after a restore: the gateway is asked, then a person confirms."""

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
    """Return the page that a person reads before they confirm that a restored store may send again."""
    return render("reconciliation", doubt=doubt, what_happens=_WHAT_HAPPENS, zone=zone)
