"""Erase one person, who asked for it."""

from schemas.form import Actor
from tasks.persons import publish_erasure
from tasks.refusals import flow


@flow(name="erase-person")
def erase_person(number: str, actor: Actor, reason: str) -> str:
    """Delete everything that identifies a person; the number stays opted out. This cannot be undone.

    Contact data, texts and replies are deleted in the store and its copies, in files and exports, and in the runs and
    pages of Prefect. Counts, prices and hashes of campaigns still add up.

    Args:
        number: The number, in any usual form. It is removed from the parameters of this run too.
        actor: Who erases the person.
        reason: Why, such as a ticket number. It is kept, so write no name and no number.
    """
    return publish_erasure(number, actor, reason)
