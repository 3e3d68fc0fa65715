"""Check the whole set-up: one row per check, with the finding and what to do about it."""

from prefect import task
from prefect.settings import PREFECT_API_URL

from campanile.pages.diagnostics import checks_page
from campanile.pages.views import Check
from campanile.services.diagnosis import Checks, check_setup, failures
from campanile.sms.errors import SmsError
from tasks.api_access import describe_access
from tasks.artifacts import publish
from tasks.clean_up import leftovers_line
from tasks.context import current_context
from tasks.watch import look_after_all

_OF_PREFECT: Checks = {
    "Prefect's API": (describe_access, "see docs/security.md"),
    "Runs that a stop left": (leftovers_line, "run python -m tasks.clean_up"),
}


@task
def run_checks() -> list[Check]:
    """Return the result of each check; a check that fails does not stop the others."""
    return check_setup(current_context(), PREFECT_API_URL.value(), _OF_PREFECT) + _alive()


@task
def publish_checks(checks: list[Check]) -> None:
    """Publish the checks, those with something to do first.

    Raises:
        SmsError: checks fail; the line names them.
    """
    publish("diagnose-setup", checks_page(checks), "Check of the set-up")
    if failed := failures(checks):
        raise SmsError(failed)


def _alive() -> list[Check]:
    """Return one row for each scheduled flow, the server and each queue; a result not known yet counts as in order."""
    try:
        found = look_after_all()
    except SmsError as error:
        return [Check("Scheduled flows", "fails", str(error))]
    return [Check(subject, "fails" if is_well is False else "in order", line) for subject, is_well, line in found]
