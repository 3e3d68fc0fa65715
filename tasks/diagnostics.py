"""Check the whole set-up: one row per check, with the finding and what to do about it."""

from collections.abc import Callable
from functools import partial

from prefect import task
from prefect.settings import PREFECT_API_URL

from campanile.pages.diagnostics import Check, checks_page
from campanile.services.setup_checks import (
    Advice,
    check_backups,
    check_clock,
    check_disk,
    check_identity,
    check_lists,
    check_prices,
)
from campanile.services.system_checks import (
    check_channels,
    check_gateway,
    check_invariants,
    check_mark,
    check_policies,
    check_privacy,
    check_store,
    check_versions,
    check_words,
)
from campanile.sms.errors import SmsError
from campanile.sms.schedule.timezones import database_version
from tasks.api_access import describe_access
from tasks.artifacts import publish
from tasks.clean_up import leftovers_line
from tasks.context import current_context
from tasks.watch import look_after_all


@task
def run_checks() -> list[Check]:
    """Return the result of each check; a check that fails does not stop the others."""
    context = current_context()
    checks: dict[str, tuple[Callable[[], str | Advice], str]] = {
        "Versions of the programs": (check_versions, "run make setup"),
        "Store": (partial(check_store, context), "see docs/operations.md; docs/backup.md says how a copy is restored"),
        "The store is its newest copy": (partial(check_mark, context), "run reconcile-store and read its page"),
        "The store's records agree": (
            partial(check_invariants, context),
            "stop everything (stop-everything) and keep a copy of the store",
        ),
        "Room on the disk": (partial(check_disk, context), "make room, or move the data folder (SMS_DATA_DIR)"),
        "Copies of the store": (partial(check_backups, context), ""),
        "Clock of this machine": (
            partial(check_clock, context, PREFECT_API_URL.value()),
            "set it by NTP (timedatectl set-ntp true): sending hours depend on it",
        ),
        "Time zones": (lambda: f"tz database {database_version()}", "run make setup"),
        "Rules of the sending hours": (check_policies, "correct the named file"),
        "Prices": (partial(check_prices, context), "correct the tariff: country,price,unit, one line per territory"),
        "Who writes, as the answer to HELP": (partial(check_identity, context), ""),
        "Lists and why they may be written to": (partial(check_lists, context), ""),
        "Gateway": (
            lambda: check_gateway(context, context.gateway(context.settings.gateway)),
            "see the gateway's page in docs/",
        ),
        "Words of its delivery reports": (partial(check_words, context), ""),
        "Alerts to the team": (
            partial(check_channels, context),
            "correct SMS_MAIL_… or SMS_ALERT_NUMBERS; they are tried again",
        ),
        "Prefect's API": (describe_access, "see docs/security.md"),
        "Who reads the files": (partial(check_privacy, context), "chmod -R go= them, as the account that owns them"),
        "Runs that a stop left": (leftovers_line, "run python -m tasks.clean_up"),
    }
    return [_checked(name, *check) for name, check in checks.items()] + _alive()


@task
def publish_checks(checks: list[Check]) -> None:
    """Publish the checks, those with something to do first.

    Raises:
        SmsError: checks fail; the line names them.
    """
    publish("diagnose-setup", checks_page(checks), "Check of the set-up")
    failed = [f"{check.name}: {check.found}" for check in checks if check.verdict == "fails"]
    if failed:
        raise SmsError("; ".join(failed))


def _alive() -> list[Check]:
    """Return one row for each scheduled flow, the server and each queue; a result not known yet counts as in order."""
    try:
        found = look_after_all()
    except SmsError as error:
        return [Check("Scheduled flows", "fails", str(error))]
    return [Check(subject, "fails" if is_well is False else "in order", line) for subject, is_well, line in found]


def _checked(name: str, check: Callable[[], str | Advice], to_do: str) -> Check:
    try:
        found = check()
    except SmsError as error:
        return Check(name, "fails", str(error), to_do)
    if isinstance(found, Advice):
        return Check(name, "advice", *found)
    return Check(name, "in order", found)
