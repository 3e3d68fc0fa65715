"""Contact files in: every row accepted, updated, duplicate or rejected with a reason."""

from prefect import flow

from schemas.form import OptionalText
from tasks.ingest import find_files, import_file, publish_import


@flow(name="ingest-contacts")
def ingest_contacts(
    list_name: OptionalText = "",
    path: OptionalText = "",
    region: OptionalText = "",
    sheet: OptionalText = "",
    encoding: OptionalText = "",
    columns: dict[str, str] | None = None,
) -> dict[str, list[object]]:
    """Import contact files into their lists.

    Args:
        list_name: The list the contacts go into. Empty: every list that has files in its drop folder.
        path: One file. Empty: every stable file in `data/inbox/contacts/<list>/`.
        region: How numbers without a country code are read, such as FR.
        sheet: The sheet of a workbook. Empty: its first.
        encoding: The encoding of a CSV, when it cannot be told from its bytes.
        columns: Which column is which, when the header does not say: {"msisdn": "Tel 2"}.
    """
    found: dict[str, list[object]] = {}
    for target, file in find_files(list_name or None, path or None):
        result = import_file(target, file, region or None, columns, sheet or None, encoding or None)
        found.setdefault(target, []).append(result)
    for target, results in found.items():
        publish_import(target, results)
    return found
