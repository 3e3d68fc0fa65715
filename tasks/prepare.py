"""From a draft to a recap that a person can approve."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from prefect import get_run_logger, task

from schemas.draft import CampaignDraft
from sms.errors import CampaignError, ConfigurationError
from sms.linter import Finding, Saving, SizeCount, Subject, lint
from sms.places import window_key
from sms.planning import opt_outs_bind, queue_places
from sms.policy import Policy
from sms.quiet_hours import key_closing, next_key_opening
from sms.sender_id import check_sender_id, sender_notes
from sms.template import check_fields
from sms.timetable import Departure, alert_advice, closed_days, plan_departures
from store.database import Workbench, workbench
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
from tasks.attach import attached_list
from tasks.clock import now
from tasks.house import closing_margin_seconds, visit_store
from tasks.names import typed_number
from tasks.settings import settings
from tasks.terms import Terms, terms_of

#: Of what a draft says, what the hash covers as it stands.
_SAID = (
    "name", "kind", "text", "replace_characters", "sender_id", "gateway", "policy", "file", "legal_basis",
    "requested_service", "emergency_reason", "max_messages_in_days", "repeat",
)  # fmt: skip


@task
def check_draft(draft: CampaignDraft, revises: Revised | None = None) -> None:
    """Refuse a draft that cannot be prepared, before a file of its own changes anything.

    Raises:
        CampaignError: what it says cannot be, or its campaign is locked, or over.
        ConfigurationError: there is no such gateway or policy.
    """
    terms_of(draft)
    with visit_store(read_only=True) as visit:
        refuse_locked(visit, draft.name, revises)


@task(task_run_name="prepare {draft.name}")
def prepare(draft: CampaignDraft, revises: Revised | None = None) -> Recap:
    """Prepare a draft; ``revises`` is the version that was read to be changed, whose approval is withdrawn."""
    recap = make_recap(draft, revises=revises)
    get_run_logger().info("%s: %d messages, recap %s", draft.name, recap.message_count, recap.recap_hash[:8])
    return recap


def make_recap(draft: CampaignDraft, *, revises: Revised | None = None) -> Recap:
    """Choose the recipients, write and price every message, and store it all under one recap.

    Raises:
        CampaignError: the draft, its text or its sender cannot be, the same text went to largely the same people, a
            list changed meanwhile, or the campaign is locked.
        ConfigurationError: there is no such gateway or policy, or no price for a territory, which it names.
    """
    terms = terms_of(draft)
    lists = [*draft.lists, *attached_list(draft)]
    covered = sorted({*lists, *draft.exclude_lists})
    with workbench() as bench:
        with visit_store(read_only=True) as visit:
            check_fields(terms.template, fields_of(visit, lists, terms.template))
            stage_candidates(visit, _audience(draft, lists, terms, visit.at))
            mark, is_sample = audience_mark(visit, covered), has_samples(visit, lists)
        if is_sample and draft.gateway != "sandbox":
            raise CampaignError(
                f"campaign {draft.name} uses a list made from samples; only gateway sandbox may send to it"
            )
        places, shown, departures = _write(bench, draft, terms)
        details = RecapDetails(terms.tariff.unit, covered, mark, shown, [tuple(leaving) for leaving in departures])
        with visit_store() as visit:
            remember_policy(visit, terms.policy.name, terms.policy.sha256, terms.policy.valid_from, terms.policy.text)
            head, header = _head(draft, terms, is_sample), _header(draft, terms, places)
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
        needs_legal_basis=is_marketing and terms.policy.needs_legal_basis,
        seen_since=at - timedelta(days=silent_days) if silent_days else None,
        most_messages=int(most) if is_marketing and most else None,
        counted_since=at - timedelta(days=int(days)) if is_marketing and days else None,
    )


def _typed(draft: CampaignDraft) -> pd.DataFrame:
    numbers = [typed_number(position, raw, "typed number") for position, raw in enumerate(draft.numbers, start=1)]
    rows = [(position, number.number_id, number.territory) for position, number in enumerate(numbers, start=1)]
    return pd.DataFrame(rows, columns=["row_number", "number_id", "territory"])


def _write(
    bench: Workbench, draft: CampaignDraft, terms: Terms
) -> tuple[dict[str, Place], dict[str, Any], Sequence[Departure]]:
    """Write every message on the bench; return the territories' terms, what the page shows, and when all leave."""
    mark_duplicates(bench, terms.template)
    territories = territories_of(bench)
    check_sender_id(draft.sender_id, territories)
    places = {
        territory: Place(terms.stop_mention(draft, territory), str(terms.tariff.price(territory)))
        for territory in territories
    }
    starts_at = max(terms.due_at or now(), now())
    routes = _routes(bench, draft, terms, places, starts_at)
    forcing = write_texts(bench, terms.template, routes, draft.replace_characters)
    loads = stage_messages(bench, draft.sender_id)
    hours = terms.policy if draft.kind == "marketing" else None
    rate, margin = terms.manifest.messages_per_second, closing_margin_seconds()
    departures = plan_departures(list(loads.items()), starts_at, rate, hours, margin)
    findings = _findings(bench, draft, terms, places, forcing)
    shown = {
        "sources": [row | {"origin": _origin(draft, row["origin"])} for row in bench.rows("plan.sources")],
        "findings": [asdict(finding) | {"price": _text(finding.price)} for finding in findings],
        "defaulted": bench.row("plan.defaulted"),
        "closed_days": _closed_days(draft, starts_at, departures, terms.policy),
        "advice": alert_advice(departures) if draft.kind == "alert" else [],
    }
    return places, shown, departures


