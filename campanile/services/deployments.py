"""Read ``prefect.yaml``: the intervals of the scheduled deployments, and the work queues."""

from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from campanile.sms.errors import ConfigurationError

FILE = Path(__file__).parents[2] / "prefect.yaml"


class Deployments(NamedTuple):
    """Intervals of the active schedules by flow, the names of the queues, and their pool."""

    intervals: dict[str, timedelta]
    queues: frozenset[str]
    pool: str


@lru_cache(maxsize=1)
def deployments() -> Deployments:
    """Read the file, once a process.

    Raises:
        ConfigurationError: it is missing, or is not in Prefect's format.
    """
    try:
        found = yaml.safe_load(FILE.read_text(encoding="utf-8"))["deployments"]
        pools = [item["work_pool"] for item in found]
        return Deployments(
            {item["name"]: min(spans) for item in found if (spans := _intervals(item))},
            frozenset(pool["work_queue_name"] for pool in pools),
            str(pools[0]["name"]),
        )
    except (OSError, yaml.YAMLError, LookupError, TypeError) as error:
        raise ConfigurationError(f"{FILE} cannot be read: {type(error).__name__} {error}") from error


def _intervals(item: dict[str, Any]) -> list[timedelta]:
    return [
        timedelta(seconds=schedule["interval"])
        for schedule in item.get("schedules", ())
        if schedule.get("active", True) and "interval" in schedule
    ]
