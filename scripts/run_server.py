"""``python -m scripts.run_server``: the fork server of flow runs. Each run is a process of its own.

A new interpreter imports Prefect, pandas and this project for some seconds before a run begins. Here they are imported
once. ``scripts.pool_template`` gives the work pool the command that asks this server.
"""

import os
import pkgutil
import runpy
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from campanile.file_permissions import keep_private
from campanile.services.fork_server import accept_forks, end_with, files_of
from campanile.services.settings import read_settings

ROOT = Path(__file__).parents[1]
#: Our code. Files beside it, such as settings, are read by each run.
CODE = ("campanile", "flows", "schemas", "tasks")
#: What a run imports late.
LATE = ("pandas", "pandera.pandas", "duckdb", "phonenumbers", "prefect.flow_engine", "prefect.deployments.steps.core")


def main() -> NoReturn:
    """Import everything, serve, and run the flow run of each request in its process."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before its import: threads do not survive a fork
    code = files_of(*(ROOT / name for name in CODE))
    for name in LATE:
        import_module(name)
    for found in pkgutil.iter_modules([str(ROOT / "flows")], "flows."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    request = accept_forks(read_settings().runs_socket, lambda: files_of(*(ROOT / name for name in CODE)) != code)

    from prefect.context import refresh_global_settings_context

    refresh_global_settings_context()
    end_with(partial(runpy.run_module, request.arguments[0], run_name="__main__", alter_sys=True))


if __name__ == "__main__":
    keep_private()
    main()