def _routes(
    bench: Workbench, draft: CampaignDraft, terms: Terms, places: dict[str, Place], starts_at: datetime
) -> Routes:
    """Put the recipients' places in the order of the queue; who can never be reached there is left out."""
    addresses = stage_recipients(bench, terms.template)
    window_keys = {address: window_key(*address, settings().alsace_moselle) for address in addresses}
    closes_at = {key: _closing(key, starts_at, terms.policy, draft.kind) for key in set(window_keys.values())}
    never = [address for address, key in window_keys.items() if closes_at[key] is None]
    leave_out_never_open(bench, never)
    loads: Counter[str] = Counter()
    for address in addresses.keys() - never:
        loads[window_keys[address]] += addresses[address]
    slice_size = min(settings().slice_size, terms.manifest.batch_size)
    known = {key: at for key, at in closes_at.items() if at is not None}
    return Routes(places, window_keys, queue_places(loads, known, slice_size), slice_size)


def _closing(key: str, starts_at: datetime, policy: Policy, kind: str) -> datetime | None:
    """Return when the window that a place's messages may first leave in closes; None: there is none within a year."""
    if kind != "marketing":
        return starts_at
    try:
        opens_at = next_key_opening(starts_at, key, policy)
    except ConfigurationError:  # nobody knows its hours, or its places are never open together
        return None
    return key_closing(opens_at, key, policy)


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
        )
    )
    refused = [finding.words for finding in found if finding.severity == "refused"]
    if refused:
        raise CampaignError(f"campaign {draft.name}: {' '.join(refused)}")
    return found


def _closed_days(
    draft: CampaignDraft, starts_at: datetime, departures: Sequence[Departure], policy: Policy
) -> dict[str, list[tuple[str, str]]]:
    """Return, for each place, the days that its messages wait for, and why they are closed."""
    if draft.kind != "marketing":
        return {}
    last = {leaving.window_key: leaving.ends_at for leaving in departures}  # by start, so the last one stays
    return {
        key: [(str(day), why) for day, why in closed_days(key, starts_at, ends_at, policy)]
        for key, ends_at in last.items()
    }


def _header(draft: CampaignDraft, terms: Terms, places: dict[str, Place]) -> dict[str, Any]:
    """Return what the recap's hash covers besides the messages: what the draft says, and the terms of that day."""
    said = draft.model_dump(mode="json", include=set(_SAID))
    return said | {
        "lists": sorted(set(draft.lists)),
        "exclude_lists": sorted(set(draft.exclude_lists)),
        "typed_numbers": len(draft.numbers),
        "due_at": _instant(terms.due_at),
        "offer_ends_at": _instant(terms.offer_ends_at),
        "policy_sha256": terms.policy.sha256,
        "policy_valid_from": str(terms.policy.valid_from),
        "alsace_moselle": settings().alsace_moselle,
        "prices": {territory: place.segment_price for territory, place in places.items()},
        "unit": terms.tariff.unit,
        "stop_mentions": {territory: place.stop_mention.strip() for territory, place in places.items()},
        "can_be_answered": any(terms.rule(draft, territory).can_be_answered for territory in places),
        "sender_notes": sender_notes(draft.sender_id, places),
    }


def _head(draft: CampaignDraft, terms: Terms, is_sample: bool) -> CampaignHead:
    return CampaignHead(
        name=draft.name,
        kind=draft.kind,
        gateway=draft.gateway,
        policy=draft.policy,
        sender_id=draft.sender_id,
        requested_service=draft.requested_service,
        is_sample=is_sample,
        draft=draft.model_dump_json(),
        due_at=terms.due_at,
        author=draft.author,
        emergency_reason=draft.emergency_reason,
        offer_ends_at=terms.offer_ends_at,
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
