"""Progress of a campaign, as a page and as one line."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.views import MissingReports
from campanile.pages.words import seconds_text
from campanile.sms.states import CampaignState
from campanile.sms.text.formatting import amount_text, count_text, grouped
from campanile.store.ledger.run_lifecycle import Progress, recount
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import StateCount

#: Counts that the progress line names besides the accepted messages, when they are not zero.
_COUNT_WORDS = {
    "in_flight": "in flight",
    "waiting": "waiting",
    "suppressed": "stopped by an opt-out or a dead number",
    "rejected": "refused by the gateway",
    "cancelled": "cancelled",
    "expired": "expired unsent",
    "written_off": "written off",
}


def progress_page(
    campaign: Campaign,
    states: Sequence[StateCount],
    progress: Progress,
    zone: ZoneInfo,
    rate: float | None = None,
    missing: MissingReports | None = None,
) -> str:
    """Return the progress page of a campaign; ``rate`` is messages a second while it is being sent."""
    exact = recount(progress, states) if states else progress
    return render(
        "progress",
        campaign=campaign,
        states=states,
        is_stopped=campaign.is_stopped and campaign.state != CampaignState.CANCELLED,
        share=f"{100 * exact.accepted // exact.total} % accepted" if exact.total else "no messages",
        continues_at=campaign.due_at if campaign.state in (CampaignState.APPROVED, CampaignState.PARKED) else None,
        line=progress_line(exact, rate),
        missing=missing,
        zone=zone,
    )


def progress_line(progress: Progress, rate: float | None = None) -> str:
    """Return one line with the counts of a campaign's messages, and the rate of acceptance when it is known."""
    counts = progress._asdict()
    parts = [f"{grouped(progress.accepted)} of {count_text(progress.total, 'message')} accepted"]
    parts += [f"{grouped(counts[name])} {words}" for name, words in _COUNT_WORDS.items() if counts[name]]
    if rate is not None:
        parts.append(f"{grouped(round(rate))} a second")
        parts += [f"about {seconds_text(progress.waiting / rate)} left"] if rate and progress.waiting else []
    parts += [f"{amount_text(progress.spent, progress.unit)} spent", f"{grouped(progress.unknown)} unknown"]
    return ", ".join(parts)
