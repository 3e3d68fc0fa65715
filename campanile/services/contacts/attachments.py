"""Import the file of a campaign's draft, like any other, into a list that belongs to the campaign."""

from pathlib import Path

from campanile.pages.import_views import ImportReport
from campanile.services.contacts.file_import import Change, import_file
from campanile.services.contacts.staged_files import ATTACHMENTS, ReadOptions
from campanile.services.context import Context
from campanile.services.input_checks import ATTACHED
from campanile.sms.errors import CampaignError, ContactFileError
from campanile.store.contacts.lists import declare_legal_basis, live_imports
from schemas.draft import CampaignDraft


def attached_list(draft: CampaignDraft) -> list[str]:
    """Return the name of the list for a draft's file, as a list of one; empty: the draft has no file."""
    return [f"{ATTACHED}{draft.name}"] if draft.file else []


def attach_file(context: Context, draft: CampaignDraft) -> tuple[str, ImportReport | str] | None:
    """Update the list of a draft's file to the file's current rows.

    Returns:
        The list, and the report of the import or why the file was refused; None when the draft has no file.

    Raises:
        CampaignError: the file is not in the folder of attachments.
        ContactFileError: there is no such file.
    """
    if draft.file is None:
        return None
    path = confined_path(context, draft.file)
    (list_name,) = attached_list(draft)
    with context.transaction(read_only=True) as tx:
        before = live_imports(tx, list_name)
    change = Change(replaces=before[-1] if before else None, actor=draft.actor)
    result = import_file(context, path, list_name, ReadOptions(), change)
    if isinstance(result, ImportReport):
        with context.transaction() as tx:
            declare_legal_basis(tx, list_name, draft.legal_basis or None, None, draft.actor)
    return list_name, result


def confined_path(context: Context, name: str) -> Path:
    """Return the path of an attachment by its name.

    Raises:
        CampaignError: it is outside the folder of attachments.
        ContactFileError: there is no such file.
    """
    folder = context.data_path("inbox", ATTACHMENTS)
    path = folder / name
    if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
        raise CampaignError(f"file {name!r} is not in {folder}; drop it there, and give its name")
    if not path.is_file():
        known = ", ".join(sorted(found.name for found in folder.iterdir() if not found.name.startswith(".")))
        raise ContactFileError(f"no file {name!r} in {folder}; there are: {known or 'none'}")
    return path
