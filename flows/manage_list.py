"""Lists: what there is, what stands in them, and why they may be written to."""

from typing import Literal

from schemas.form import LegalBasis, OptionalText
from tasks.lists import clear, declare, set_columns, show_list, show_lists
from tasks.refusals import flow

Action = Literal["show", "export", "declare", "columns", "empty", "delete"]


@flow(name="manage-list")
def manage_list(
    list_name: OptionalText = "",
    action: Action = "show",
    legal_basis: LegalBasis = "",
    wording: OptionalText = "",
    name: OptionalText = "",
    preview: bool = True,
    columns: dict[str, str] | None = None,
) -> str:
    """Show, export, declare the legal basis of, remember the columns of, empty or delete a list.

    Args:
        list_name: The list. Empty: all of them are shown.
        action: What to do. Exports go to `data/exports/lists/`, as CSV and Parquet.
        legal_basis: For declare: people agreed (consent), bought something alike (customer), or need it (service).
        wording: For declare: the words that people agreed to.
        name: For declare, empty and delete: who does it.
        preview: For empty and delete: only show what it would do. Switch it off to do it.
        columns: For columns: which column is which in the next files, {"msisdn": "Tel 2"}. Empty: forget it.
    """
    if not list_name:
        return show_lists()
    if action in ("empty", "delete"):
        return clear(list_name, action, name, preview)
    if action == "declare":
        declare(list_name, legal_basis, wording or None, name)
    if action == "columns":
        set_columns(list_name, columns or {})
    return show_list(list_name, is_export=action == "export")
