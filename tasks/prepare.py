"""From a draft to a recap that a person can approve."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from prefect import get_run_logger, task

from schemas.draft import CampaignDraft
from sms.errors import CampaignError
from sms.forecast import Forecast, Timing, forecast_departures
from sms.leftovers import find_placeholders
from sms.lint_subject import Finding, Saving, SizeCount, Subject
from sms.linter import lint
from sms.places import window_key
from sms.planning import opt_outs_bind, queue_places
from sms.sender_id import check_sender_id, sender_notes
from sms.template import check_fields
from sms.timetable import alert_advice
from store.database import workbench
from store.leftovers import invisible_saving, leftovers_of
from store.planning import (
    Audience,
    Place,
    Routes,
    fields_of,
    leave_out_never_open,
    longest_values,
    mark_duplicates,
    stage_candidates,
    stage_messages,
    stage_recipients,
    territories_of,
    write_texts,
)
from store.preparing import (
    CampaignHead,
    RecapDetails,
    Revised,
    has_samples,
    refuse_locked,
    remember_policy,
    write_prepared,
)
from store.recaps import Recap, audience_mark
from store.repeats import refuse_repeat
from store.workbench import Workbench
from tasks.attach import attached_list
from tasks.clock import now
from tasks.consent import unread_consent
from tasks.hours import closed_days_by_place, expiring_words, first_closing, timing_of
from tasks.house import visit_store
from tasks.merge_fields import own_fields
from tasks.names import typed_number
from tasks.pacing import pace_of
from tasks.settings import settings
from tasks.terms import Terms, terms_of

#: Of what a draft says, what the hash covers as it stands.
_SAID = (
    "name", "title", "kind", "text", "replace_characters", "sender_id", "gateway", "policy", "file", "legal_basis",
    "requested_service", "emergency_reason", "max_messages_in_days", "repeat", "clock", "if_closed",
    "literal_placeholders",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """What stands on the bench: the territories' terms, when messages leave, and what else the page shows."""

    places: Mapping[str, Place]
    timing: Timing
    forecast: Forecast
    shown: Mapping[str, Any]


@task
def check_draft(draft: CampaignDraft, revises: Revised | None = None) -> None:
    """Refuse a draft that cannot be prepared, before a file of its own changes anything.

    Raises:
        CampaignError: what it says cannot be, or its campaign is locked, or over.
        ConfigurationError: there is no such gateway or policy.
    """
    terms_of(draft)
    with visit_store(read_only=True) as visit:
        refuse_locked(visit, draft.name, revises, draft.title)


@task(task_run_name="prepare {draft.name}")
def prepare(draft: CampaignDraft, revises: Revised | None = None) -> Recap:
    """Prepare a draft; ``revises`` is the version that was read to be changed, whose approval is withdrawn."""
    recap = make_recap(draft, revises=revises)
    get_run_logger().info("%s: %d messages, recap %s", draft.name, recap.message_count, recap.recap_hash[:8])
    return recap


def make_recap(draft: CampaignDraft, *, revises: Revised | None = None) -> Recap:
    """Choose the recipients, write and price every message, and store it all under one recap.

    Raises:
        CampaignError: the draft, its text or its sender cannot be, nothing would leave in time, the same text went to
            largely the same people, a list changed meanwhile, or the campaign is locked.
        ConfigurationError: there is no such gateway or policy, or no price for a territory, which it names.
    """
    draft = draft.settled(settings().is_day_first)
    terms = terms_of(draft)
    lists = [*draft.lists, *attached_list(draft)]
    covered = sorted({*lists, *draft.exclude_lists})
    with workbench() as bench:
        with visit_store(read_only=True) as visit:
            terms = replace(terms, template=own_fields(visit, lists, terms.template))
            check_fields(terms.template, fields_of(visit, lists, terms.template))
            stage_candidates(visit, _audience(draft, lists, terms, visit.at))
            mark, is_sample = audience_mark(visit, covered), has_samples(visit, lists)
            unread = unread_consent(visit, lists)
        if is_sample and draft.gateway != "sandbox":
            raise CampaignError(
                f"campaign {draft.name} uses a list made from samples; only gateway sandbox may send to it"
            )
        written = _write(bench, draft, terms, unread)
        departures = [tuple(leaving) for leaving in written.forecast.departures]
        details = RecapDetails(terms.tariff.unit, covered, mark, written.shown, departures)
        with visit_store() as visit:
            remember_policy(visit, terms.policy.name, terms.policy.sha256, terms.policy.valid_from, terms.policy.text)
            head, header = _head(draft, written.timing, is_sample), _header(draft, terms, written)
            recap = write_prepared(visit, head, header, details, revises=revises)
            refuse_repeat(visit, visit.row("campaign.get", campaign_id=recap.campaign_id) or {})
    return recap


