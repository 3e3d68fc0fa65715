"""Contact lists: their content, and the legal basis to write to their people."""

import json
from collections.abc import Mapping
from pathlib import Path

from campanile.sms.errors import CampaignError
from campanile.store.contacts.export import field_columns, headers, literal
from campanile.store.db.database import Transaction
from campanile.store.db.queries import STATEMENTS
from schemas.contact_rows import ContactList, ImportFile, ListCard, ListSummary

#: Legal bases: the people agreed; they bought something similar; they need the service.
LEGAL_BASES = ("consent", "customer", "service")
_SOURCE_COLUMNS = ("source_file", "source_row", "is_opted_out")


def find_list(tx: Transaction, list_name: str) -> ContactList:
    """Return a list by its name.

    Raises:
        CampaignError: there is no such list; the error names those that exist.
    """
    found = tx.find(ContactList, "list.find", list_name=list_name)
    if found is None:
        known = ", ".join(tx.values("list.names")) or "none yet"
        raise CampaignError(f"no list {list_name!r}; lists are: {known}")
    return found


def list_id_of(tx: Transaction, list_name: str) -> int:
    """Return a list's id.

    Raises:
        CampaignError: there is no such list; the error names those that exist.
    """
    return find_list(tx, list_name).list_id


def declared_basis(tx: Transaction, list_name: str) -> str | None:
    """Return the declared legal basis of a list; None: none was declared, or there is no such list."""
    found = tx.find(ContactList, "list.find", list_name=list_name)
    return found.legal_basis if found else None


def remembered_columns(tx: Transaction, list_name: str) -> dict[str, str]:
    """Return the mapping that a person gave for a list's files: our field -> column; empty: none, or no such list."""
    found = tx.find(ContactList, "list.find", list_name=list_name)
    return dict(found.columns) if found and found.columns else {}


def remember_columns(tx: Transaction, list_name: str, columns: Mapping[str, str]) -> None:
    """Store the mapping for a list's next files; an empty one removes it.

    Raises:
        CampaignError: there is no such list.
    """
    text = json.dumps(dict(columns), ensure_ascii=False) if columns else None
    tx.run("list.remember_columns", list_id=list_id_of(tx, list_name), columns=text)


def remembered_header_row(tx: Transaction, list_name: str) -> int | None:
    """Return the line of the header that a person gave for a list's files; None: none, or no such list."""
    found = tx.find(ContactList, "list.find", list_name=list_name)
    return found.header_row if found else None


def remember_header_row(tx: Transaction, list_name: str, header_row: int | None) -> None:
    """Store the line of the header for a list's next files; None removes it.

    Raises:
        CampaignError: there is no such list.
    """
    tx.run("list.remember_header_row", list_id=list_id_of(tx, list_name), header_row=header_row)


def list_made_sure(tx: Transaction, list_name: str, is_sample: bool) -> int:
    """Return a list's id; add the list if it is new, and mark it if a sample file is imported into it."""
    if tx.find(ContactList, "list.find", list_name=list_name) is None:
        tx.run("list.add", list_name=list_name, at=tx.at)
    list_id = list_id_of(tx, list_name)
    if is_sample:
        tx.run("list.mark_sample", list_id=list_id)
    return list_id


def live_imports(tx: Transaction, list_name: str) -> list[int]:
    """Return the imports that a list is made of, oldest first; an unknown list has none."""
    return tx.values("list.live_imports", list_name=list_name)


def column_map(tx: Transaction, list_name: str) -> dict[str, str]:
    """Return the columns of the files that a list is made of, and the field of each; the newest file wins."""
    maps = tx.values("list.column_maps", list_id=list_id_of(tx, list_name))
    return {name: field for text in maps for name, field in json.loads(text).items()}


def lists(tx: Transaction) -> list[ListSummary]:
    """Return every list by name."""
    return tx.select(ListSummary, "list.overview")


def list_card(tx: Transaction, list_name: str) -> ListCard:
    """Return a list with a summary of its content, and its last ten import files.

    Raises:
        CampaignError: there is no such list.
    """
    found = find_list(tx, list_name)
    (summary,) = [row for row in lists(tx) if row.list_name == list_name]
    return ListCard(
        list_name=list_name,
        contact_count=summary.contact_count,
        opted_out_count=summary.opted_out_count,
        legal_basis=found.legal_basis,
        wording=found.wording,
        is_sample=found.is_sample,
        columns={} if found.columns is None else found.columns,
        header_row=found.header_row,
        fields=tx.counts("list.fields", list_id=found.list_id),
        territories=tx.counts("list.territories", list_id=found.list_id),
        imports=tx.select(ImportFile, "list.imports", list_id=found.list_id),
    )


def declare_legal_basis(tx: Transaction, list_name: str, basis: str | None, wording: str | None, actor: str) -> None:
    """Declare the legal basis of a list, and the words its people agreed to; None withdraws it.

    Raises:
        CampaignError: there is no such list, or no such basis.
    """
    list_id = list_id_of(tx, list_name)
    if basis is not None and basis not in LEGAL_BASES:
        raise CampaignError(f"legal basis {basis!r} is unknown; give one of {', '.join(LEGAL_BASES)}")
    tx.run("list.declare", list_id=list_id, legal_basis=basis, wording=wording, actor=actor, at=tx.at)


def export_contacts(tx: Transaction, list_name: str, path: Path) -> int:
    """Write a list into a Parquet file; return how many contacts it has.

    One row a contact, keyed by ``msisdn``: ``territory``, each merge field under the name that its column has in the
    newest file (see ``export``), the ``source_file`` and ``source_row`` that it comes from, ``is_opted_out``. All
    columns are text, except the row and the flag.

    Raises:
        CampaignError: there is no such list.
    """
    list_id = list_id_of(tx, list_name)
    fields = sorted(tx.counts("list.fields", list_id=list_id))
    names = headers(tx.values("list.column_maps", list_id=list_id))
    named = field_columns(fields, names, ("msisdn", "territory", *_SOURCE_COLUMNS))
    columns = ["msisdn", "territory", *named, *_SOURCE_COLUMNS]
    select = f"SELECT {', '.join(columns)} FROM ({STATEMENTS['list.export']})"  # noqa: S608 - all names are quoted
    copied = tx.execute(f"COPY ({select}) TO {literal(str(path))} (FORMAT PARQUET)", {"list_id": list_id}).fetchone()
    return int(copied[0]) if copied else 0
