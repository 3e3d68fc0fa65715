"""Take an imported file out of its list: its own people are removed, the others keep the values of other files."""

from schemas.form import OptionalActor
from tasks.contacts import undo_file
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time


@flow(name="undo-import")
@one_at_a_time(waits_with="import_id")
def undo_import(import_id: int, actor: OptionalActor = "", preview: bool = True) -> str:
    """Undo an import, or show what that would do.

    Args:
        import_id: The number of the import, as its artifact and manage-list show it.
        actor: Who undoes it.
        preview: Only show who would be added, removed or changed. Switch it off to do it.
    """
    return undo_file(import_id, actor, preview)
