"""Explain one number: where the person comes from, what they got and why, and whether marketing reaches them today."""

from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from campanile.files.atomic_write import written_whole
from campanile.pages.person_views import Explained, ListVerdict, PersonView
from campanile.services.context import Context
from campanile.sms.errors import CampaignError, ConfigurationError, InvalidNumber
from campanile.sms.numbers.msisdn import Number, parse_number
from campanile.sms.rules.evidence import signed_evidence
from campanile.sms.schedule.quiet_hours import next_opening
from campanile.sms.schedule.territories import clocks_of, window_key
from campanile.sms.states import MessageState
from campanile.sms.text.masking import mask_number
from campanile.store.contacts.person_records import PersonRecords, read_records
from schemas.draft import CampaignDraft
from schemas.person_rows import Membership, PersonMessage

FOLDER = ("exports", "persons")
_POLICY = str(CampaignDraft.model_fields["policy"].default)


def person_number(context: Context, number: str) -> Number:
    """Return a number of a person, typed in any usual form; every country is allowed.

    Raises:
        CampaignError: it is no number that can get an SMS; the error shows it masked.
    """
    try:
        return parse_number(number, context.settings.region)
    except InvalidNumber as error:
        raise CampaignError(f"number {mask_number(number)} cannot be read: {error}") from error


def read_person(context: Context, number: str) -> PersonView:
    """Return everything that is stored about a number; also for one that is not known.

    Raises:
        CampaignError: it is no number that can get an SMS.
    """
    found = person_number(context, number)
    with context.transaction(read_only=True) as tx:
        records, at = read_records(tx, found.number_id, found.msisdn), tx.at
    postcode = next((row.fields["postcode"] for row in records.memberships if row.fields.get("postcode")), None)
    key = window_key(found.territory, postcode, context.settings.alsace_moselle)
    zone = next((zone for _, zone in clocks_of(key)), context.settings.team_zone)
    return PersonView(
        msisdn=found.msisdn,
        territory=found.territory,
        zone=zone,
        made_at=at,
        records=records,
        barred_by=_barred_by(context, found, records),
        lists_today=[_list_today(context, found, row, at) for row in records.memberships],
        without_report=[row.client_ref for row in records.messages if _is_without_report(context, row)],
    )


def write_person(context: Context, view: PersonView, page: str) -> Explained:
    """Write the page and, if ``SMS_EVIDENCE_KEY`` is set, the signed JSON; only this account can read the files.

    The names of the files do not contain the number: they stand on a page that more people read.
    """
    stem = f"{view.made_at:%Y-%m-%dT%H%M%S%fZ}"
    folder = context.data_path(*FOLDER)
    page_path = _write(folder / f"{stem}.md", page)
    key = context.settings.evidence_key
    if key is None:
        return Explained(view, page_path, None)
    evidence = signed_evidence(as_json(asdict(view)), key.get_secret_value())
    return Explained(view, page_path, _write(folder / f"{stem}.json", evidence))


def as_json(value: Any) -> Any:
    """Return data with the types of JSON: times in ISO form with their offset, amounts as exact text."""
    if isinstance(value, dict):
        return {str(name): as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | str) else value


def _barred_by(context: Context, number: Number, records: PersonRecords) -> list[str]:
    """Return why no marketing reaches the person, whichever the list."""
    says_no = any(row.fields.get("sms_consent") == "no" for row in records.memberships)
    found = {
        "unknown": not records.memberships,
        "opted_out": any(row.lifted_at is None for row in records.opt_outs),
        "consent_refused": says_no,
        "dead_number": records.dead_number is not None,
        "country_not_allowed": number.territory not in context.settings.allowed_countries,
    }
    return [reason for reason, holds in found.items() if holds]


def _is_without_report(context: Context, row: PersonMessage) -> bool:
    """Return whether no delivery report can come any more, by the reports that were read."""
    if row.state is not MessageState.ACCEPTED or row.changed_at is None or row.reports_read_at is None:
        return False
    hours = context.manifest(row.gateway).report_horizon_hours
    return row.changed_at < row.reports_read_at - timedelta(hours=hours)


def _list_today(context: Context, number: Number, row: Membership, at: datetime) -> ListVerdict:
    reason = "no_consent" if row.legal_basis in (None, "service") else None
    try:
        opens_at = next_opening(
            at, number.territory, _POLICY, row.fields.get("postcode"), context.settings.alsace_moselle
        )
    except ConfigurationError:
        return ListVerdict(row.list_name, reason or "never_open", None)
    return ListVerdict(row.list_name, reason, opens_at)


def _write(path: Path, text: str) -> Path:
    with written_whole(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(text, encoding="utf-8")
    return path
