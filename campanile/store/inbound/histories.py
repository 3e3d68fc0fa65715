"""How far the histories of a gateway were read: the cursor of each, and what a reading found besides."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from campanile.sms.errors import CampaignError
from campanile.store.db.database import Transaction
from campanile.store.ledger.events import put_state
from schemas.inbound_rows import GatewayState

#: The histories that a gateway lists, by the names of their cursors.
POLLED = ("replies", "opt_outs", "reports")
#: The end of the name of a history's callbacks, which are read from a cursor of their own.
CALLBACKS = ".callbacks"
#: The histories that are read from a gateway page by page.
HISTORIES = (*POLLED, *(f"{name}{CALLBACKS}" for name in POLLED))
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class History(NamedTuple):
    """How far a history was read.

    Attributes:
        cursor: the next page begins after it; empty: at the beginning.
        epoch: the name of the numbering that the cursor belongs to; empty: the provider gave none.
        unfinished_count: readings in a row that stopped before the end of the history.
    """

    cursor: str
    epoch: str = ""
    unfinished_count: int = 0


def history_of(tx: Transaction, gateway: str, name: str) -> History:
    """Return how far one of the ``HISTORIES`` of a gateway was read."""
    found = _state_of(tx, gateway, _about(name))
    return History(cursor_of(tx, gateway, name), **json.loads(found.value) if found else {})


def put_history(tx: Transaction, gateway: str, name: str, epoch: str, unfinished_count: int) -> None:
    """Write what a reading found besides its cursor, if it changed."""
    found = history_of(tx, gateway, name)
    known = {"epoch": epoch, "unfinished_count": unfinished_count}
    if known != {"epoch": found.epoch, "unfinished_count": found.unfinished_count}:
        put_state(tx, gateway, _about(name), json.dumps(known))


def cursor_of(tx: Transaction, gateway: str, name: str) -> str:
    """Return the cursor of one of the ``HISTORIES`` of a gateway; empty: never read."""
    found = _state_of(tx, gateway, name)
    return "" if found is None else found.value


def move_cursor(
    tx: Transaction, gateway: str, name: str, cursor: str, *, is_last: bool = True, after: str | None = None
) -> str:
    """Write the cursor of a history, and when it was read; return the cursor from which reading continues.

    Only the last page of a reading sets the time. ``after`` is the cursor that the page was read from: if another
    cursor was written meanwhile, nothing is written, so a cursor that was rewound stays rewound.
    """
    found = _state_of(tx, gateway, name)
    kept = "" if found is None else found.value
    if after is not None and kept != after:
        return kept
    put_state(tx, gateway, name, cursor, tx.at if is_last else found.changed_at if found else _NEVER)
    return cursor


def rewind_cursors(tx: Transaction, gateway: str, names: Sequence[str] = HISTORIES) -> dict[str, str]:
    """Rewind histories of a gateway to their beginning; return the cursors that they had, by name.

    An item that is read again is stored once. Replies and opt-outs count as never read until a reading reaches their
    end: no campaign claims anything before. The next reading of each history begins at its beginning.

    Args:
        tx: the open transaction.
        gateway: the gateway.
        names: some of ``HISTORIES``.

    Raises:
        CampaignError: there is no history of such a name.
    """
    if unknown := [name for name in names if name not in HISTORIES]:
        raise CampaignError(f"history {unknown[0]!r} is unknown; give one of {', '.join(HISTORIES)}")
    kept = {name: cursor_of(tx, gateway, name) for name in names}
    for name in names:
        put_state(tx, gateway, name, "", _NEVER)
        put_history(tx, gateway, name, "", history_of(tx, gateway, name).unfinished_count)
    return kept


def _about(name: str) -> str:
    return f"{name}.history"


def _state_of(tx: Transaction, gateway: str, name: str) -> GatewayState | None:
    return tx.find(GatewayState, "state.get", gateway=gateway, name=name)
