"""Show and change lists: contents, exports, legal basis, columns."""

from typing import Literal

from schemas.form import LegalBasis, OptionalActor, OptionalNumber, OptionalText
from tasks.contacts import clear_list, declare_basis, set_columns, set_header_row, show_list, show_lists
from tasks.refusals import flow

Action = Literal["show", "export", "declare", "columns", "header_row", "empty", "delete"]


@flow(name="manage-list")
def manage_list(
    list_name: OptionalText = "",
    action: Action = "show",
    legal_basis: LegalBasis = "",
    wording: OptionalText = "",
    actor: OptionalActor = "",
    preview: bool = True,
    columns: dict[str, str] | None = None,
    header_row: OptionalNumber = 0,
) -> str:
    """Show, export, empty or delete a list; declare its legal basis; set the columns or the header row of its files.

    Args:
        list_name: The list. Empty: show all lists.
        action: What to do. Exports go to `data/exports/lists/`, as CSV and Parquet.
        legal_basis: For declare: people agreed (consent), bought something similar (customer), or need it (service).
        wording: For declare: the text that people agreed to.
        actor: For declare, empty and delete: who does it.
        preview: For empty and delete: only show what it would do. Switch it off to do it.
        columns: For columns: which column is which in the next files, {"msisdn": "Tel 2"}. Empty: delete the setting.
        header_row: For header_row: the line of the header in the next files, 1 for the first. 0: delete the setting.
    """
    if not list_name:
        return show_lists()
    if action in ("empty", "delete"):
        return clear_list(list_name, action, actor, preview)
    if action == "declare":
        declare_basis(list_name, legal_basis, wording or None, actor)
    if action == "columns":
        set_columns(list_name, columns or {})
    if action == "header_row":
        set_header_row(list_name, header_row)
    return show_list(list_name, is_export=action == "export")
