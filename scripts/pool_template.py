"""The job template of the work pool: ``python -m scripts.pool_template`` prints it, for a pool that is made by hand.

It is ``work-pool.json``, in which a run cannot set a command, environment or folder, else the API could start any
program. With ``SMS_WARM_RUNS`` it has the command that starts each run by ``scripts.run_server``.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from campanile.services.settings import Settings, read_settings
from campanile.sms.errors import SmsError

ROOT = Path(__file__).resolve().parents[1]
#: What a run is: Prefect's engine, as its process worker starts it.
ENGINE = "prefect.engine"


def pool_template(settings: Settings) -> dict[str, Any]:
    """Return the template for the workers of this installation."""
    template: dict[str, Any] = json.loads((ROOT / "work-pool.json").read_text(encoding="utf-8"))
    if settings.warm_runs:
        client = (sys.executable, "-I", "-S", ROOT / "campanile" / "services" / "fork_client.py")
        template["job_configuration"]["command"] = shlex.join(
            map(str, (*client, settings.runs_socket.resolve(), ENGINE))
        )
    return template


if __name__ == "__main__":
    try:
        print(json.dumps(pool_template(read_settings()), indent=2))
    except SmsError as refusal:
        sys.exit(str(refusal))
