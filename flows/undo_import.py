"""A file taken out of its list again: the people it alone had brought go, the others keep what other files say."""

from schemas.form import OptionalText
from tasks.lists import undo
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time


@flow(name="undo-import")
@one_at_a_time(waits_with="import_id")
def undo_import(import_id: int, name: OptionalText = "", preview: bool = True) -> str:
    """Undo an import, or show what that would do.

    Args:
        import_id: The number of the import, as its artifact and manage-list show it.
        name: Who undoes it.
        preview: Only show who would be added, removed or changed. Switch it off to do it.
    """
    return undo(import_id, name, preview)
