"""Reconcile a restored store: what is in doubt, and a person's confirmation that messages may be sent again."""

from flows.send_campaign import send_campaign
from schemas.form import OptionalActor, OptionalText
from tasks.dispatch import find_due, start_runs
from tasks.refusals import flow
from tasks.store import confirm_doubt, find_doubt, publish_doubt


@flow(name="reconcile-store")
def reconcile_store(actor: OptionalActor = "", reason: OptionalText = "") -> str:
    """Show what a restored store may not know; with an actor, confirm that messages may be sent again.

    Args:
        actor: Who confirms. Leave it empty to see first what is in doubt.
        reason: Why sending may continue, for the history: what was compared, and with what.
    """
    page = publish_doubt(find_doubt())
    if actor:
        page = confirm_doubt(actor, reason)
    start_runs(find_due(), send_campaign)
    return page
