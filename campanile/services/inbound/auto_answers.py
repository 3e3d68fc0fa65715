"""The auto-responder: its settings, and one decision for each reply."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from campanile.services.context import Context
from campanile.services.inbound.history import AT_ONCE
from campanile.services.inbound.history_rows import number_or_none
from campanile.services.inbound.responder_state import price_line
from campanile.services.sending.system_messages import plan_system_messages
from campanile.sms.errors import ConfigurationError
from campanile.sms.numbers.msisdn import Number
from campanile.sms.rules.auto_reply import NO_POLICY, AutoResponder, ReplyFacts, decide_answer
from campanile.sms.rules.help_answer import NO_IDENTITY, decide_help
from campanile.sms.rules.replies.verdicts import HELP
from campanile.sms.rules.tariff import Tariff
from campanile.sms.schedule.policy import load_policy
from campanile.sms.states import CampaignKind
from campanile.sms.text.formatting import amount_text, count_text
from campanile.sms.text.segments import count_segments
from campanile.store.billing.alerts import clear_alert, raise_alert
from campanile.store.billing.balance import credit_left
from campanile.store.db.database import Transaction
from campanile.store.inbound.auto_responder import (
    HELP_ORIGIN,
    auto_responder,
    bind_answers,
    own_senders,
    put_auto_responder,
)
from campanile.store.inbound.replies import answered_count, set_answers, unanswered_replies
from schemas.inbound_rows import UnansweredReply

CAPPED = "answers_capped"
BALANCE_LOW = "answers_balance_low"


def plan_answers(context: Context, gateway: str) -> dict[str, int]:
    """Decide once for each new reply whether it gets an automatic answer, and plan the answers."""
    tariff = context.tariff(gateway)
    counts: Counter[str] = Counter()
    is_last = False
    while not is_last:
        with context.transaction(read_only=True) as tx:
            senders = [row.sender for row in unanswered_replies(tx, gateway, AT_ONCE)]
        numbers = {sender: number_or_none(context, sender) for sender in senders}
        is_last = len(senders) < AT_ONCE
        with context.transaction() as tx:
            counts.update(_plan_answers(context, tx, gateway, tariff, numbers).values())
    context.log.info("%s: automatic answers %s", gateway, dict(sorted(counts.items())))
    return dict(sorted(counts.items()))


def set_auto_responder(context: Context, responder: AutoResponder, actor: str) -> str:
    """Write the settings of the auto-responder; return one line that says what it does now.

    Raises:
        ConfigurationError: it is switched on without a text, with a cap below 1, or with an unknown policy.
    """
    if responder.enabled and not responder.text.strip():
        raise ConfigurationError("the auto-responder is switched on without a text: give a text, or switch it off")
    for name in ("daily_cap", "person_cap"):
        if getattr(responder, name) < 1:
            raise ConfigurationError(
                f"{name} {getattr(responder, name)} allows no answer: give 1 or more, or switch the auto-responder off"
            )
    if responder.policy != NO_POLICY:
        load_policy(responder.policy)
    until = responder.valid_until
    if until is not None and until.tzinfo is None:  # typed into a form: in the zone of the team
        until = until.replace(tzinfo=context.settings.zone)
    with context.transaction() as tx:
        put_auto_responder(tx, replace(responder, valid_until=until), actor)
    if not responder.enabled:
        return "the auto-responder is off: replies are kept, and no answer is sent"
    parts = count_segments(responder.text)
    return (
        f"the auto-responder is on: each reply but STOP gets {parts.segment_count} segment(s) of {parts.encoding} "
        f"({price_line(context, responder.text)}), {responder.daily_cap} answers in 24 hours at most, "
        f"{responder.answers_a_person} to one person"
    )


def _plan_answers(
    context: Context, tx: Transaction, gateway: str, tariff: Tariff, numbers: Mapping[str, Number | None]
) -> dict[int, str]:
    """Decide on the replies of these senders, and plan the answers; return the decisions, by reply."""
    responder = auto_responder(tx)
    replies = [row for row in unanswered_replies(tx, gateway, AT_ONCE) if row.sender in numbers]
    answered_today = answered_count(tx, gateway, tx.at - timedelta(days=1))
    is_covered = _watch_balance(context, tx, gateway, responder)
    answers = _decide(context, tx, responder, replies, numbers, tariff, answered_today, is_covered)
    if tx.reconciliation is not None:  # answers that were sent may be missing in a restored store
        answers = {key: "in_doubt" if answer == "planned" else answer for key, answer in answers.items()}
    set_answers(tx, answers)
    chosen = [(row, numbers[row.sender]) for row in replies if answers[row.reply_id] == "planned"]
    identity = context.settings.editor_identity
    for text, origin in ((responder.text, "campanile"), (identity or "", HELP_ORIGIN)):
        recipients = [
            (row.reply_id, number)
            for row, number in chosen
            if number is not None and (_asks_for(row, identity) == (origin == HELP_ORIGIN))
        ]
        plan_system_messages(context, tx, CampaignKind.AUTO_REPLY, gateway, tariff, recipients, text, origin)
    bind_answers(tx, responder)
    if NO_IDENTITY in answers.values():
        context.log.warning(
            "%s for HELP on gateway %s got no answer: set SMS_EDITOR_IDENTITY to the text that says who writes",
            count_text(list(answers.values()).count(NO_IDENTITY), "request"),
            gateway,
        )
    _watch_cap(tx, gateway, responder, answered_today + len(chosen), "capped" in answers.values())
    return answers


def _decide(
    context: Context,
    tx: Transaction,
    responder: AutoResponder,
    replies: Sequence[UnansweredReply],
    numbers: Mapping[str, Number | None],
    tariff: Tariff,
    answered_today: int,
    is_covered: bool,
) -> dict[int, str]:
    max_age = timedelta(hours=context.settings.reply_max_age_hours)
    territories = set(context.settings.allowed_countries) & set(tariff.prices)  # allowed, and with a price
    own = _own_senders(context, tx, numbers)
    answers: dict[int, str] = {}
    planned: Counter[int | None] = Counter()
    for row in replies:
        number = numbers[row.sender]
        seen = ReplyFacts(
            row.verdict,
            row.number_id,
            is_allowed=number is not None and number.territory in territories,
            is_opted_out=row.is_opted_out,
            counts_at=row.counts_at,
            answer_count=row.answer_count + planned[row.number_id],
            is_own=row.sender in own,
        )
        identity = context.settings.editor_identity
        if _asks_for(row, identity) or (row.verdict == HELP and responder.why_off(tx.at) is not None):
            answer = decide_help(seen, identity is not None, responder, tx.at, max_age)
        else:
            answer = decide_answer(
                seen, responder, tx.at, max_age, answered_today + planned.total(), is_covered=is_covered
            )
        answers[row.reply_id] = answer
        planned[row.number_id] += answer == "planned"
    return answers


def _asks_for(reply: UnansweredReply, identity: str | None) -> bool:
    """Return whether a reply gets the identity; without one a HELP is answered like any other reply."""
    return identity is not None and reply.verdict == HELP


def _own_senders(context: Context, tx: Transaction, numbers: Mapping[str, Number | None]) -> set[str]:
    """Return which senders are the team's own: of its settings, or the sender of a campaign."""
    settings = context.settings
    listed = [*settings.own_numbers, settings.reply_sender_id]
    own_ids = {number.number_id for raw in listed if (number := number_or_none(context, raw)) is not None}
    named = {raw.casefold() for raw in listed}
    return own_senders(tx, list(numbers)) | {
        sender
        for sender, number in numbers.items()
        if sender.casefold() in named or (number is not None and number.number_id in own_ids)
    }


