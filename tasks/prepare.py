"""From a draft to a recap that a person can approve."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from prefect import get_run_logger, task

from schemas.draft import CampaignDraft
from sms.errors import CampaignError, InvalidNumber
from sms.linter import Finding, Saving, SizeCount, Subject, lint
from sms.masking import mask_number
from sms.msisdn import parse_number
from sms.places import window_key
from sms.planning import queue_places
from sms.policy import Policy
from sms.quiet_hours import key_closing, next_key_opening
from sms.sender_id import check_sender_id, sender_notes
from sms.template import check_fields
from sms.timetable import Departure, alert_advice, closed_days, plan_departures
from store.database import Workbench, workbench
from store.lists import mark_of
from store.planning import (
    Audience,
    Place,
    fields_of,
    longest_values,
    mark_duplicates,
    stage_candidates,
    stage_messages,
    stage_recipients,
    territories_of,
    write_texts,
)
from store.preparing import CampaignHead, Draught, has_samples, remember_policy, write_prepared
from store.recaps import Recap
from store.repeats import refuse_repeat
from tasks.attach import attached_list
from tasks.clock import now
from tasks.house import visit_store
from tasks.pages import local_time
from tasks.settings import settings
from tasks.terms import Terms, terms_of


@task(task_run_name="prepare {draft.name}")
def prepare(draft: CampaignDraft, revises: bool = False) -> Recap:
    """Prepare a draft; ``revises`` takes back the approval of a campaign in the same step."""
    recap = make_recap(draft, revises=revises)
    get_run_logger().info("%s: %d messages, recap %s", draft.name, recap.message_count, recap.recap_hash[:8])
    return recap


def make_recap(draft: CampaignDraft, *, revises: bool = False) -> Recap:
    """Choose the recipients, write and price every message, and store it all under one recap.

    Raises:
        CampaignError: the draft, its text or its sender cannot be, the same text went to largely the same people, or
            the campaign is locked.
        ConfigurationError: there is no such gateway or policy, or no price for a territory, which it names.
    """
    terms = terms_of(draft)
    lists = [*draft.lists, *attached_list(draft)]
    covered = [*lists, *draft.exclude_lists]
    with workbench() as bench:
        with visit_store(read_only=True) as visit:
            mark = mark_of(visit, covered)
            check_fields(terms.template, fields_of(visit, lists, terms.template))
            stage_candidates(visit, _audience(draft, lists, terms, visit.at))
            is_sample = has_samples(visit, lists)
        if is_sample and draft.gateway != "sandbox":
            raise CampaignError(
                f"campaign {draft.name} uses a list made from samples; only gateway sandbox may send to it"
            )
        header, draught = _write(bench, draft, terms, covered)
        with visit_store() as visit:
            if mark_of(visit, covered) != mark:
                raise CampaignError(
                    f"a list of campaign {draft.name} changed while the recap was made; prepare it again"
                )
            remember_policy(visit, terms.policy.name, terms.policy.sha256, terms.policy.valid_from, terms.policy.text)
            recap = write_prepared(visit, _head(draft, terms, is_sample), header, draught, revises=revises)
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
        honours_opt_outs=not draft.requested_service,
        needs_legal_basis=is_marketing and terms.policy.needs_legal_basis,
        seen_since=at - timedelta(days=silent_days) if silent_days else None,
        most_messages=int(most) if is_marketing and most else None,
        counted_since=at - timedelta(days=int(days)) if is_marketing and days else None,
    )


def _typed(draft: CampaignDraft) -> pd.DataFrame:
    """Return the numbers typed by hand, read by the same rules as those of files."""
    rows = []
    for position, raw in enumerate(draft.numbers, start=1):
        try:
            number = parse_number(raw, settings().region, settings().allowed_countries)
        except InvalidNumber as error:
            raise CampaignError(f"typed number {position} ({mask_number(raw)}) cannot get an SMS: {error}") from error
        rows.append((position, number.number_id, number.territory))
    return pd.DataFrame(rows, columns=["row_number", "number_id", "territory"])


def _write(
    bench: Workbench, draft: CampaignDraft, terms: Terms, covered: Sequence[str]
) -> tuple[dict[str, Any], Draught]:
    """Write every message on the bench; return what the recap's hash covers besides them, and what its page shows."""
    mark_duplicates(bench, terms.template)
    territories = territories_of(bench)
    check_sender_id(draft.sender_id, territories)
    places = {
        territory: Place(terms.stop_mention(draft, territory), str(terms.tariff.price(territory)))
        for territory in territories
    }
    starts_at = max(terms.due_at or now(), now())
    slice_size = min(settings().slice_size, terms.manifest.batch_size)
    addresses = stage_recipients(bench, terms.template)
    window_keys = {address: window_key(*address, settings().alsace_moselle) for address in addresses}
    loads: Counter[str] = Counter()
    for address, count in addresses.items():
        loads[window_keys[address]] += count
    closes_at = {key: _closing(key, starts_at, terms.policy) for key in loads}
    queue = queue_places(loads, closes_at, slice_size)
    forcing = write_texts(bench, terms.template, places, window_keys, queue, slice_size, draft.replace_characters)
    departures = plan_departures(
        list(stage_messages(bench, draft.sender_id).items()),
        starts_at,
        terms.manifest.messages_per_second,
        terms.policy if draft.kind == "marketing" else None,
        settings().window_margin_seconds,
    )
    findings = _findings(bench, draft, terms, places, forcing)
    details = {
        "sources": [row | {"origin": _origin(draft, row["origin"])} for row in bench.rows("plan.sources")],
        "findings": [asdict(finding) | {"price": _text(finding.price)} for finding in findings],
        "defaulted": bench.row("plan.defaulted"),
        "closed_days": _closed_days(draft, starts_at, departures, terms.policy),
        "advice": alert_advice(departures) if draft.kind == "alert" else [],
    }
    header = _header(draft, terms, places)
    return header, Draught(terms.tariff.unit, sorted(covered), details, [tuple(leaving) for leaving in departures])