def _audience(draft: CampaignDraft, lists: Sequence[str], terms: Terms, at: datetime) -> Audience:
    """Return whom a draft asks for; the rules of consent bind marketing only."""
    is_marketing = draft.kind == "marketing"
    most, _, days = (draft.max_messages_in_days or "").partition(" in ")
    silent_days = terms.policy.inactive_after_days if is_marketing else None
    return Audience(
        draft.name,
        lists,
        _typed(draft),
        draft.exclude_lists,
        honours_opt_outs=opt_outs_bind(draft.kind, draft.requested_service),
        honours_refusals=is_marketing,
        needs_legal_basis=is_marketing and terms.policy.needs_legal_basis,
        seen_since=at - timedelta(days=silent_days) if silent_days else None,
        most_messages=int(most) if is_marketing and most else None,
        counted_since=at - timedelta(days=int(days)) if is_marketing and days else None,
    )


def _typed(draft: CampaignDraft) -> pd.DataFrame:
    numbers = [typed_number(position, raw, "typed number") for position, raw in enumerate(draft.numbers, start=1)]
    rows = [(position, number.number_id, number.territory) for position, number in enumerate(numbers, start=1)]
    return pd.DataFrame(rows, columns=["row_number", "number_id", "territory"])


def _write(bench: Workbench, draft: CampaignDraft, terms: Terms, unread: Sequence[Finding]) -> Written:
    """Write every message on the bench, and plan when each leaves."""
    mark_duplicates(bench, terms.template)
    territories = territories_of(bench)
    check_sender_id(draft.sender_id, territories)
    places = {
        territory: Place(terms.stop_mention(draft, territory), str(terms.tariff.price(territory)))
        for territory in territories
    }
    at = now()
    routes = _routes(bench, draft, terms, places, at)
    forcing = write_texts(bench, terms.template, routes, draft.replace_characters)
    loads = stage_messages(bench, draft.sender_id)
    timing = timing_of(draft, terms, [load.window_key for load in loads], at)
    forecast = forecast_departures(loads, pace_of(terms.manifest).segments_per_second, timing)
    if loads and not forecast.departures:
        raise CampaignError(
            f"nothing of campaign {draft.name} would leave in time ({expiring_words(forecast.expiring)}); change its "
            "day or hour, offer_ends, max_lateness or if_closed"
        )
    findings = [*unread, *_findings(bench, draft, terms, places, forcing)]
    return Written(places, timing, forecast, _shown(bench, draft, findings, timing, forecast))


def _shown(
    bench: Workbench, draft: CampaignDraft, findings: Sequence[Finding], timing: Timing, forecast: Forecast
) -> dict[str, Any]:
    """Return what the page shows that the hash does not cover; JSON-ready."""
    last = {row.window_key: timing.begins_at(row.window_key) for row in forecast.expiring}
    last |= {leaving.window_key: leaving.ends_at for leaving in forecast.departures}  # by start, so the last one stays
    return {
        "sources": [row | {"origin": _origin(draft, row["origin"])} for row in bench.rows("plan.sources")],
        "findings": [asdict(finding) | {"price": _text(finding.price)} for finding in findings],
        "defaulted": bench.row("plan.defaulted"),
        "closed_days": closed_days_by_place(timing, last),
        "expiring": [row._asdict() for row in forecast.expiring],
        "advice": alert_advice(forecast.departures) if draft.kind == "alert" else [],
    }


