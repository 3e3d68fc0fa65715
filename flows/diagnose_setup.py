"""Check the set-up: store, disk, copies, clock, prices, lists, gateway, alerts, running processes."""

from campanile.pages.views import Check
from tasks.diagnostics import publish_checks, run_checks
from tasks.refusals import flow


@flow(name="diagnose-setup")
def diagnose_setup() -> list[Check]:
    """Check the whole set-up and publish the results; the run fails if a check fails."""
    checks = run_checks()
    publish_checks(checks)
    return checks
