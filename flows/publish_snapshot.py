"""Publish the tables for analysts as Parquet files."""

from tasks.outcome_pages import publish_snapshot_line
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.store import write_snapshot
from tasks.watch import watched


@flow(name="publish-snapshot")
@one_at_a_time()
def publish_snapshot() -> str:
    """Write campaigns, messages, replies, costs and list quality to `data/snapshot/`, without numbers in clear."""
    with watched("publish-snapshot"):
        line = write_snapshot()
        publish_snapshot_line(line)
    return line