def _routes(bench: Workbench, draft: CampaignDraft, terms: Terms, places: dict[str, Place], at: datetime) -> Routes:
    """Put the recipients' places in the order of the queue; who can never be reached there is left out."""
    addresses = stage_recipients(bench, terms.template)
    window_keys = {address: window_key(*address, settings().alsace_moselle) for address in addresses}
    closes_at = {key: first_closing(draft, terms, key, at) for key in set(window_keys.values())}
    never = [address for address, key in window_keys.items() if closes_at[key] is None]
    leave_out_never_open(bench, never)
    loads: Counter[str] = Counter()
    for address in addresses.keys() - never:
        loads[window_keys[address]] += addresses[address]
    slice_size = pace_of(terms.manifest).slice_size
    known = {key: closing for key, closing in closes_at.items() if closing is not None}
    return Routes(places, window_keys, queue_places(loads, known, slice_size), slice_size)


def _findings(
    bench: Workbench, draft: CampaignDraft, terms: Terms, places: dict[str, Place], forcing: Counter[str]
) -> list[Finding]:
    """Lint what was written.

    Raises:
        CampaignError: the gateway would not take it.
    """
    savings = {row.pop("level"): Saving(**row) for row in bench.rows("plan.savings")}
    found = lint(
        Subject(
            template=terms.template,
            kind=draft.kind,
            sender_id=draft.sender_id,
            brand=settings().brand,
            replace_characters=draft.replace_characters,
            stop_mentions=sorted({place.stop_mention for place in places.values()}),
            forbids_links=any(not terms.rule(draft, territory).allows_links for territory in places),
            sizes=[SizeCount(**row) for row in bench.rows("plan.sizes")],
            forcing=forcing,
            savings=savings,
            longest_values=longest_values(bench, terms.template),
            segment_price=max((terms.tariff.price(territory) for territory in places), default=Decimal()),
            unit=terms.tariff.unit,
            placeholders=find_placeholders(draft.text),
            literal_placeholders=draft.literal_placeholders,
            leftovers=leftovers_of(bench, terms.template),
            invisible=invisible_saving(bench),
        )
    )
    refused = [finding.words for finding in found if finding.severity == "refused"]
    if refused:
        raise CampaignError(f"campaign {draft.name}: {' '.join(refused)}")
    return found


def _header(draft: CampaignDraft, terms: Terms, written: Written) -> dict[str, Any]:
    """Return what the recap's hash covers besides the messages: what the draft says, and the terms of that day."""
    said, places = draft.model_dump(mode="json", include=set(_SAID)), written.places
    return said | {
        "lists": sorted(set(draft.lists)),
        "exclude_lists": sorted(set(draft.exclude_lists)),
        "typed_numbers": len(draft.numbers),
        "due_at": _instant(written.timing.due_at),
        "place_due_at": {key: _instant(hour) for key, hour in written.timing.not_before.items()},
        "offer_ends_at": _instant(terms.patience.offer_ends_at),
        "max_lateness_hours": draft.max_lateness,
        "policy_sha256": terms.policy.sha256,
        "policy_valid_from": str(terms.policy.valid_from),
        "alsace_moselle": settings().alsace_moselle,
        "prices": {territory: place.segment_price for territory, place in places.items()},
        "unit": terms.tariff.unit,
        "stop_mentions": {territory: place.stop_mention.strip() for territory, place in places.items()},
        "can_be_answered": any(
            terms.rule(draft, territory).can_be_answered for territory in places or [settings().region]
        ),
        "sender_notes": sender_notes(draft.sender_id, places),
    }


def _head(draft: CampaignDraft, timing: Timing, is_sample: bool) -> CampaignHead:
    return CampaignHead(
        name=draft.name,
        kind=draft.kind,
        gateway=draft.gateway,
        policy=draft.policy,
        sender_id=draft.sender_id,
        requested_service=draft.requested_service,
        is_sample=is_sample,
        draft=draft.model_dump_json(),
        due_at=timing.due_at,
        author=draft.author,
        emergency_reason=draft.emergency_reason,
        offer_ends_at=timing.patience.offer_ends_at,
        if_closed=draft.if_closed,
        max_lateness_hours=draft.max_lateness,
        not_before=timing.not_before,
    )


def _origin(draft: CampaignDraft, origin: str) -> str:
    """Name a source as people know it."""
    if origin == "typed":
        return "typed numbers"
    return f"file {draft.file}" if origin in attached_list(draft) else f"list {origin}"


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
