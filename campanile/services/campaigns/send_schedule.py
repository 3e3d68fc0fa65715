"""When a draft's messages may be sent: the send time in each territory, and its first window."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from campanile.services.campaigns.preparation_context import PreparationContext
from campanile.services.context import Context
from campanile.sms.errors import CampaignError, ConfigurationError
from campanile.sms.schedule.departures import closed_days
from campanile.sms.schedule.forecast import EXPIRING_WORDS, Expiring, Timing
from campanile.sms.schedule.policy import Policy
from campanile.sms.schedule.quiet_hours import key_closing, local_instant, next_key_opening
from campanile.sms.schedule.territories import key_name
from campanile.sms.states import CampaignKind
from campanile.sms.text.formatting import count_text
from schemas.draft import CampaignDraft


def timing_of(
    context: Context, draft: CampaignDraft, prepared: PreparationContext, keys: Iterable[str], at: datetime
) -> Timing:
    """Return when messages with these window keys may be sent, as of ``at``.

    Raises:
        CampaignError: the draft's send time has passed in a territory.
        ConfigurationError: the time zone of a territory is unknown.
    """
    not_before = {key: hour for key in sorted(keys) if (hour := _hour_there(draft, key)) is not None}
    passed = [key_name(key) for key, hour in not_before.items() if hour < at]
    if passed:
        raise CampaignError(
            f"send_time {draft.send_time} on {draft.send_on} has passed on the clock of {', '.join(passed)}; give a "
            "later hour, or use clock: team"
        )
    return Timing(
        at=at,
        due_at=min(not_before.values(), default=prepared.due_at),
        policy=hours_of(draft.kind, prepared.policy),
        margin_seconds=context.closing_margin_seconds,
        expiry_rules=prepared.expiry_rules,
        not_before=not_before,
    )


def hours_of(kind: str, policy: Policy) -> Policy | None:
    """Return the policy whose windows apply to a kind of campaign; None: no windows apply."""
    return policy if kind == CampaignKind.MARKETING else None


def first_closing(draft: CampaignDraft, prepared: PreparationContext, key: str, at: datetime) -> datetime | None:
    """Return when the first window closes in which the messages of a window key may be sent; None: none in a year.

    Alerts have no windows: the result is when they may be sent, and gives their order.

    Raises:
        ConfigurationError: an alert is sent on the clock of a territory whose time zone is unknown.
    """
    if hours_of(draft.kind, prepared.policy) is None:
        return max(_hour_there(draft, key) or prepared.due_at or at, at)
    try:
        begins_at = max(_hour_there(draft, key) or prepared.due_at or at, at)
        return key_closing(next_key_opening(begins_at, key, prepared.policy), key, prepared.policy)
    except ConfigurationError:  # its windows are unknown, or its territories are never open together
        return None


def closed_days_by_window(timing: Timing, last: Mapping[str, datetime]) -> dict[str, list[tuple[str, str]]]:
    """Return, by window key, the closed days on which its messages wait, and why they are closed; JSON-ready.

    Args:
        timing: from when on they may be sent.
        last: when the last message with each window key is sent, or would have been.
    """
    if timing.policy is None:
        return {}
    return {
        key: [(str(day), why) for day, why in closed_days(key, timing.begins_at(key), ends_at, timing.policy)]
        for key, ends_at in last.items()
    }


def expiring_words(expiring: Sequence[Expiring]) -> str:
    """Return one line: how many messages expire, to which territory and why."""
    return "; ".join(
        f"{count_text(row.message_count, 'message')} to {key_name(row.window_key)}: {EXPIRING_WORDS[row.reason]}"
        for row in expiring
    )


def _hour_there(draft: CampaignDraft, key: str) -> datetime | None:
    """Return the draft's send time on the clock of a window key, in UTC; None: it is not on the recipient's clock.

    Raises:
        ConfigurationError: the time zone of the territory is unknown.
    """
    day = draft.day()
    if draft.clock == "team" or day is None:
        return None
    return local_instant(key, day, draft.hour()).astimezone(UTC)
