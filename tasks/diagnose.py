"""Is everything in its place: one row a check, each with what was found."""

import platform
from collections.abc import Callable
from importlib.metadata import version

from prefect import task

from schemas.gateway import Gateway
from sms.errors import SmsError
from sms.masking import escape_markdown
from sms.policy import load_policy, policy_names
from sms.privacy import open_to_others
from sms.zones import database_version
from store.alerts import CHANNELS, undelivered_alerts
from store.invariants import broken_invariants
from store.migrate import migrations
from tasks.api_access import describe_access
from tasks.balance import ask_balance, read_balance
from tasks.clean_up import leftovers_line
from tasks.clock import now, rehearsal_note
from tasks.house import gateway_named, mail_settings, tariff_of, visit_store
from tasks.publish import publish
from tasks.settings import settings
from tasks.watch import look_after_all

_PACKAGES = ("prefect", "duckdb", "pandas", "pandera", "phonenumbers", "holidays", "requests")


@task
def run_checks() -> list[tuple[str, bool, str]]:
    """Return (check, whether it holds, what was found); a check that fails never hides the others."""
    checks: dict[str, Callable[[], str]] = {
        "versions": lambda: ", ".join(
            [f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)]
        ),
        "store": _store,
        "store mark": _mark,
        "invariants": _invariants,
        "clock": lambda: f"{now():%Y-%m-%d %H:%M:%S} UTC. {rehearsal_note()}".strip(),
        "time zones": lambda: f"tz database {database_version()}",
        "policies": lambda: ", ".join(f"{name} of {load_policy(name).valid_from}" for name in policy_names()),
        "tariff": lambda: f"{len(tariff_of(settings().gateway).prices)} territories priced for {settings().gateway}",
        "gateway": lambda: _gateway(gateway_named(settings().gateway)),
        "alerts": _channels,
        "Prefect's API": describe_access,
        "privacy": _privacy,
        "runs": leftovers_line,
    }
    return [(name, *_outcome(check)) for name, check in checks.items()] + _alive()


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


def _alive() -> list[tuple[str, bool, str]]:
    """Return one row for each scheduled flow, the server and each queue; what cannot be said yet holds."""
    try:
        return [(subject, is_well is not False, line) for subject, is_well, line in look_after_all()]
    except SmsError as error:
        return [("scheduled flows", False, str(error))]


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


def _mark() -> str:
    with visit_store() as visit:
        found, state = visit.reconciliation, visit.row("store_state.get") or {}
    if found is not None:
        raise SmsError(f"{found.reason}; nothing is sent until a person has run reconcile-store")
    return f"the store is at commit {state['sequence']}, as its mark says"


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


def _privacy() -> str:
    found = open_to_others(*settings().private_places)
    if found:
        raise SmsError(
            f"another account may read {len(found)} files or folders, such as {found[0]}: they are corrected at each "
            "start, but for those of another owner, or on a file system without rights"
        )
    return "no other account may read the data folder, the store or .env"


def _channels() -> str:
    mail = mail_settings()
    numbers = len(settings().alert_numbers)
    with visit_store(read_only=True) as visit:
        failed = [row for channel in CHANNELS for row in undelivered_alerts(visit, channel)]
    if failed:
        raise SmsError("; ".join(f"{row['kind']} could not be delivered: {row['error']}" for row in failed))
    if mail is None and not numbers:
        return "none is set (SMS_MAIL_HOST and SMS_MAIL_TO, SMS_ALERT_NUMBERS): alerts are only in the log"
    return f"mail to {len(mail.recipients) if mail else 0} people, SMS to {numbers} numbers"
