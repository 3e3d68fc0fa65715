"""Is everything in its place: one row a check, each with what was found."""

import platform
from collections.abc import Callable
from importlib.metadata import version

from prefect import task

from schemas.gateway import Gateway
from sms.errors import SmsError
from sms.masking import escape_markdown
from sms.policy import load_policy, policy_names
from sms.zones import database_version
from store.invariants import broken_invariants
from store.migrate import migrations
from tasks.balance import ask_balance, read_balance
from tasks.clock import now, rehearsal_note
from tasks.house import gateway_named, mail_settings, tariff_of, visit_store
from tasks.publish import publish
from tasks.settings import settings

_PACKAGES = ("prefect", "duckdb", "pandas", "pandera", "phonenumbers", "holidays", "requests")


@task
def run_checks() -> list[tuple[str, bool, str]]:
    """Return (check, whether it holds, what was found); a check that fails never hides the others."""
    checks: dict[str, Callable[[], str]] = {
        "versions": lambda: ", ".join(
            [f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)]
        ),
        "store": _store,
        "invariants": _invariants,
        "clock": lambda: f"{now():%Y-%m-%d %H:%M:%S} UTC. {rehearsal_note()}".strip(),
        "time zones": lambda: f"tz database {database_version()}",
        "policies": lambda: ", ".join(f"{name} of {load_policy(name).valid_from}" for name in policy_names()),
        "tariff": lambda: f"{len(tariff_of(settings().gateway).prices)} territories priced for {settings().gateway}",
        "gateway": lambda: _gateway(gateway_named(settings().gateway)),
        "alerts": _channels,
    }
    return [(name, *_outcome(check)) for name, check in checks.items()]


@task
def publish_checks(checks: list[tuple[str, bool, str]]) -> None:
    """Publish the checks.

    Raises:
        SmsError: one does not hold; the line names it.
    """
    lines = [f"- **{name}** {'holds' if holds else 'FAILS'}: {escape_markdown(found)}" for name, holds, found in checks]
    publish("diagnose-setup", "\n".join(["# Setup", "", *lines, ""]), "Is everything in its place")
    failed = [f"{name}: {found}" for name, holds, found in checks if not holds]
    if failed:
        raise SmsError("; ".join(failed))


def _outcome(check: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, check()
    except SmsError as error:
        return False, str(error)


def _store() -> str:
    with visit_store(read_only=True) as visit:
        people = visit.value("opt_out.count")
    size = settings().store_file.stat().st_size / 1_000_000
    return f"{settings().store_file}, version {migrations()[-1][0]}, {size:.1f} MB, {people} opt-outs"


def _invariants() -> str:
    with visit_store(read_only=True) as visit:
        broken = broken_invariants(visit)
    if broken:
        raise SmsError(", ".join(f"{name} ({count} rows)" for name, count in broken.items()))
    return "all hold"


def _gateway(gateway: Gateway) -> str:
    name = gateway.manifest.gateway
    if not gateway.manifest.has_balance:
        balance = read_balance(name)
        return f"{name} was not asked, for it tells no balance: {balance.amount} {balance.unit} are declared"
    balance = ask_balance(name)
    return f"{name} answers: balance {balance.amount} {balance.unit}"


def _channels() -> str:
    mail = mail_settings()
    numbers = len(settings().alert_numbers)
    if mail is None and not numbers:
        return "none is set (SMS_MAIL_HOST and SMS_MAIL_TO, SMS_ALERT_NUMBERS): alerts are only in the log"
    return f"mail to {len(mail.recipients) if mail else 0} people, SMS to {numbers} numbers"
