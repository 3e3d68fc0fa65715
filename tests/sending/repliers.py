"""Readers of replies, as processes: ``python -m tests.sending.repliers SOCKET`` forks one for each test."""

import json
import logging
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from campanile.services.context import Context
from campanile.services.inbound.auto_answers import plan_answers
from campanile.services.inbound.sync import sync_opt_outs
from campanile.services.sending.campaign_run import close_run, open_run, send_run
from campanile.store.inbound.histories import cursor_of
from schemas.campaign_rows import Campaign
from schemas.gateway import IncomingReply, Page, ProviderOptOut
from tests.fork_server import Line, serve_forks
from tests.stores import context_on

OPENING_SECONDS = 30.0


class Deliveries:
    """The real sandbox, but for its replies: a file has them in pages, each reply as often as it is delivered.

    One page is new at each reading, so that answers are sent between the pages.
    """

    def __init__(self, gateway: Any, path: Path) -> None:
        self._gateway, self._pages = gateway, json.loads(path.read_text())
        self._was_read = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    def is_read_to(self, cursor: str) -> bool:
        return int(cursor or 0) >= len(self._pages)

    def replies(self, cursor: str) -> Page[IncomingReply]:
        position = int(cursor or 0)
        self._was_read = not self._was_read
        if not self._was_read or position >= len(self._pages):
            self._was_read = False
            return Page([], cursor)
        items = [IncomingReply(*item[:3], datetime.fromisoformat(item[3])) for item in self._pages[position]]
        return Page(items, str(position + 1))

    def opt_outs(self, cursor: str) -> Page[ProviderOptOut]:
        return Page([], cursor)


def process_replies(context: Context) -> bool:
    """Read a page, plan the answers and send them, as the flow does; return whether there is nothing left to do."""
    sync_opt_outs(context, "sandbox")
    plan_answers(context, "sandbox")
    with context.transaction(read_only=True) as tx:
        standing = tx.find(Campaign, "campaign.find_standing", kind="auto_reply", gateway="sandbox")
        cursor = cursor_of(tx, "sandbox", "replies")
    if standing is not None and standing.due_at is not None:
        _send(context, standing.name)
        time.sleep(0.02)  # what a killed reader posted waits until it can be asked for
        return False
    return bool(context.gateway("sandbox").is_read_to(cursor))  # type: ignore[attr-defined]


def _send(context: Context, name: str) -> None:
    """Send what waits; the lease of a reader that was killed must end first."""
    give_up_at = time.monotonic() + OPENING_SECONDS
    while True:
        sending, opened = open_run(context, name, None)
        if opened.lease is not None:
            close_run(context, sending, send_run(context, sending, lambda _: None))
            return
        if "by another run" not in opened.why or time.monotonic() > give_up_at:
            return
        time.sleep(0.01)


def work(line: Line, job: Mapping[str, Any]) -> None:
    """Process replies until nothing is left to do."""
    shift = timedelta(seconds=job["shift_seconds"])
    context = context_on(Path(job["store"]), lambda: datetime.now(UTC) + shift, **job["settings"])
    context._gateways["sandbox"] = Deliveries(context.gateway("sandbox"), Path(job["deliveries"]))  # type: ignore[assignment]
    line.send({"began": True})
    try:
        while not process_replies(context):
            pass
    except BaseException as error:  # noqa: BLE001 - the test must see any error
        line.send({"failed": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()})
    else:
        line.send({"done": True})


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    serve_forks(work)
