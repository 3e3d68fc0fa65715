"""The automation that Campanile ships: it waits for ``balance.low``, and teams add their own notifications to it.

``python -m tasks.automations`` creates it on the server in ``PREFECT_API_URL``; ``make up`` does this after the
deployments. What a team changed stays.
"""

import sys

from prefect.client.orchestration import get_client
from prefect.events.actions import DoNothing
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.settings import PREFECT_API_URL

from campanile.file_permissions import keep_private
from campanile.sms.errors import ConfigurationError, SmsError
from tasks.events import BALANCE_LOW, BALANCE_RESOURCE

#: Its name, by which it is found again.
BALANCE_AUTOMATION = "Campanile: balance low"


def create_automations() -> str:
    """Create the automation on ``balance.low``, unless there is one of its name; return what was done.

    Raises:
        ConfigurationError: ``PREFECT_API_URL`` is not set.
    """
    if PREFECT_API_URL.value() is None:
        raise ConfigurationError(
            "PREFECT_API_URL is not set: give the address of the server, http://127.0.0.1:4200/api"
        )
    with get_client(sync_client=True) as client:
        if client.read_automations_by_name(BALANCE_AUTOMATION):
            return f"automation {BALANCE_AUTOMATION!r} is there"
        client.create_automation(
            AutomationCore(
                name=BALANCE_AUTOMATION,
                description="Runs its actions when a balance falls below its threshold. Add a notification to it.",
                trigger=EventTrigger(
                    type="event",  # given: the client sends only what was given
                    expect={BALANCE_LOW},
                    match={"prefect.resource.id": f"{BALANCE_RESOURCE}*"},
                    posture=Posture.Reactive,
                    threshold=1,
                ),
                actions=[DoNothing(type="do-nothing")],
            )
        )
    return f"automation {BALANCE_AUTOMATION!r} is created"


if __name__ == "__main__":
    keep_private()
    try:
        sys.stdout.write(create_automations() + "\n")
    except SmsError as refusal:
        sys.exit(str(refusal))
