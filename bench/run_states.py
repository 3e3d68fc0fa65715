"""``python -m bench.run_states DEPLOYMENT COUNT``: run a deployment again and again; print its times.

One line of JSON a run: seconds from its creation to Pending, to Running and to its end, by the clock of the server.
"""

import json
import sys
import time

from prefect.client.orchestration import get_client


def main(name: str, count: int) -> None:
    """Start one run after the other, as a click does."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(f"{name}/{name}")
        for _ in range(count):
            run = client.create_flow_run_from_deployment(deployment.id)
            while (state := client.read_flow_run(run.id).state) is None or not state.is_final():
                time.sleep(0.2)
            states = {found.name: found.timestamp for found in client.read_flow_run_states(run.id)}
            start = states["Scheduled"]
            ends = {word: (states[word] - start).total_seconds() for word in ("Pending", "Running", state.name)}
            print(json.dumps({"pending": ends["Pending"], "running": ends["Running"], "end": ends[state.name]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
