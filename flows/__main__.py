"""``python -m flows approve-campaign campaign=soldes recap_hash=abcd1234 approver=Ada``: any flow, without a server.

``python -m flows`` lists them. What a flow returns is printed; of a recap, its page. A run is recorded by the Prefect
server that ``PREFECT_API_URL`` names; without one, by a temporary one.
"""

import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.exceptions import ParameterTypeError
from prefect.settings import PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, temporary_settings

from sms.errors import SmsError
from sms.privacy import keep_private
from store.recaps import Recap
from tasks.api_access import temporary_login
from tasks.command_line import WrongCommand, known, read_parameters
from tasks.house import visit_store
from tasks.recaps import draw_recap, read_recap

NAMES = [path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[a-z]*.py")]


def main(arguments: list[str]) -> str:
    """Run the flow that the first word names with the parameters of the others; return what it returned, as text.

    Raises:
        SmsError: the flow refused, or the command is wrong.
    """
    if not arguments:
        return "\n".join(["python -m flows <flow> name=value …, where <flow> is one of", *sorted(NAMES)])
    flow = flow_named(known(arguments[0], NAMES, "flow"))
    parameters = read_parameters(arguments[1:], flow.parameters.model_dump())
    check_types(flow, parameters)
    # The first start of a temporary server makes its database, which takes long on a small machine.
    with temporary_settings({PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 180}), temporary_login():
        return as_text(flow(**parameters))


def as_text(result: object) -> str:
    """Return what a flow returned as somebody reads it in a terminal: a recap as its page."""
    if not isinstance(result, Recap):
        return str(result)
    with visit_store(read_only=True) as visit:
        view = read_recap(visit, result.campaign_id)
    return draw_recap(view)


def flow_named(name: str) -> Flow[..., object]:
    """Return the flow of a deployment's name."""
    stem = name.replace("-", "_")
    flow: Flow[..., object] = getattr(import_module(f"flows.{stem}"), stem)
    return flow


def check_types(flow: Flow[..., object], parameters: dict[str, Any]) -> None:
    """Refuse values of the wrong type, before there is a run.

    Raises:
        WrongCommand: one line that says which.
    """
    teller = logging.getLogger("prefect.flows")
    teller.disabled = True  # it would tell all values, and numbers never stand in clear
    try:
        flow.validate_parameters(parameters)
    except ParameterTypeError as error:
        raise WrongCommand(" ".join(str(error).split())) from error
    finally:
        teller.disabled = False


if __name__ == "__main__":
    keep_private()  # before Prefect makes a database
    try:
        sys.stdout.write(main(sys.argv[1:]) + "\n")
    except SmsError as refusal:
        sys.exit(str(refusal))
