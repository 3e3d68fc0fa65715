"""Copy the store while it is in use."""

from schemas.form import OptionalText
from tasks.outcome_pages import publish_outcome
from tasks.refusals import flow
from tasks.store import copy_store


@flow(name="backup-store")
def backup_store(folder: OptionalText = "") -> str:
    """Copy the store with its log and check the copy; sending continues afterwards.

    Args:
        folder: Where the copy goes: a folder that does not exist yet. Empty: a new backup folder named by the time.
    """
    line = copy_store(folder or None)
    publish_outcome("backup", line)
    return line
