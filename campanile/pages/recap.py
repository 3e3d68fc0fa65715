"""The recap that a person approves: who gets what, when, at what price, and what stands in the way.

The page is read in a minute by somebody who is no technician: what must be decided stands first, sentences explain,
tables count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.recap_diff import changed_fields
from campanile.pages.recap_schedule import schedule_of
from campanile.pages.recap_views import RecapView
from campanile.pages.run_links import RunLink
from campanile.pages.words import grouped_by_value
from schemas.recap_rows import MessagePreview

#: An opening that comes so soon after the recap is no wait.
_AT_ONCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """When the first message leaves, as the hours allow it: at night an approval alone sends nothing.

    ``first`` is None when there is none. ``local_hour``: the draft's day and hour on each recipient's own clock.
    """

    first: datetime | None
    is_at_once: bool
    waits_for_approval: bool
    local_hour: str | None


def recap_page(view: RecapView, zone: ZoneInfo, note: str, links: Sequence[RunLink]) -> str:
    """Return the recap as Markdown; times in the team's ``zone``, ``links`` to what can be done next."""
    return render(
        "recap",
        view=view,
        zone=zone,
        note=note,
        steps=links,
        leaving=_leaving(view),
        changed=changed_fields(view, zone),
        longest=max((row.segment_count for row in view.encodings), default=0),
        previews=_previews(view.previews),
        saving=max((found.price or Decimal(0) for found in view.findings), default=Decimal(0)),
        when=schedule_of(view, zone),
        credit_left=_credit_left(view),
        balance_after=_balance_after(view),
        answer_count=_answer_count(view),
        stop_mention=_mentions(view.header.stop_mentions),
    )


def _leaving(view: RecapView) -> _Leaving:
    due_at, draft = view.campaign.due_at, view.campaign.draft
    first = min((row.starts_at for row in view.departures), default=None)
    is_local = draft is not None and draft.clock == "local"
    return _Leaving(
        first,
        is_at_once=due_at is None and first is not None and first - view.recap.prepared_at < _AT_ONCE,
        waits_for_approval=due_at is None,
        local_hour=f"{draft.send_on} at {draft.send_time}" if draft is not None and is_local else None,
    )


def _previews(rows: Sequence[MessagePreview]) -> list[tuple[str, MessagePreview]]:
    """Return real messages as their recipients will read them; one that is two things at once stands once."""
    kinds: dict[str, list[str]] = {}
    found: dict[str, MessagePreview] = {}
    for row in rows:
        kinds.setdefault(row.msisdn, []).append(row.which)
        found[row.msisdn] = row
    return [(", ".join(kinds[key]).capitalize(), row) for key, row in found.items()]


def _balance_after(view: RecapView) -> Decimal | None:
    """Return what is left of the balance after this campaign; None when the balance was never read."""
    credit = view.credit
    return None if credit is None else credit.available - credit.committed - view.recap.total_price


def _credit_left(view: RecapView) -> Decimal | None:
    """Return what approval would leave, below zero when it is refused; None when the balance was never read."""
    credit, balance_after = view.credit, _balance_after(view)
    if credit is None or balance_after is None:
        return None
    return balance_after + (credit.committed - credit.committed_to_alerts if view.header.emergency_reason else 0)


def _answer_count(view: RecapView) -> int | None:
    """Return how many automatic answers are to be expected; None where no past campaign or no price tells."""
    answer = view.auto_reply
    if answer.price is None or answer.reply_share is None:
        return None
    return round(answer.reply_share * (view.recap.message_count - view.unsent.message_count))


def _mentions(by_territory: Mapping[str, str]) -> str:
    """Return each mention once, with where it stands when there are several; nothing where nobody is written to."""
    mentions = {territory: mention.strip() or "none is added" for territory, mention in by_territory.items()}
    if len(set(mentions.values())) <= 1:
        return next(iter(mentions.values()), "")
    return grouped_by_value(mentions)
