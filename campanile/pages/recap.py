"""The recap page that a person approves: who gets what, when, at what price, and what prevents sending.

The reader is not a technician and has a minute: what must be decided comes first, sentences explain, tables count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.prediction_rows import prediction_rows
from campanile.pages.recap_diff import changed_fields
from campanile.pages.recap_schedule import schedule_of
from campanile.pages.recap_views import RecapView
from campanile.pages.run_links import RunLink
from campanile.pages.words import grouped_by_value
from campanile.sms.predictions.campaign import Quantity
from schemas.recap_rows import MessagePreview

#: An opening so soon after the recap does not count as waiting.
_AT_ONCE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Start:
    """When the first message is sent, as the sending windows allow: at night an approval alone sends nothing.

    ``first`` is None when no message is sent. ``local_hour``: the draft's day and hour on each recipient's own clock.
    """

    first: datetime | None
    is_at_once: bool
    waits_for_approval: bool
    local_hour: str | None


def recap_page(view: RecapView, zone: ZoneInfo, note: str, links: Sequence[RunLink]) -> str:
    """Return the recap as Markdown; times are in the team's ``zone``, ``links`` are the next steps."""
    return render(
        "recap",
        view=view,
        zone=zone,
        note=note,
        steps=links,
        start=_start(view),
        changed=changed_fields(view, zone),
        longest=max((row.segment_count for row in view.encodings), default=0),
        previews=_previews(view.previews),
        saving=max((found.price or Decimal(0) for found in view.findings), default=Decimal(0)),
        when=schedule_of(view, zone),
        answers=next((row for row in view.predictions if row.quantity == Quantity.ANSWERS_COST), None),
        expected=prediction_rows(view.predictions, view.recap.unit, zone),
        past_count=max((row.past_count for row in view.predictions), default=0),
        stop_mention=_mentions(view.header.stop_mentions),
    )


def _start(view: RecapView) -> _Start:
    due_at, draft = view.campaign.due_at, view.campaign.draft
    first = min((row.starts_at for row in view.departures), default=None)
    is_local = draft is not None and draft.clock == "local"
    return _Start(
        first,
        is_at_once=due_at is None and first is not None and first - view.recap.prepared_at < _AT_ONCE,
        waits_for_approval=due_at is None,
        local_hour=f"{draft.send_on} at {draft.send_time}" if draft is not None and is_local else None,
    )


def _previews(rows: Sequence[MessagePreview]) -> list[tuple[str, MessagePreview]]:
    """Return real messages as recipients will read them; one that is an example of two things is shown once."""
    kinds: dict[str, list[str]] = {}
    found: dict[str, MessagePreview] = {}
    for row in rows:
        kinds.setdefault(row.msisdn, []).append(row.which)
        found[row.msisdn] = row
    return [(", ".join(kinds[key]).capitalize(), row) for key, row in found.items()]


def _mentions(by_territory: Mapping[str, str]) -> str:
    """Return each mention once, with its territories when there are several; empty when there is no recipient."""
    mentions = {territory: mention.strip() or "none is added" for territory, mention in by_territory.items()}
    if len(set(mentions.values())) <= 1:
        return next(iter(mentions.values()), "")
    return grouped_by_value(mentions)
