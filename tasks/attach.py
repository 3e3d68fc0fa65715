"""The file of a campaign's draft: read like any other, into a list that belongs to the campaign."""

from pathlib import Path

from prefect import task

from schemas.draft import CampaignDraft
from sms.errors import CampaignError, ContactFileError
from store.lists import declare_legal_basis, live_imports
from tasks.house import data_path, visit_store
from tasks.import_pages import ImportReport
from tasks.ingest import Change, fail_if_refused, publish_import, take_in
from tasks.names import ATTACHED
from tasks.reading import ATTACHMENTS, ReadOptions


def attached_list(draft: CampaignDraft) -> list[str]:
    """Return the name of the list that holds a draft's file, or nothing."""
    return [f"{ATTACHED}{draft.name}"] if draft.file else []


@task(task_run_name="read the file of {draft.name}")
def attach_file(draft: CampaignDraft) -> None:
    """Bring the list of a draft's file to what the file says now; nothing when the draft has none.

    Raises:
        CampaignError: the file is not in the folder of attachments.
        ContactFileError: the file is refused.
    """
    if draft.file is None:
        return
    path = _confined(draft.file)
    (list_name,) = attached_list(draft)
    with visit_store(read_only=True) as visit:
        before = live_imports(visit, list_name)
    change = Change(replaces=before[-1] if before else None, actor=draft.author)
    result = take_in(path, list_name, ReadOptions(), change)
    if isinstance(result, ImportReport):
        with visit_store() as visit:
            declare_legal_basis(visit, list_name, draft.legal_basis or None, None, draft.author)
    publish_import.fn(list_name, [result])
    fail_if_refused.fn([result])


def _confined(name: str) -> Path:
    folder = data_path("inbox", ATTACHMENTS)
    path = folder / name
    if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
        raise CampaignError(f"file {name!r} is not in {folder}; drop it there, and give its name")
    if not path.is_file():
        known = ", ".join(sorted(found.name for found in folder.iterdir() if not found.name.startswith(".")))
        raise ContactFileError(f"no file {name!r} in {folder}; there are: {known or 'none'}")
    return path
