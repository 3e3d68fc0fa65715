"""Register the pool and the deployments at a Prefect server, and settle the runs that the last stop interrupted.

What takes long is to load Prefect's command line and all flows. It needs no server, so it begins while the server
starts: ``make up`` runs this beside it.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from campanile.file_permissions import keep_private
from campanile.services.settings import read_settings
from scripts.household import HOST, ROOT, is_answered
from scripts.pool_template import pool_template

POOL = "campanile"


def pool_command(template: Path) -> Sequence[str]:
    """Return the arguments that make the pool or update its template, after the name of the program."""
    options = ("--type", "process", "--base-job-template", str(template), "--overwrite")
    return "work-pool", "create", POOL, *options


def main(port: int) -> None:
    """Load all, wait for the server on a port of this machine, and register.

    Raises:
        SystemExit: Prefect's command failed; it has said why.
    """
    from prefect.cli import app

    from tasks import automations, clean_up

    for path in sorted((ROOT / "flows").glob("[a-z]*.py")):
        import_module(f"flows.{path.stem}")
    while not is_answered(port):
        time.sleep(0.2)
    print(f"the server on {HOST}:{port} answers", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder, "work-pool.json")
        template.write_text(json.dumps(pool_template(read_settings())), encoding="utf-8")
        for command in (pool_command(template), ("deploy", "--all")):
            sys.argv = ["prefect", "--no-prompt", *command]
            try:
                app()
            except SystemExit as end:
                if end.code:
                    raise
    print(automations.create_automations(), flush=True)
    print(clean_up.main([]), flush=True)


if __name__ == "__main__":
    keep_private()
    main(int(sys.argv[1]))