def _watch_balance(context: Context, tx: Transaction, gateway: str, responder: AutoResponder) -> bool:
    """Return whether the balance is high enough for answers; alert once when it is low, and clear that afterwards.

    It is low while less than ``SMS_ANSWERS_MIN_BALANCE`` is left besides what approved campaigns still need. A balance
    that was never read is not low: the claim decides.
    """
    credit = credit_left(tx, gateway)
    least = context.settings.answers_min_balance
    free = None if credit is None else credit.available - credit.committed
    if responder.why_off(tx.at) is not None or credit is None or free is None or free >= least:
        clear_alert(tx, BALANCE_LOW, gateway)
        return True
    line = (
        f"the auto-responder on gateway {gateway} sends nothing: {amount_text(free, credit.unit)} are left besides "
        f"what approved campaigns need, less than the {amount_text(least, credit.unit)} of SMS_ANSWERS_MIN_BALANCE. "
        "Top the balance up; replies that arrive meanwhile get no answer"
    )
    raise_alert(tx, BALANCE_LOW, gateway, line)
    return False


def _watch_cap(tx: Transaction, gateway: str, responder: AutoResponder, count: int, is_capped: bool) -> None:
    """Raise one alert when the cap stops an answer; clear it when half of the cap is free again."""
    if is_capped:
        line = (
            f"the auto-responder on gateway {gateway} reached its cap of {responder.daily_cap} answers in 24 hours; "
            "new replies get none. Check whether senders are machines, or raise daily_cap with configure-auto-responder"
        )
        raise_alert(tx, CAPPED, gateway, line)
    elif 2 * count <= responder.daily_cap:
        clear_alert(tx, CAPPED, gateway)