def _closing(key: str, starts_at: datetime, policy: Policy) -> datetime:
    """Return when the window that a place's messages may first leave in closes."""
    opens_at = next_key_opening(starts_at, key, policy)
    return key_closing(opens_at, key, policy) or opens_at


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
    """Return what the recap's hash covers besides the messages."""
    rules = [terms.rule(draft, territory) for territory in places]
    return {
        "name": draft.name,
        "kind": draft.kind,
        "text": draft.text,
        "replace_characters": draft.replace_characters,
        "sender_id": draft.sender_id,
        "gateway": draft.gateway,
        "lists": sorted(draft.lists),
        "exclude_lists": sorted(draft.exclude_lists),
        "file": draft.file,
        "typed_numbers": len(draft.numbers),
        "requested_service": draft.requested_service,
        "emergency_reason": draft.emergency_reason,
        "max_messages_in_days": draft.max_messages_in_days,
        "repeat": draft.repeat,
        "offer_ends": draft.offer_ends,
        "due_at": f"leaves from {local_time(terms.due_at, settings().zone)}"
        if terms.due_at
        else "leaves as soon as it is approved",
        "policy": terms.policy.name,
        "policy_sha256": terms.policy.sha256,
        "policy_valid_from": str(terms.policy.valid_from),
        "alsace_moselle": settings().alsace_moselle,
        "prices": {territory: place.segment_price for territory, place in places.items()},
        "unit": terms.tariff.unit,
        "stop_mentions": {territory: place.stop_mention.strip() for territory, place in places.items()},
        "replies": (
            "people can answer; the auto-responder applies"
            if any(rule.can_be_answered for rule in rules)
            else f"nobody can answer {draft.sender_id} but by STOP; the auto-responder will not fire"
        ),
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


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
