"""Delete what is older than the retention settings allow, at night."""

from tasks.persons import publish_purge
from tasks.refusals import flow
from tasks.run_lock import one_at_a_time
from tasks.watch import watched


@flow(name="purge-old-data")
@one_at_a_time()
def purge_old_data() -> str:
    """Delete old messages, replies, files, copies of the store and runs, as the settings SMS_KEEP_..._DAYS say.

    Opt-outs and the proof of consent stay, and so does what a campaign, an unknown message or a reconciliation needs.
    """
    with watched("purge-old-data"):
        return publish_purge()
