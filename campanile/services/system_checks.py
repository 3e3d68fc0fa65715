"""Checks of diagnose-setup on versions, store, gateway, alerts and file permissions; see ``setup_checks``."""

import platform
from importlib.metadata import version

from campanile.file_permissions import open_to_others
from campanile.gateways.callbacks.spool import has_receiver
from campanile.services.billing.alerts import undelivered
from campanile.services.billing.balance import ask_balance, read_balance
from campanile.services.context import Context
from campanile.services.inbound.reports import read_unknown_words
from campanile.services.setup_checks import Advice
from campanile.sms.errors import SmsError
from campanile.sms.schedule.policy import load_policy, policy_names
from campanile.sms.text.formatting import count_text
from campanile.store.db.invariants import broken_invariants
from campanile.store.db.migrate import migrations
from schemas.billing_rows import Billing
from schemas.gateway import Gateway
from schemas.ledger_rows import StoreState

_PACKAGES = ("prefect", "duckdb", "pandas", "pandera", "phonenumbers", "holidays", "requests")


def check_versions() -> str:
    """Return the versions of Python and of the libraries."""
    return ", ".join([f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in _PACKAGES)])


def check_policies() -> str:
    """Return each policy with its date."""
    return ", ".join(f"{name} of {load_policy(name).valid_from}" for name in policy_names())


def check_store(context: Context) -> str:
    """Return where the store is, its version and its size."""
    with context.transaction(read_only=True) as tx:
        people = tx.value("opt_out.count")
    size = context.settings.store_file.stat().st_size / 1_000_000
    return f"{context.settings.store_file}, version {migrations()[-1][0]}, {size:.1f} MB, {people} opt-outs"


def check_mark(context: Context) -> str:
    """Compare the store with its mark."""
    with context.transaction() as tx:
        found, state = tx.reconciliation, tx.get(StoreState, "store_state.get")
    if found is not None:
        raise SmsError(f"{found.reason}; nothing is sent until a person has run reconcile-store")
    return f"the store is at commit {state.sequence}, as its mark says"


def check_invariants(context: Context) -> str:
    """Run the invariants."""
    with context.transaction(read_only=True) as tx:
        broken = broken_invariants(tx)
    if broken:
        raise SmsError(", ".join(f"{name} ({count} rows)" for name, count in broken.items()))
    return "all hold"


def check_gateway(context: Context, gateway: Gateway) -> str | Advice:
    """Ask a gateway for its balance, and look whether a receiver takes its callbacks, if it calls back."""
    line = _answer_of(context, gateway)
    if not gateway.callbacks:
        return line
    if has_receiver(context.settings.callbacks / gateway.manifest.gateway):
        return f"{line}; a receiver takes its callbacks"
    return Advice(
        f"{line}; no receiver takes its callbacks, so it is only polled",
        "start python -m campanile.gateways.callbacks; docs/callbacks.md",
    )


def _answer_of(context: Context, gateway: Gateway) -> str:
    name = gateway.manifest.gateway
    if context.billing(name) is not Billing.PREPAID:
        balance = read_balance(context, name)
        left = f"{balance.amount} {balance.unit} are left"
        return f"{name} was not asked for its balance, because it is {context.billing(name)}: {left}"
    balance = ask_balance(context, name)
    return f"{name} answers: balance {balance.amount} {balance.unit}"


def check_words(context: Context) -> str | Advice:
    """Look for words in the delivery reports of the gateway that are in no table."""
    gateway = context.settings.gateway
    found = read_unknown_words(context, gateway)
    if not found:
        return f"every word of the last 30 days of {gateway} is in its table"
    words = ", ".join(f"{row.word!r} ({count_text(row.report_count, 'report')})" for row in found)
    return Advice(
        f"gateway {gateway} uses words that are in no table: {words}; they are stored, and change no state",
        f"look them up in the provider's documentation, and add them to REPORT_WORDS of campanile/gateways/{gateway}",
    )


def check_privacy(context: Context) -> str:
    """Look for files that other accounts may read."""
    found = open_to_others(*context.settings.private_paths)
    if found:
        raise SmsError(
            f"another account may read {len(found)} files or folders, such as {found[0]}: they are corrected at each "
            "start, except those of another owner or on a file system without permissions"
        )
    return "no other account may read the data folder, the store or .env"


def check_channels(context: Context) -> str | Advice:
    """Return how many people and numbers get the alerts; fail while a notification did not reach the team."""
    mail = context.mail
    numbers = len(context.settings.alert_numbers)
    if failed := undelivered(context):
        raise SmsError("; ".join(failed))
    if mail is None and not numbers:
        return Advice(
            "alerts are not sent: they are only in the log", "set SMS_MAIL_HOST and SMS_MAIL_TO, or SMS_ALERT_NUMBERS"
        )
    return f"mail to {len(mail.recipients) if mail else 0} people, SMS to {numbers} numbers"
