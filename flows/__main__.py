"""``python -m flows approve-campaign campaign=soldes recap_hash=abcd1234 actor=Ada``: run any flow without a server.

``python -m flows`` lists the flows. The result of a flow is printed; for a recap or an import this is its page. A
refusal is one line on the standard error, and status 2. The Prefect server in ``PREFECT_API_URL`` records the run; a
temporary server does if none is set.
"""

import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.exceptions import ParameterTypeError
from prefect.settings import (
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)

from campanile.file_permissions import keep_private
from campanile.services.cli_args import WrongCommand, known, read_parameters
from campanile.sms.errors import SmsError
from tasks.api_access import reach_server, temporary_login
from tasks.printed import printed
from tasks.refusals import drop_tracebacks, one_line, quiet_console

NAMES = [path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[a-z]*.py")]
REFUSED = 2
_TEMPORARY_SERVER = {
    # The first start creates the database, which takes long on a small machine.
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 180,
    PREFECT_SERVER_ANALYTICS_ENABLED: False,
}


def main(arguments: list[str]) -> str:
    """Run the flow named by the first word with the other words as parameters; return its result as text.

    Raises:
        SmsError: the flow refused, the command is wrong, or no Prefect server can be used.
    """
    if not arguments:
        return "\n".join(["python -m flows <flow> name=value …, where <flow> is one of", *sorted(NAMES)])
    flow = flow_named(known(arguments[0], NAMES, "flow"))
    parameters = read_parameters(arguments[1:], flow.parameters.model_dump())
    check_types(flow, parameters)
    with temporary_settings(_TEMPORARY_SERVER), temporary_login():
        reach_server()
        return printed(flow(**parameters))


def flow_named(name: str) -> Flow[..., object]:
    """Return the flow of a deployment."""
    stem = name.replace("-", "_")
    flow: Flow[..., object] = getattr(import_module(f"flows.{stem}"), stem)
    return flow


def check_types(flow: Flow[..., object], parameters: dict[str, Any]) -> None:
    """Refuse values of the wrong type before a run is created.

    Raises:
        WrongCommand: one line that names the wrong values.
    """
    logger = logging.getLogger("prefect.flows")
    logger.disabled = True  # it would log all values, and numbers must not be logged in clear
    try:
        flow.validate_parameters(parameters)
    except ParameterTypeError as error:
        raise WrongCommand(" ".join(str(error).split())) from error
    finally:
        logger.disabled = False


def command(arguments: list[str]) -> int:
    """Print the result of a flow, or one line with the reason of a refusal; return the status of the process."""
    quiet_console()
    try:
        text = main(arguments)
    except SmsError as refusal:
        drop_tracebacks(refusal)
        sys.stderr.write(one_line(refusal) + "\n")
        return REFUSED
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    keep_private()  # before Prefect creates a database
    sys.exit(command(sys.argv[1:]))
