"""Every minute: start a send run for each campaign whose time has come."""

from flows.send_campaign import send_campaign
from tasks.clean_up import drop_missed_of_this_run
from tasks.dispatch import find_due, start_runs
from tasks.reconcile import alert_doubt, distrust_clock
from tasks.refusals import flow
from tasks.watch import watched


@flow(name="send-due-campaigns")
def send_due_campaigns() -> list[str]:
    """Start what is due, parked until now, or orphaned; the store alone decides, so a lost run changes nothing."""
    with watched("send-due-campaigns"):
        drop_missed_of_this_run()
        alert_doubt()
        distrust_clock()
        due = find_due()
        start_runs(due, send_campaign)
    return list(due)
