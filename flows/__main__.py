"""``python -m flows approve-campaign campaign=soldes recap_hash=abcd1234 actor=Ada``: run any flow without a server.

``python -m flows`` lists the flows. The result of a flow is printed; for a recap or an import this is its page. A
refusal is one line on the standard error, and status 2. The Prefect server in ``PREFECT_API_URL`` records the run; a
temporary server does if none is set.
"""

import logging
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.exceptions import ParameterTypeError
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    get_current_settings,
    temporary_settings,
)

from campanile.file_permissions import keep_private
from campanile.pages.import_views import ImportReport
from campanile.pages.imports import import_page
from campanile.services.campaigns.read_recap import read_recap
from campanile.services.cli_args import WrongCommand, known, read_parameters
from campanile.services.refusals import REFUSAL_MARK
from campanile.sms.errors import SmsError
from schemas.recap_rows import Recap
from tasks.api_access import temporary_login
from tasks.campaigns import draw_recap
from tasks.context import current_context
from tasks.prefect_calls import PrefectAway
from tasks.refusals import RUN_LOGGERS, drop_tracebacks, one_line

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


def reach_server() -> None:
    """Check that a server can record a run: the one that is set, or a temporary one, which is started here.

    Raises:
        PrefectAway: the server does not answer, or did not start in time.
    """
    url = PREFECT_API_URL.value()
    try:
        with get_client(sync_client=True) as client:
            trouble = client.api_healthcheck()
    except RuntimeError as error:  # a temporary server did not start
        trouble = error
    if trouble is None:
        return
    if url is None:
        raise PrefectAway(
            f"a temporary Prefect server did not start: {str(trouble).splitlines()[0]} Run the command again when the "
            "machine is less busy, or set PREFECT_API_URL to a running server"
        )
    raise PrefectAway(
        f"Prefect's server {url} does not answer ({type(trouble).__name__}): start it (make up), or unset "
        "PREFECT_API_URL to record this run on a temporary server"
    )


def printed(result: object) -> str:
    """Return a result as text: recaps and imports as their pages, counts and names one per line."""
    context = current_context()
    match result:
        case Recap():
            with context.transaction(read_only=True) as tx:
                view = read_recap(context, tx, result.campaign_id)
            return draw_recap(view)
        case bool():
            return "done" if result else "nothing to do: it was done before"
        case str():
            return result
        case Mapping():
            return "\n".join(_named(str(name), value) for name, value in result.items()) or "nothing new"
        case Sequence():
            return _listed("opt_outs", result)
    return str(result)


def _named(name: str, value: object) -> str:
    return _listed(name, value) if isinstance(value, list) else f"{name}: {value}"


def _listed(subject: str, items: Sequence[object]) -> str:
    """Return the page of imported files, or one item per line."""
    reports = [item for item in items if isinstance(item, ImportReport)]
    if reports:
        return import_page(subject, reports, [str(item) for item in items if not isinstance(item, ImportReport)])
    return "\n".join(str(item) for item in items) or "nothing to do"


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


def quiet_console() -> None:
    """Print only warnings and errors of a run. A refusal is not printed: the command prints it as its last line.

    The logs of runs in Prefect's server stay complete. If a logging level is set for Prefect, everything is printed.
    """
    if "level" in get_current_settings().logging.model_fields_set:
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.addFilter(_is_for_the_terminal)


def _is_for_the_terminal(record: logging.LogRecord) -> bool:
    """Return whether a record says more than the command's last line, which Prefect repeats with the state."""
    is_of_run = record.name in RUN_LOGGERS
    is_said = hasattr(record, REFUSAL_MARK) or (is_of_run and str(record.msg).startswith("Finished in state"))
    return record.levelno >= (logging.WARNING if is_of_run else logging.ERROR) and not is_said


if __name__ == "__main__":
    keep_private()  # before Prefect creates a database
    sys.exit(command(sys.argv[1:]))
