"""Is everything in its place: versions, store, invariants, clock, gateway, alerts."""

from tasks.diagnose import publish_checks, run_checks
from tasks.refusals import flow


@flow(name="diagnose-setup")
def diagnose_setup() -> list[tuple[str, bool, str]]:
    """Check the whole set-up and publish what was found; it fails when a check does."""
    checks = run_checks()
    publish_checks(checks)
    return checks
