"""What the auto-responder does: its state for the pages, the price of its answer, and the weekly reminder."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from campanile.pages.views import ResponderState
from campanile.services.billing.alerts import send_waiting_alerts
from campanile.services.context import Context
from campanile.sms.errors import ConfigurationError
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.sms.text.formatting import amount_text, count_text, local_time
from campanile.sms.text.segments import count_segments
from campanile.store.billing.alerts import clear_alert, raise_alert
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import answers_since, auto_responder, on_since
from schemas.billing_rows import NO_ANSWERS, AnswerForecast

REMINDER = "reminder: auto-responder"
_EACH = timedelta(weeks=1)


def responder_state(context: Context, tx: Transaction, gateway: str) -> ResponderState | None:
    """Return the state of the auto-responder and what its answers on a gateway cost so far; None: it is off."""
    since = on_since(tx)
    if since is None:
        return None
    found = answers_since(tx, gateway, since)
    return ResponderState(since, found.answer_count, found.cost, context.manifest(gateway).unit)


def read_responder(context: Context) -> tuple[AutoResponder, Mapping[str, Decimal], str]:
    """Return the settings of the auto-responder, the price of its answer by territory, and the unit of the prices."""
    with context.transaction(read_only=True) as tx:
        responder = auto_responder(tx)
    unit = context.manifest(context.settings.gateway).unit
    return responder, answer_prices(context, responder.text), unit


def answer_prices(context: Context, text: str) -> Mapping[str, Decimal]:
    """Return the price of one answer by territory: those that are allowed and have a price, in the tariff's unit."""
    segment_count = count_segments(text).segment_count
    try:
        prices = context.tariff(context.settings.gateway).prices
    except ConfigurationError:
        return {}
    allowed = context.settings.allowed_countries
    return {territory: prices[territory] * segment_count for territory in allowed if territory in prices}


def answer_forecast(context: Context, tx: Transaction, gateway: str) -> AnswerForecast:
    """Return what automatic answers will cost on a gateway; none while the auto-responder is off."""
    responder = auto_responder(tx)
    if responder.why_off(tx.at) is not None:
        return NO_ANSWERS
    try:
        price = context.tariff(gateway).price(context.settings.region)
    except ConfigurationError:
        return NO_ANSWERS
    return AnswerForecast(tx.value("reply.share") or 0.0, price * count_segments(responder.text).segment_count)


def price_line(context: Context, text: str) -> str:
    """Return what one answer costs, as part of a sentence: at home, and at most."""
    prices, home = answer_prices(context, text), context.settings.region
    if not prices:
        return "the tariff has no price for it"
    unit = context.manifest(context.settings.gateway).unit
    dearest = f"{amount_text(max(prices.values()), unit)} at most"
    return f"{amount_text(prices[home], unit)} in {home}, {dearest}" if home in prices else dearest


def remind_of_responder(context: Context) -> bool:
    """Remind the team by mail that the auto-responder is on: once a week, if no campaign was sent in that week.

    The reminder is an alert for mail only, recorded in the transaction that decides on it: once, whoever else runs.
    Return whether a reminder was raised.
    """
    gateway = context.settings.gateway
    with context.transaction() as tx:
        since = on_since(tx)
        if since is None:
            clear_alert(tx, REMINDER, gateway)
            return False
        last = tx.value("alert.last_raised_at", kind=REMINDER)
        week_ago = tx.at - _EACH
        is_due = since <= week_ago and (last is None or last <= week_ago)
        if not is_due or tx.value("campaign.was_sent_since", since=week_ago):
            return False
        found = answers_since(tx, gateway, since)
        line = (
            f"the auto-responder is ON since {local_time(since, context.settings.zone)} "
            f"({context.settings.team_zone}), and no campaign was sent for a week: "
            f"{count_text(found.answer_count, 'answer')} on {gateway} since then, "
            f"{amount_text(found.cost, context.manifest(gateway).unit)}. Switch it off with configure-auto-responder "
            "if nobody needs it; otherwise this mail comes again in a week"
        )
        clear_alert(tx, REMINDER, gateway)
        raise_alert(tx, REMINDER, gateway, line, channels=["mail"])
    context.log.info(line)
    send_waiting_alerts(context)
    return True
