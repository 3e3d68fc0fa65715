"""Prepare a campaign: from a draft to a recap that a person can approve.

CONTRIBUTING.md, "One campaign through the code", lists the files of each step.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from campanile.services.campaigns.campaign_row import campaign_row_of
from campanile.services.campaigns.merge_fields import own_fields
from campanile.services.campaigns.predictions import predict_recap
from campanile.services.campaigns.preparation_context import PreparationContext, preparation_context
from campanile.services.campaigns.recap_header import BuiltMessages, recap_header
from campanile.services.campaigns.send_schedule import closed_days_by_window, expiring_words, first_closing, timing_of
from campanile.services.contacts.attachments import attached_list
from campanile.services.contacts.unread_consent import unread_consent
from campanile.services.context import Context
from campanile.services.input_checks import typed_number
from campanile.services.sending.throughput import pace_of
from campanile.sms.errors import CampaignError
from campanile.sms.rules.exclusions import opt_outs_bind, queue_windows
from campanile.sms.rules.sender_id import check_sender_id
from campanile.sms.schedule.departures import alert_advice
from campanile.sms.schedule.forecast import Forecast, Timing, forecast_departures
from campanile.sms.schedule.territories import window_key
from campanile.sms.text.leftovers import find_placeholders
from campanile.sms.text.lint_finding import LintFinding, Saving, SizeCount, Subject
from campanile.sms.text.linter import lint
from campanile.sms.text.template import check_fields
from campanile.store.campaigns.audience import (
    Audience,
    fields_of,
    leave_out_never_open,
    mark_duplicates,
    stage_candidates,
    stage_recipients,
    territories_of,
)
from campanile.store.campaigns.duplicate_check import check_not_repeated
from campanile.store.campaigns.leftovers import invisible_saving, leftovers_of
from campanile.store.campaigns.message_builder import (
    Routes,
    TerritoryTerms,
    longest_values,
    stage_messages,
    write_texts,
)
from campanile.store.campaigns.predictions import put_predictions
from campanile.store.campaigns.recaps import audience_mark
from campanile.store.campaigns.writer import (
    RecapDetails,
    Revised,
    check_not_locked,
    has_samples,
    remember_policy,
    write_prepared,
)
from campanile.store.db.database import scratch_tables
from campanile.store.db.statement_runner import StatementRunner
from schemas.campaign_rows import Campaign
from schemas.draft import CampaignDraft
from schemas.recap_rows import Defaulted, Recap, Source


class _LevelSaving(NamedTuple):
    level: str
    message_count: int
    segment_count: int
    price: Decimal


def check_draft(context: Context, draft: CampaignDraft, revises: Revised | None = None) -> None:
    """Refuse a draft that cannot be prepared, before its file is imported.

    Raises:
        CampaignError: a field is wrong, or its campaign is locked or over.
        ConfigurationError: there is no such gateway or policy.
    """
    preparation_context(context, draft)
    with context.transaction(read_only=True) as tx:
        check_not_locked(tx, draft.name, revises, draft.title)


def make_recap(context: Context, draft: CampaignDraft, *, revises: Revised | None = None) -> Recap:
    """Choose the recipients, write and price every message, and store it all under one recap.

    Raises:
        CampaignError: the draft, its text or its sender is not valid, no message could be sent in time, the same text
            was sent to largely the same people, a list changed meanwhile, or the campaign is locked.
        ConfigurationError: there is no such gateway or policy, or no price for a territory; the error names it.
    """
    draft = draft.settled(context.settings.is_day_first)
    prepared = preparation_context(context, draft)
    lists = [*draft.lists, *attached_list(draft)]
    covered = sorted({*lists, *draft.exclude_lists})
    with scratch_tables() as scratch:
        # Stage 1: who. Contacts and typed numbers are copied to scratch tables.
        with context.transaction(read_only=True) as tx:
            prepared = replace(prepared, template=own_fields(tx, lists, prepared.template))
            check_fields(prepared.template, fields_of(tx, lists, prepared.template))
            stage_candidates(tx, _audience(context, draft, lists, prepared, tx.at))
            mark, is_sample = audience_mark(tx, covered), has_samples(tx, lists)
            unread = unread_consent(tx, lists)
        if is_sample and draft.gateway != "sandbox":
            raise CampaignError(
                f"campaign {draft.name} uses a list made from samples; only gateway sandbox may send to it"
            )
        # Stage 2: what and when, on the scratch tables; the store is free for others.
        built = _build_messages(context, scratch, draft, prepared, unread)
        departures = built.forecast.departures
        details = RecapDetails(prepared.tariff.unit, covered, mark, built.shown, departures)
        predicted = predict_recap(context, scratch, draft, prepared, built)
        # Stage 3: the recap.
        with context.transaction() as tx:
            remember_policy(
                tx, prepared.policy.name, prepared.policy.sha256, prepared.policy.valid_from, prepared.policy.text
            )
            campaign_row = campaign_row_of(draft, built.timing, is_sample)
            header = recap_header(context, draft, prepared, built)
            recap = write_prepared(tx, campaign_row, header, details, revises=revises)
            put_predictions(tx, recap.campaign_id, recap.version, *predicted)
            check_not_repeated(tx, tx.get(Campaign, "campaign.get", campaign_id=recap.campaign_id))
    context.log.info("%s: %d messages, recap %s", draft.name, recap.message_count, recap.recap_hash[:8])
    return recap


def _audience(
    context: Context, draft: CampaignDraft, lists: Sequence[str], prepared: PreparationContext, at: datetime
) -> Audience:
    """Return the audience of a draft; the rules of consent apply to marketing only."""
    is_marketing = draft.kind == "marketing"
    most, _, days = (draft.max_messages_in_days or "").partition(" in ")
    silent_days = prepared.policy.inactive_after_days if is_marketing else None
    return Audience(
        draft.name,
        lists,
        _typed(context, draft),
        draft.exclude_lists,
        honours_opt_outs=opt_outs_bind(draft.kind, draft.requested_service),
        honours_refusals=is_marketing,
        needs_legal_basis=is_marketing and prepared.policy.needs_legal_basis,
        seen_since=at - timedelta(days=silent_days) if silent_days else None,
        most_messages=int(most) if is_marketing and most else None,
        counted_since=at - timedelta(days=int(days)) if is_marketing and days else None,
    )


def _typed(context: Context, draft: CampaignDraft) -> pd.DataFrame:
    numbers = [
        typed_number(context, position, raw, "typed number") for position, raw in enumerate(draft.numbers, start=1)
    ]
    rows = [(position, number.number_id, number.territory) for position, number in enumerate(numbers, start=1)]
    return pd.DataFrame(rows, columns=["row_number", "number_id", "territory"])


def _build_messages(
    context: Context,
    scratch: StatementRunner,
    draft: CampaignDraft,
    prepared: PreparationContext,
    unread: Sequence[LintFinding],
) -> BuiltMessages:
    """Build every message in scratch tables, and plan when each is sent."""
    mark_duplicates(scratch, prepared.template)
    territories = territories_of(scratch)
    check_sender_id(draft.sender_id, territories)
    terms = {
        territory: TerritoryTerms(prepared.stop_mention(draft, territory), str(prepared.tariff.price(territory)))
        for territory in territories
    }
    at = context.now()
    routes = _routes(context, scratch, draft, prepared, terms, at)
    forcing = write_texts(scratch, prepared.template, routes, draft.replace_characters)
    loads = stage_messages(scratch, draft.sender_id)
    timing = timing_of(context, draft, prepared, [load.window_key for load in loads], at)
    forecast = forecast_departures(loads, pace_of(context.settings, prepared.manifest).segments_per_second, timing)
    if loads and not forecast.departures:
        raise CampaignError(
            f"no message of campaign {draft.name} could be sent in time ({expiring_words(forecast.expiring)}); change "
            "its day or hour, offer_ends, max_lateness or if_closed"
        )
    findings = [*unread, *_findings(context, scratch, draft, prepared, terms, forcing)]
    return BuiltMessages(terms, loads, timing, forecast, _shown(scratch, draft, findings, timing, forecast))


def _shown(
    scratch: StatementRunner, draft: CampaignDraft, findings: Sequence[LintFinding], timing: Timing, forecast: Forecast
) -> dict[str, Any]:
    """Return what the recap page shows and the hash does not cover; JSON-ready."""
    last = {row.window_key: timing.begins_at(row.window_key) for row in forecast.expiring}
    # In the order of their starts, so that the last departure of each window key is kept.
    last |= {departure.window_key: departure.ends_at for departure in forecast.departures}
    return {
        "sources": [
            source._replace(origin=_origin(draft, source.origin))._asdict()
            for source in scratch.select(Source, "plan.sources")
        ],
        "findings": [asdict(finding) | {"price": _text(finding.price)} for finding in findings],
        "defaulted": scratch.get(Defaulted, "plan.defaulted")._asdict(),
        "closed_days": closed_days_by_window(timing, last),
        "expiring": [row._asdict() for row in forecast.expiring],
        "advice": alert_advice(forecast.departures) if draft.kind == "alert" else [],
    }


def _routes(
    context: Context,
    scratch: StatementRunner,
    draft: CampaignDraft,
    prepared: PreparationContext,
    terms: dict[str, TerritoryTerms],
    at: datetime,
) -> Routes:
    """Order the recipients' window keys for the queue; exclude recipients in territories that are never open."""
    addresses = stage_recipients(scratch, prepared.template)
    window_keys = {address: window_key(*address, context.settings.alsace_moselle) for address in addresses}
    closes_at = {key: first_closing(draft, prepared, key, at) for key in set(window_keys.values())}
    never = [address for address, key in window_keys.items() if closes_at[key] is None]
    leave_out_never_open(scratch, never)
    loads: Counter[str] = Counter()
    for address in addresses.keys() - never:
        loads[window_keys[address]] += addresses[address]
    slice_size = pace_of(context.settings, prepared.manifest).slice_size
    known = {key: closing for key, closing in closes_at.items() if closing is not None}
    return Routes(terms, window_keys, queue_windows(loads, known, slice_size), slice_size)


