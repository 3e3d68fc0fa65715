"""Find the messages of delivery reports.

The work depends on the reports and on the campaigns that they touch. The messages of new reports are searched for in
the campaigns that may still get reports, then in Campanile's own, and only what is found in neither in all others:
once. A report that found no message waits, and is compared with what is recorded from then on.
"""

import json
from datetime import timedelta

import pandas as pd

from campanile.store.db.database import Transaction
from campanile.store.ledger.events import put_state
from schemas.inbound_rows import GatewayState, LogEnds, UnfoundReports

#: The name of the end of the log up to which the waiting reports of a gateway were compared.
_SEARCHED = "reports_searched"
#: The steps of a search, by the campaigns that ``report.stage_campaigns`` and ``report.stage_touched`` give them.
_TOUCHED = 0
_STEPS = (1, 2, 3)
#: The columns that identify a report.
_SAYS = ["report_id", "gateway_message_id", "client_ref", "status"]


def log_ends(tx: Transaction) -> LogEnds:
    """Return where the log ends: up to there, the reports of this transaction are compared."""
    return tx.get(LogEnds, "report.log_ends")


def searched_ends(tx: Transaction, gateway: str) -> LogEnds:
    """Return the end of the log up to which the waiting reports of a gateway were compared."""
    found = tx.find(GatewayState, "state.get", gateway=gateway, name=_SEARCHED)
    return LogEnds(0, 0) if found is None else LogEnds(*json.loads(found.value))


def put_searched(tx: Transaction, gateway: str, ends: LogEnds) -> None:
    """Write the end of the log up to which the waiting reports were compared, if it changed."""
    if searched_ends(tx, gateway) != ends:
        put_state(tx, gateway, _SEARCHED, json.dumps(ends))


def stage_reports(
    tx: Transaction, gateway: str, reports: pd.DataFrame, horizon: timedelta, *, with_waiting: bool
) -> int:
    """Stage reports with the messages that they concern; return how many are new.

    Args:
        tx: the open transaction.
        gateway: the gateway; messages of another one are never found.
        reports: ``DeliveryReports``. Those that are stored already are left out.
        horizon: how long after the acceptance reports may come: campaigns that changed since are searched first.
        with_waiting: stage the stored reports that are not applied yet, too.
    """
    with tx.staged("report.stage_new", staged_rows=_numbered(reports)):
        new_count = tx.run("report.stage_new")
    tx.run("report.stage_found")
    tx.run("report.stage_campaigns", gateway=gateway, since=tx.at - horizon)
    if with_waiting:
        tx.run("report.stage_waiting", gateway=gateway)
        tx.run("report.stage_touched", gateway=gateway, event_id=searched_ends(tx, gateway).event_id)
        _find(tx, _TOUCHED)
        tx.run("report.bind")
    for step in _STEPS if new_count else ():
        _find(tx, step)
    return new_count - tx.run("report.drop_known", gateway=gateway) if new_count else 0


def _numbered(reports: pd.DataFrame) -> pd.DataFrame:
    """Return each report once, in the order of time. A report is known by all that it says of a message.

    A provider that restarts its numbering gives an old id to a new report.
    """
    repeated = reports[reports["report_id"].duplicated(keep=False)]
    once = reports.drop(index=repeated.index[repeated.duplicated(_SAYS)])
    return once.sort_values("reported_at", kind="stable").assign(position=range(1, len(once) + 1))


def _find(tx: Transaction, step: int) -> None:
    """Find messages in the campaigns of a step, for the reports that have none yet."""
    unfound = tx.get(UnfoundReports, "report.count_unfound", step=step)
    if unfound.first_campaign_id is None:
        return
    between = {"first_campaign_id": unfound.first_campaign_id, "last_campaign_id": unfound.last_campaign_id}
    if unfound.ref_count:
        tx.run("report.find_by_ref", step=step, **between)
    if unfound.id_count:
        tx.run("report.find_by_id", step=step, **between)
