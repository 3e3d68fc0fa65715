"""Every minute: start a send run for each campaign that is due."""

from flows.send_campaign import send_campaign
from tasks.clean_up import drop_missed_of_this_run
from tasks.dispatch import find_due, start_runs
from tasks.refusals import flow
from tasks.store import check_store_age
from tasks.watch import watched


@flow(name="send-due-campaigns")
def send_due_campaigns() -> list[str]:
    """Start the campaigns that are due, parked until now, or orphaned. The store decides, so a lost run is harmless."""
    with watched("send-due-campaigns"):
        drop_missed_of_this_run()
        check_store_age()
        due = find_due()
        start_runs(due, send_campaign)
    return list(due)
