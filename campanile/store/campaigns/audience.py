"""The audience of a campaign: candidates on scratch tables, each with the reason of its exclusion, if there is one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import pandas as pd

from campanile.sms.text.template import Template
from campanile.store.contacts.lists import list_id_of
from campanile.store.db.database import Transaction
from campanile.store.db.queries import json_pointer
from campanile.store.db.statement_runner import StatementRunner

POSTCODE = "postcode"


@dataclass(frozen=True, slots=True)
class Audience:
    """The sources of the recipients, and the rules that exclude people.

    ``typed``: ``TypedNumbers``. ``honours_opt_outs``: people who opted out are excluded. ``honours_refusals``: a person
    without consent in the file of one of the lists is excluded from all sources. ``seen_since``: a person without
    activity since then is inactive. ``most_messages``: a person who got as many since ``counted_since`` is excluded.
    None: no such rule.
    """

    campaign: str
    lists: Sequence[str]
    typed: pd.DataFrame
    exclude_lists: Sequence[str] = ()
    honours_opt_outs: bool = True
    honours_refusals: bool = False
    needs_legal_basis: bool = False
    seen_since: datetime | None = None
    most_messages: int | None = None
    counted_since: datetime | None = None


class Address(NamedTuple):
    """Where a recipient is, according to the number and the file."""

    territory: str
    postcode: str | None


class _AddressCount(NamedTuple):
    territory: str
    postcode: str | None
    recipient_count: int


def fields_of(tx: Transaction, lists: Sequence[str], template: Template) -> list[str]:
    """Return the merge fields of the people of lists: those of the template, or all when one of them does not exist.

    Raises:
        CampaignError: a list does not exist.
    """
    list_ids = _ids_of(tx, lists)
    if all(tx.value("audience.has_field", list_ids=list_ids, pointer=json_pointer(name)) for name in template.fields):
        return list(template.fields)  # the usual case: a million people need not be read
    return tx.values("audience.field_names", list_ids=list_ids)


def stage_candidates(tx: Transaction, audience: Audience) -> None:
    """Read the possible recipients into ``staged_candidates``.

    One row a contact of each list and a typed number; each has one ``reason`` of its exclusion, or none.

    Raises:
        CampaignError: a list does not exist.
    """
    with tx.staged("plan.stage_candidates", staged_typed=audience.typed):
        tx.run(
            "plan.stage_candidates",
            campaign=audience.campaign,
            list_ids=_ids_of(tx, audience.lists),
            excluded_list_ids=_ids_of(tx, audience.exclude_lists),
            honours_opt_outs=audience.honours_opt_outs,
            honours_refusals=audience.honours_refusals,
            needs_legal_basis=audience.needs_legal_basis,
            seen_since=audience.seen_since,
            at=tx.at,
            most_messages=audience.most_messages,
            counted_since=audience.counted_since,
        )


def mark_duplicates(scratch: StatementRunner, template: Template) -> None:
    """Keep each number in the source with most of the fields that the text needs; of equal ones, in the newest."""
    scratch.run("plan.mark_duplicates", needed=json_pointers(template.required), named=json_pointers(template.fields))


def territories_of(scratch: StatementRunner) -> list[str]:
    """Return the territories of the candidates that are not excluded."""
    return scratch.values("plan.territories")


def stage_recipients(scratch: StatementRunner, template: Template) -> dict[Address, int]:
    """Read the values that the text needs into ``staged_recipients``; return how many recipients each address has."""
    scratch.run("plan.stage_recipients", pointers=json_pointers((*template.fields, POSTCODE)))
    counts = scratch.select(_AddressCount, "plan.addresses")
    return {Address(row.territory, row.postcode): row.recipient_count for row in counts}


def leave_out_never_open(scratch: StatementRunner, addresses: Sequence[Address]) -> None:
    """Exclude the recipients at addresses where no sending window ever opens."""
    rows = pd.DataFrame(addresses, columns=["territory", "postcode"], dtype=object)
    if addresses:
        with scratch.staged("plan.mark_never_open", staged_closed=rows):
            scratch.run("plan.mark_never_open")
            scratch.run("plan.drop_never_open")


def json_pointers(fields: Iterable[str]) -> list[str]:
    """Return where each field is in the JSON of a contact's fields."""
    return [json_pointer(field) for field in fields]


def _ids_of(tx: Transaction, lists: Sequence[str]) -> list[int]:
    return [list_id_of(tx, name) for name in lists]
