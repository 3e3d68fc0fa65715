"""Undo imports: the people of a list get the fields of the other files again."""

from datetime import datetime
from typing import NamedTuple

from campanile.sms.errors import CampaignError
from campanile.store.contacts.impact import Preview, conclude, stage_before
from campanile.store.contacts.lists import list_id_of
from campanile.store.db.database import Transaction
from campanile.store.inbound.dead_numbers import undo_revivals


class ListImport(NamedTuple):
    """An import into a list."""

    import_id: int
    list_id: int
    list_name: str


class _LatestImport(NamedTuple):
    import_id: int
    file_name: str
    list_name: str


class _ImportState(NamedTuple):
    import_id: int
    kind: str
    list_id: int | None
    list_name: str | None
    file_name: str
    undone_at: datetime | None
    undone_by: str | None
    undone_why: str | None


def undo_import(tx: Transaction, import_id: int, actor: str) -> Preview:
    """Undo the import of a file.

    People who are only in this file are removed; people who are in another file too keep the fields of that one. The
    rejects, the log entry of the file and opt-outs stay.

    Raises:
        CampaignError: there is no such import, it was undone before, or it holds opt-outs.
    """
    undone = find_undoable(tx, import_id)
    tx.run("change.stage_file", import_id=import_id)
    stage_before(tx, undone.list_id)
    take_out(tx, undone, actor, "undone")
    return conclude(tx, undone.list_id, undone.list_name, f"import {import_id} undone", actor)


def empty_list(tx: Transaction, list_name: str, actor: str) -> Preview:
    """Undo all imports of a list; the list, its legal basis and its history stay.

    Raises:
        CampaignError: there is no such list.
    """
    return _clear(tx, list_name, actor, "list emptied")


def delete_list(tx: Transaction, list_name: str, actor: str) -> Preview:
    """Empty a list and free its name.

    An approved campaign has its own messages: it continues, with an alert.

    Raises:
        CampaignError: there is no such list.
    """
    list_id = list_id_of(tx, list_name)
    preview = _clear(tx, list_name, actor, "list deleted")
    tx.run("list.mark_deleted", list_id=list_id, at=tx.at)
    return preview


def find_undoable(tx: Transaction, import_id: int, list_name: str | None = None) -> ListImport:
    """Return an import that can be undone.

    Args:
        tx: the open transaction.
        import_id: the import.
        list_name: the list it must belong to, or None for any.

    Raises:
        CampaignError: there is no such import, it was undone before, it holds opt-outs, or is another list's.
    """
    found = tx.find(_ImportState, "import.get", import_id=import_id)
    if found is None:
        raise CampaignError(f"no import {import_id}; the latest are: {_latest(tx)}")
    name = f"import {import_id} ({found.file_name})"
    if found.kind != "contacts" or found.list_id is None or found.list_name is None:
        raise CampaignError(f"{name} holds opt-outs: a STOP cannot be undone")
    if found.undone_at is not None:
        when = f"{found.undone_at:%Y-%m-%d %H:%M} UTC by {found.undone_by}"
        raise CampaignError(f"{name} was undone on {when}: {found.undone_why}")
    if list_name not in (None, found.list_name):
        raise CampaignError(
            f"{name} belongs to list {found.list_name}, not to {list_name}; give an import of list {list_name}"
        )
    return ListImport(import_id, found.list_id, found.list_name)


def take_out(tx: Transaction, undone: ListImport, actor: str, why: str) -> None:
    """Remove a file's rows, and merge the other files' rows of its people again; these people are staged."""
    list_id = undone.list_id
    tx.run("import.mark_undone", import_id=undone.import_id, actor=actor, why=why, at=tx.at)
    undo_revivals(tx, undone.import_id)
    tx.run("import.forget_undone_rows", list_id=list_id)
    tx.run("change.stage_remaining", list_id=list_id)
    tx.run("change.remove_contacts", list_id=list_id)
    tx.run("change.fall_back", list_id=list_id, at=tx.at)
    tx.execute("DROP TABLE temp.staged_remaining")


def _clear(tx: Transaction, list_name: str, actor: str, why: str) -> Preview:
    list_id = list_id_of(tx, list_name)
    tx.run("change.stage_list", list_id=list_id)
    stage_before(tx, list_id)
    tx.run("import.mark_list_undone", list_id=list_id, actor=actor, why=why, at=tx.at)
    tx.run("import.forget_undone_rows", list_id=list_id)
    tx.run("change.empty_list", list_id=list_id)
    return conclude(tx, list_id, list_name, why, actor)


def _latest(tx: Transaction) -> str:
    found = [
        f"{row.import_id} ({row.file_name}, list {row.list_name})" for row in tx.select(_LatestImport, "import.latest")
    ]
    return ", ".join(found) or "none yet"
