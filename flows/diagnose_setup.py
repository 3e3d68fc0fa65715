"""Is everything in its place: store, disk, copies, clock, prices, lists, gateway, alerts, what runs."""

from campanile.pages.diagnostics import Check
from tasks.diagnostics import publish_checks, run_checks
from tasks.refusals import flow


@flow(name="diagnose-setup")
def diagnose_setup() -> list[Check]:
    """Check the whole set-up and publish what was found; it fails when a check does."""
    checks = run_checks()
    publish_checks(checks)
    return checks
