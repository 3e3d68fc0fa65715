"""From a draft to a recap that a person can approve."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from prefect import get_run_logger, task
from pydantic import ValidationError

from gateways.registry import manifest_of
from schemas.draft import CampaignDraft
from schemas.frames import MESSAGES
from schemas.gateway import Manifest
from sms.errors import CampaignError, InvalidNumber
from sms.masking import mask_number
from sms.msisdn import parse_number
from sms.places import window_key
from sms.planning import choose_recipients, price_messages, queue_messages, write_texts
from sms.policy import Policy, load_policy
from sms.quiet_hours import key_closing, next_key_opening
from sms.sender_id import check_sender_id
from sms.tariff import Tariff
from sms.template import check_fields, parse_template
from store.database import Transaction
from store.lists import mark_of
from store.operators import credit_left
from store.preparing import CampaignHead, Recap, has_samples, read_candidates, remember_policy, write_prepared
from tasks.attach import attached_list
from tasks.clock import now, rehearsal_note
from tasks.house import tariff_of, visit_store
from tasks.names import check_name
from tasks.pages import local_time, recap_page
from tasks.publish import publish, publish_table
from tasks.settings import settings


@task
def read_draft(draft: CampaignDraft | None, path: str | None) -> CampaignDraft:
    """Return the draft given, or the one that a YAML or JSON file holds.

    Raises:
        CampaignError: none or both were given, or the file holds no draft; one line for all that is wrong.
    """
    if (draft is None) == (path is None):
        raise CampaignError("give either a draft or the path of a YAML file with one")
    if draft is not None:
        return draft
    try:
        return CampaignDraft.model_validate(yaml.safe_load(Path(str(path)).read_text(encoding="utf-8")))
    except OSError as error:
        raise CampaignError(f"no draft {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CampaignError(f"draft {path} is no YAML: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        raise CampaignError(f"draft {path}: {_in_one_line(error)}") from error


@task(task_run_name="prepare {draft.name}")
def prepare(draft: CampaignDraft) -> Recap:
    """Choose the recipients, write and price every message, and store it all under one recap."""
    manifest, policy, tariff = _check(draft)
    typed = _typed(draft)
    lists = [*draft.lists, *attached_list(draft)]
    with visit_store(read_only=True) as visit:
        mark = mark_of(visit, [*lists, *draft.exclude_lists])
        candidates, field_names = read_candidates(visit, lists, typed, draft.exclude_lists)
        is_sample = has_samples(visit, lists)
    if is_sample and draft.gateway != "sandbox":
        raise CampaignError(f"campaign {draft.name} uses a list made from samples; only gateway sandbox may send to it")
    template = parse_template(draft.text)
    check_fields(template, field_names)
    if draft.requested_service:  # an alert that people asked for: a STOP to marketing does not take it from them
        candidates = candidates.assign(is_opted_out=False)
    recipients, left_out = choose_recipients(candidates)
    written, without_field = write_texts(recipients, template, lambda place: _mention(draft, manifest, place))
    messages = _as_messages(written, draft, policy, tariff, min(settings().slice_size, manifest.batch_size))
    header = _header(draft, manifest, policy, tariff, messages)
    with visit_store() as visit:
        if mark_of(visit, [*lists, *draft.exclude_lists]) != mark:
            raise CampaignError(f"a list of campaign {draft.name} changed while the recap was made; prepare it again")
        remember_policy(visit, policy.name, policy.sha256, policy.valid_from, policy.text)
        exclusions = pd.concat([left_out, without_field])
        recap = write_prepared(visit, _head(draft, is_sample), header, messages, exclusions, tariff.unit)
    get_run_logger().info("%s: %d messages, recap %s", draft.name, recap.message_count, recap.recap_hash[:8])
    return recap


@task
def publish_recap(recap: Recap) -> str:
    """Publish a campaign's recap and return the page."""
    with visit_store(read_only=True) as visit:
        view = read_recap(visit, recap.campaign_id)
    page = recap_page(view, settings().zone, rehearsal_note())
    name = view["campaign"]["name"]
    publish(f"recap-{name}", page, f"Recap of {name}")
    publish_table(
        f"recap-{name}-territories", view["territories"], f"Messages, segments and price of {name} by territory"
    )
    return page


def read_recap(visit: Transaction, campaign_id: int) -> dict[str, Any]:
    """Return everything the recap page shows."""
    campaign = visit.row("campaign.get", campaign_id=campaign_id) or {}
    recap = visit.row("recap.get", campaign_id=campaign_id, version=campaign["version"]) or {}
    starts_at = campaign["due_at"] or visit.at
    return {
        "campaign": campaign,
        "recap": recap,
        "header": json.loads(recap["header"]),
        "exclusions": visit.rows("recap.exclusions", campaign_id=campaign_id, version=campaign["version"]),
        "territories": visit.rows("recap.territories", campaign_id=campaign_id),
        "encodings": visit.rows("recap.encodings", campaign_id=campaign_id),
        "previews": visit.rows("recap.previews", campaign_id=campaign_id),
        "windows": [
            row | _window(row["window_key"], starts_at, campaign)
            for row in visit.rows("recap.windows", campaign_id=campaign_id)
        ],
        "credit": credit_left(visit, campaign["gateway"]),
    }


