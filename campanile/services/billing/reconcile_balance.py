"""Compare the ledger with each reading of a balance: show a difference and its cause, pause sending if it is large."""

from decimal import Decimal

from campanile.services.context import Context
from campanile.sms.text.formatting import amount_text, local_time
from campanile.store.billing.alerts import clear_alert, raise_alert
from campanile.store.billing.balance import Drift, credit_left, read_drift
from campanile.store.billing.operator_settings import get_setting, put_setting
from campanile.store.campaigns.pause import pause_gateway
from campanile.store.db.database import Transaction
from campanile.store.ledger.claims import DAILY_LIMIT
from schemas.billing_rows import Alert, Billing

DIFFERENCE = "balance_difference"
#: Who pauses the campaigns.
ACTOR = "balance check"


def reconcile_balance(context: Context, gateway: str) -> str:
    """Compare the ledger with the last reading; return the difference in words, empty: they agree.

    Only a balance that the provider reports is compared. A difference beyond the limit pauses the campaigns of the
    gateway, emergencies excepted, once: it counts from there on after a person has resumed them.
    """
    if context.billing(gateway) is not Billing.PREPAID:
        return ""
    with context.transaction() as tx:
        drift = read_drift(tx, gateway)
        if drift is None or not drift.likely_cause:
            clear_alert(tx, DIFFERENCE, gateway)
            return ""
        words = _words(context, drift)
        if not drift.unexplained:
            clear_alert(tx, DIFFERENCE, gateway)
        _pause_beyond_limit(context, tx, gateway, drift, words)
    return words


def end_of_daily_limit(context: Context, gateway: str) -> str:
    """Clear the alert that the daily limit is reached when its day is over; return what was spent today, in words."""
    limit = context.daily_limit(gateway)
    if limit.amount is None:
        return ""
    with context.transaction() as tx:
        began_at = limit.began_at(tx.at)
        credit = credit_left(tx, gateway, day_began_at=began_at)
        if credit is None:
            return ""
        raised = tx.find(Alert, "alert.open", kind=DAILY_LIMIT, gateway=gateway)
        is_reached = raised is not None and raised.raised_at >= began_at
        if not is_reached:
            clear_alert(tx, DAILY_LIMIT, gateway)
    spent, most = amount_text(credit.spent_today, credit.unit), amount_text(limit.amount, credit.unit)
    reached = ": nothing more is sent today but emergencies" if is_reached else ""
    return f"{spent} of {most} spent today{reached}"


def _words(context: Context, drift: Drift) -> str:
    more, amount = ("less", -drift.difference) if drift.difference < 0 else ("more", drift.difference)
    since = f"{local_time(drift.since, context.settings.zone)} ({context.settings.team_zone})"
    return (
        f"since {since} the account was charged {amount_text(amount, drift.unit)} {more} than the ledger says; "
        f"likely cause: {drift.likely_cause}"
    )


def _pause_beyond_limit(context: Context, tx: Transaction, gateway: str, drift: Drift, words: str) -> None:
    limit, name = context.settings.balance_difference_limit, f"{DIFFERENCE}.{gateway}"
    known = get_setting(tx, name) or {}
    paused_at = Decimal(known["amount"] if known.get("reading_id") == drift.reading_id else 0)
    if drift.unexplained - paused_at <= limit:  # guard: balance-difference
        return
    put_setting(tx, name, {"reading_id": drift.reading_id, "amount": str(drift.unexplained)}, ACTOR)
    line = (
        f"gateway {gateway}: {words}. That is beyond the {amount_text(limit, drift.unit)} of "
        "SMS_BALANCE_DIFFERENCE_LIMIT, so its campaigns are paused: find the cause, then run resume-campaign"
    )
    pause_gateway(tx, gateway, ACTOR, line)
    clear_alert(tx, DIFFERENCE, gateway)
    raise_alert(tx, DIFFERENCE, gateway, line)
    context.log.warning(line)
