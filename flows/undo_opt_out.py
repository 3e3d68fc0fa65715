"""Undo an opt-out that was recorded by mistake."""

from schemas.form import Actor, OptionalNumber, OptionalText
from tasks.contacts import undo_opt_out as undo
from tasks.outcome_pages import publish_outcome
from tasks.refusals import flow


@flow(name="undo-opt-out")
def undo_opt_out(actor: Actor, reason: str, number: OptionalText = "", entry_id: OptionalNumber = 0) -> str:
    """End an opt-out that a colleague, a file or a doubtful reply recorded by mistake; the history keeps both.

    Args:
        actor: Who undoes it.
        reason: Why, for the history. A person's own STOP ends only by "own STOP: …", a wrong number by "fresh consent:
            …", an opt-out of the provider by "removed at the provider: …".
        number: The number: all its opt-outs. Prefect stores it as a parameter of the run.
        entry_id: Only this opt-out, by its number in the export.
    """
    line = undo(number, entry_id, actor, reason)
    publish_outcome("opt-outs", line)
    return line
