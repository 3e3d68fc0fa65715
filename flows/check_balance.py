"""Read the balance; alert at once, and once per crossing, when it is critical or fell too fast."""

from schemas.form import OptionalText
from tasks.billing import fail_if_undelivered, watch_balance
from tasks.context import current_context
from tasks.outcome_pages import publish_balance
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.sending import send_notices
from tasks.watch import watched


@flow(name="check-balance")
@one_at_a_time()
def check_balance(gateway: OptionalText = "") -> str:
    """Read the balance and publish it. The run fails while an alert could not be delivered to the team.

    Args:
        gateway: The gateway to ask. Empty: the one in the settings.
    """
    gateway = gateway or current_context().settings.gateway
    with watched("check-balance", is_scheduled=gateway == current_context().settings.gateway):
        line = watch_balance(gateway)
        send_notices(gateway)
        publish_balance(gateway, line)
    fail_if_undelivered()
    return line
