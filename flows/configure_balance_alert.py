"""Set below which balance the team is told, and who is told how."""

from campanile.services.billing.alert_rules import Channels
from schemas.form import Actor, OptionalText
from tasks.billing import set_alert_rule
from tasks.context import current_context
from tasks.outcome_pages import publish_alert_rule
from tasks.refusals import flow


@flow(name="configure-balance-alert")
def configure_balance_alert(
    threshold: float,
    actor: Actor,
    gateway: OptionalText = "",
    unit: OptionalText = "",
    margin: float | None = None,
    channels: Channels = "mail and sms",
    people: OptionalText = "",
    reminder: bool = False,
) -> str:
    """Set below which balance the team is told at once, and who is told how. It replaces the rule before at once.

    Args:
        threshold: The team is told once when the balance falls below it, and once more at zero.
        actor: Who sets it.
        gateway: The gateway whose balance it is. Empty: the one in the settings.
        unit: The unit of the threshold: that of the gateway's prices (credits, EUR), or messages, for the number of
            messages of one segment that the balance pays for at today's price. Empty: the unit of the prices.
        margin: The team is told again only after the balance rose above threshold plus margin. Empty: a tenth of the
            threshold.
        channels: How the team is told. The event balance.low is emitted in any case.
        people: Mail addresses and mobile numbers of the team, separated by commas. Empty: those of SMS_MAIL_TO and
            SMS_ALERT_NUMBERS.
        reminder: Tell the team again each day from 9:00 on while the balance is low.
    """
    gateway = gateway or current_context().settings.gateway
    line = set_alert_rule(gateway, threshold, unit, margin, channels, people, reminder=reminder, actor=actor)
    publish_alert_rule(gateway, line)
    return line