def _findings(
    context: Context,
    scratch: StatementRunner,
    draft: CampaignDraft,
    prepared: PreparationContext,
    terms: dict[str, TerritoryTerms],
    forcing: Counter[str],
) -> list[LintFinding]:
    """Lint the written messages.

    Raises:
        CampaignError: a finding has the severity ``refused``.
    """
    savings = {
        row.level: Saving(row.message_count, row.segment_count, row.price)
        for row in scratch.select(_LevelSaving, "plan.savings")
    }
    found = lint(
        Subject(
            template=prepared.template,
            kind=draft.kind,
            sender_id=draft.sender_id,
            brand=context.settings.brand,
            replace_characters=draft.replace_characters,
            stop_mentions=sorted({each.stop_mention for each in terms.values()}),
            forbids_links=any(not prepared.rule(draft, territory).allows_links for territory in terms),
            sizes=scratch.select(SizeCount, "plan.sizes"),
            forcing=forcing,
            savings=savings,
            longest_values=longest_values(scratch, prepared.template),
            segment_price=max((prepared.tariff.price(territory) for territory in terms), default=Decimal()),
            unit=prepared.tariff.unit,
            placeholders=find_placeholders(draft.text),
            literal_placeholders=draft.literal_placeholders,
            leftovers=leftovers_of(scratch, prepared.template),
            invisible=invisible_saving(scratch),
        )
    )
    refused = [finding.words for finding in found if finding.severity == "refused"]
    if refused:
        raise CampaignError(f"campaign {draft.name}: {' '.join(refused)}")
    return found


def _origin(draft: CampaignDraft, origin: str) -> str:
    """Return the name of a source for users."""
    if origin == "typed":
        return "typed numbers"
    return f"file {draft.file}" if origin in attached_list(draft) else f"list {origin}"


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