def _check(draft: CampaignDraft) -> tuple[Manifest, Policy, Tariff]:
    """Refuse whatever is wrong before any contact is read."""
    check_name(draft.name, "campaign")
    check_sender_id(draft.sender_id)
    manifest, policy, tariff = manifest_of(draft.gateway), load_policy(draft.policy), tariff_of(draft.gateway)
    if draft.kind == "marketing" and draft.requested_service:
        raise CampaignError("requested_service is for alerts: a marketing STOP always binds marketing")
    if draft.send_time is not None and draft.send_on is None:
        raise CampaignError(
            f"send_time {draft.send_time} needs a day in send_on; leave both empty to send once approved"
        )
    today = now().astimezone(settings().zone).date()
    if draft.send_on is not None and not today <= draft.send_on <= today + timedelta(days=366):
        raise CampaignError(f"send_on {draft.send_on} is not between today ({today}) and a year from now")
    if not draft.lists and not draft.numbers and draft.file is None:
        raise CampaignError(f"campaign {draft.name} has no recipients; name lists, type numbers, or give a file")
    return manifest, policy, tariff


def _typed(draft: CampaignDraft) -> pd.DataFrame:
    """Return the numbers typed by hand, read by the same rules as those of files."""
    rows = []
    for position, raw in enumerate(draft.numbers, start=1):
        try:
            number = parse_number(raw, settings().region, settings().allowed_countries)
        except InvalidNumber as error:
            raise CampaignError(f"typed number {position} ({mask_number(raw)}) cannot get an SMS: {error}") from error
        rows.append(("typed", position, number.number_id, number.msisdn, number.territory))
    return pd.DataFrame(rows, columns=["origin", "row_number", "number_id", "msisdn", "territory"])


def _mention(draft: CampaignDraft, manifest: Manifest, territory: str) -> str:
    return manifest.sender_rule(territory, draft.sender_id).stop_mention if draft.kind == "marketing" else ""


def _as_messages(
    written: pd.DataFrame, draft: CampaignDraft, policy: Policy, tariff: Tariff, slice_size: int
) -> pd.DataFrame:
    keys = [
        window_key(territory, json.loads(fields).get("postcode"), settings().alsace_moselle)
        for territory, fields in zip(written["territory"], written["fields"], strict=True)
    ]
    messages = price_messages(
        written.assign(window_key=keys, recipient_id=written["number_id"], sender_id=draft.sender_id), tariff
    )
    starts_at = _due_at(draft) or now()
    closes_at = {key: key_closing(next_key_opening(starts_at, key, policy), key, policy) for key in set(keys)}
    return MESSAGES.validate(queue_messages(messages, closes_at, slice_size))


def _header(
    draft: CampaignDraft, manifest: Manifest, policy: Policy, tariff: Tariff, messages: pd.DataFrame
) -> dict[str, Any]:
    """Return what the recap's hash covers besides the messages."""
    territories = sorted(messages["territory"].unique())
    due_at = _due_at(draft)
    mentions = sorted({_mention(draft, manifest, territory).strip() for territory in territories} - {""})
    can_answer = any(manifest.sender_rule(territory, draft.sender_id).can_be_answered for territory in territories)
    return {
        "name": draft.name,
        "kind": draft.kind,
        "text": draft.text,
        "sender_id": draft.sender_id,
        "gateway": draft.gateway,
        "requested_service": draft.requested_service,
        "due_at": f"leaves from {local_time(due_at, settings().zone)}"
        if due_at
        else "leaves as soon as it is approved",
        "policy": policy.name,
        "policy_sha256": policy.sha256,
        "policy_valid_from": str(policy.valid_from),
        "alsace_moselle": settings().alsace_moselle,
        "prices": {territory: str(tariff.price(territory)) for territory in territories},
        "unit": tariff.unit,
        "stop_mentions": ", ".join(mentions) or "none",
        "replies": (
            "people can answer; the auto-responder applies"
            if can_answer
            else f"nobody can answer {draft.sender_id} but by STOP; the auto-responder will not fire"
        ),
    }


def _due_at(draft: CampaignDraft) -> datetime | None:
    return None if draft.send_on is None else datetime.combine(draft.send_on, draft.hour(), settings().zone)


def _head(draft: CampaignDraft, is_sample: bool) -> CampaignHead:
    return CampaignHead(
        name=draft.name,
        kind=draft.kind,
        gateway=draft.gateway,
        policy=draft.policy,
        sender_id=draft.sender_id,
        requested_service=draft.requested_service,
        is_sample=is_sample,
        draft=draft.model_dump_json(),
        due_at=_due_at(draft),
        author=draft.author,
    )


def _window(key: str, starts_at: datetime, campaign: Mapping[str, Any]) -> dict[str, Any]:
    opens_at = next_key_opening(starts_at, key, campaign["policy"]) if campaign["kind"] == "marketing" else starts_at
    return {"opens_at": opens_at, "closes_at": key_closing(opens_at, key, campaign["policy"]) or opens_at}


def _in_one_line(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors())
