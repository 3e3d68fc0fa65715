"""All checks of the set-up: one row for each, with the finding and what to do about it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from campanile.pages.views import Check
from campanile.services.context import Context
from campanile.services.setup_checks import (
    Advice,
    check_backups,
    check_clock,
    check_disk,
    check_identity,
    check_lists,
    check_prices,
    check_runs_server,
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

#: A check, and what to do if it fails.
Checks = Mapping[str, tuple[Callable[[], str | Advice], str]]


def check_setup(context: Context, api_url: str | None, others: Checks) -> list[Check]:
    """Return the result of each check; a check that fails does not stop the others.

    Args:
        context: the settings, the store and the gateways to check.
        api_url: the address of Prefect's API, whose clock is compared.
        others: checks that only Prefect can make.
    """
    return [_checked(name, *check) for name, check in {**_checks(context, api_url), **others}.items()]


def failures(checks: Sequence[Check]) -> str:
    """Return the checks that fail, in one line; empty: none fails."""
    return "; ".join(f"{check.name}: {check.found}" for check in checks if check.verdict == "fails")


def _checks(context: Context, api_url: str | None) -> Checks:
    return {
        "Versions of the programs": (check_versions, "run make setup"),
        "Store": (partial(check_store, context), "see docs/operations.md; docs/backup.md says how a copy is restored"),
        "The store is its newest copy": (partial(check_mark, context), "run reconcile-store and read its page"),
        "The store's records agree": (
            partial(check_invariants, context),
            "stop everything (stop-everything) and keep a copy of the store",
        ),
        "Server of runs": (partial(check_runs_server, context, api_url), "start python -m scripts.run_server"),
        "Room on the disk": (partial(check_disk, context), "make room, or move the data folder (SMS_DATA_DIR)"),
        "Copies of the store": (partial(check_backups, context), ""),
        "Clock of this machine": (
            partial(check_clock, context, api_url),
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
        "Who reads the files": (partial(check_privacy, context), "chmod -R go= them, as the account that owns them"),
    }


def _checked(name: str, check: Callable[[], str | Advice], to_do: str) -> Check:
    try:
        found = check()
    except SmsError as error:
        return Check(name, "fails", str(error), to_do)
    if isinstance(found, Advice):
        return Check(name, "advice", *found)
    return Check(name, "in order", found)
