"""Register the pool and the deployments at a Prefect server, and settle the runs that the last stop interrupted.

What takes long is to load Prefect's command line and all flows. It needs no server, so it begins while the server
starts: ``make up`` runs this beside it.
"""

import sys
import time
from collections.abc import Sequence
from importlib import import_module

from campanile.file_permissions import keep_private
from scripts.household import HOST, ROOT, is_answered

POOL = "campanile"
#: The template of the pool: a run cannot set a command, environment or folder, else the API could start any program.
POOL_TEMPLATE = ROOT / "work-pool.json"


def pool_command() -> Sequence[str]:
    """Return the arguments that make the pool or update its template, after the name of the program."""
    options = ("--type", "process", "--base-job-template", str(POOL_TEMPLATE), "--overwrite")
    return "work-pool", "create", POOL, *options


def main(port: int) -> None:
    """Load all, wait for the server on a port of this machine, and register.

    Raises:
        SystemExit: Prefect's command failed; it has said why.
    """
    from prefect.cli import app

    from tasks import clean_up

    for path in sorted((ROOT / "flows").glob("[a-z]*.py")):
        import_module(f"flows.{path.stem}")
    while not is_answered(port):
        time.sleep(0.2)
    print(f"the server on {HOST}:{port} answers", flush=True)
    for command in (pool_command(), ("deploy", "--all")):
        sys.argv = ["prefect", "--no-prompt", *command]
        try:
            app()
        except SystemExit as end:
            if end.code:
                raise
    print(clean_up.main([]), flush=True)


if __name__ == "__main__":
    keep_private()
    main(int(sys.argv[1]))
