"""Is everything in its place: one row a check, each with what was found and what to do about it."""

import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

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
from tasks.house import gateway_named, mail_settings, visit_store
from tasks.publish import publish
from tasks.settings import settings
from tasks.setup_checks import Advice, check_backups, check_clock, check_disk, check_lists, check_prices
from tasks.watch import look_after_all

_PACKAGES = ("prefect", "duckdb", "pandas", "pandera", "phonenumbers", "holidays", "requests")
_SIGNS = {"in order": "✓", "advice": "⚠", "fails": "✗"}


class Check(NamedTuple):
    """One thing that was looked at: ``verdict`` is ``in order``, ``advice`` or ``fails``."""

    name: str
    verdict: str
    found: str
    to_do: str = ""

    def __str__(self) -> str:
        """Return it as a line of text."""
        return f"{self.name}: {self.verdict}: {self.found}" + (f". To do: {self.to_do}" if self.to_do else "")


@task
def run_checks() -> list[Check]:
    """Return each check with what was found; one that fails never hides the others."""
    checks: dict[str, tuple[Callable[[], str | Advice], str]] = {
        "Versions of the programs": (_versions, "run make setup"),
        "Store": (_store, "see docs/operations.md; docs/backup.md says how a copy is restored"),
        "The store is its newest copy": (_mark, "run reconcile-store and read what it says"),
        "The store's records agree": (_invariants, "stop everything (stop-everything) and keep a copy of the store"),
        "Room on the disk": (check_disk, "make room, or move the data folder (SMS_DATA_DIR)"),
        "Copies of the store": (check_backups, ""),
        "Clock of this machine": (check_clock, "set it by NTP (timedatectl set-ntp true): sending hours go by it"),
        "Time zones": (lambda: f"tz database {database_version()}", "run make setup"),
        "Rules of the sending hours": (_policies, "correct the file that is named"),
        "Prices": (check_prices, "correct the tariff: country,price,unit, one line a territory"),
        "Lists and why they may be written to": (check_lists, ""),
        "Gateway": (lambda: _gateway(gateway_named(settings().gateway)), "see the gateway's page in docs/"),
        "Alerts to the team": (
            _channels,
            "correct SMS_MAIL_… or SMS_ALERT_NUMBERS; they are tried again",
        ),
        "Prefect's API": (describe_access, "see docs/security.md"),
        "Who reads the files": (_privacy, "chmod -R go= them, as the account that owns them"),
        "Runs that a stop left": (leftovers_line, "run python -m tasks.clean_up"),
    }
    return [_checked(name, *check) for name, check in checks.items()] + _alive()


@task
def publish_checks(checks: list[Check]) -> None:
    """Publish the checks, those first that ask for something.

    Raises:
        SmsError: one fails; the line names it.
    """
    publish("diagnose-setup", checks_page(checks), "Is everything in its place")
    failed = [f"{check.name}: {check.found}" for check in checks if check.verdict == "fails"]
    if failed:
        raise SmsError("; ".join(failed))


def checks_page(checks: list[Check]) -> str:
    """Return the page: what asks for something, then all that is in order."""
    asking = [check for check in checks if check.verdict != "in order"]
    parts = ["# Setup", f"**{len(checks)} things were looked at; to do: {len(asking)}.**"]
    for title, verdicts in (("To do", ("fails", "advice")), ("In order", ("in order",))):
        found = [check for verdict in verdicts for check in checks if check.verdict == verdict]
        if found:
            parts += [f"## {title}", "\n".join(map(_line, found))]
    return "\n\n".join(parts) + "\n"


def _line(check: Check) -> str:
    line = f"- {_SIGNS[check.verdict]} **{escape_markdown(check.name)}**: {escape_markdown(check.found)}"
    return f"{line}\n    - To do: {escape_markdown(check.to_do)}" if check.to_do else line


def _alive() -> list[Check]:
    """Return one row for each scheduled flow, the server and each queue; what cannot be said yet is in order."""
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


def _versions() -> str:
    return ", ".join([f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)])


def _policies() -> str:
    return ", ".join(f"{name} of {load_policy(name).valid_from}" for name in policy_names())


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


def _channels() -> str | Advice:
    mail = mail_settings()
    numbers = len(settings().alert_numbers)
    with visit_store(read_only=True) as visit:
        failed = [row for channel in CHANNELS for row in undelivered_alerts(visit, channel)]
    if failed:
        raise SmsError("; ".join(f"{row['kind']} could not be delivered: {row['error']}" for row in failed))
    if mail is None and not numbers:
        return Advice(
            "nobody gets them: they are only in the log", "set SMS_MAIL_HOST and SMS_MAIL_TO, or SMS_ALERT_NUMBERS"
        )
    return f"mail to {len(mail.recipients) if mail else 0} people, SMS to {numbers} numbers"
