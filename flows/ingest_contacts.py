"""Import contact files: every row ends accepted, updated, duplicate or rejected with a reason."""

from typing import Literal

from campanile.pages.import_views import ImportReport
from campanile.services.contacts.file_import import Result
from campanile.services.contacts.staged_files import ReadOptions, check_header_row
from schemas.form import LegalBasis, OptionalActor, OptionalNumber, OptionalText
from tasks.contacts import (
    check_basis,
    check_replacement,
    declare_imported,
    fail_if_refused,
    find_files,
    import_file,
    publish_import,
)
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.watch import watched


@flow(name="ingest-contacts")
@one_at_a_time(waits_with="path")
def ingest_contacts(
    list_name: OptionalText = "",
    path: OptionalText = "",
    region: OptionalText = "",
    sheet: OptionalText = "",
    encoding: OptionalText = "",
    columns: dict[str, str] | None = None,
    mode: Literal["add", "replace"] = "add",
    replaces: OptionalNumber = 0,
    actor: OptionalActor = "",
    preview: bool = False,
    legal_basis: LegalBasis = "",
    header_row: OptionalNumber = 0,
    hidden_rows: Literal["leave_out", "keep"] = "leave_out",
    repair_text: bool = False,
) -> dict[str, list[Result]]:
    """Import contact files into their lists.

    Args:
        list_name: The list the contacts go into. Empty: every list that has files in its drop folder.
        path: One file, in the data folder. Empty: every stable file in `data/inbox/contacts/<list>/`.
        region: How numbers without a country code are read, such as FR.
        sheet: The sheet of a workbook. Empty: its first.
        encoding: The encoding of a CSV, if it cannot be detected.
        columns: Which column is which, if the header does not say: {"msisdn": "Tel 2"}. Remembered for the list.
        mode: Add the file to the list, or replace an earlier import with it.
        replaces: For replace: the number of the import that the file replaces. 0: none.
        actor: For replace and for a legal basis: who does it.
        preview: Only show what it would do; nothing is imported and no file is moved.
        legal_basis: Why the people of the list may get messages: they agreed (consent), bought something similar
            (customer), or need it (service). Empty: as the list was declared; undeclared lists get no marketing.
        header_row: The line of the header, 1 for the first, if titles come before it. 0: found by its names.
            Remembered for the list.
        hidden_rows: Hidden or filtered rows of a workbook: reject them (leave_out), or read them like all rows (keep).
        repair_text: Correct text that was broken before the file was made: ZoÃ© becomes Zoé.
    """
    check_header_row(header_row)
    options = ReadOptions(
        region or None,
        columns,
        sheet or None,
        encoding or None,
        header_row=header_row or None,
        hidden_rows=hidden_rows,
        repairs_text=repair_text,
    )
    check_replacement(list_name or None, path or None, mode, replaces or None)
    found: dict[str, list[Result]] = {}
    with watched("ingest-contacts", is_scheduled=not (list_name or path)):
        files = find_files(list_name or None, path or None)
        check_basis({target for target, _ in files}, legal_basis)
        for target, file in files:
            state = import_file(target, file, options, replaces or None, actor or None, preview, return_state=True)
            found.setdefault(target, []).append(state.result(raise_on_failure=False))
        for target, results in found.items():
            if legal_basis and not preview and any(isinstance(result, ImportReport) for result in results):
                declare_imported(target, legal_basis, actor)
            publish_import(target, results)
    fail_if_refused([result for results in found.values() for result in results])
    return found
