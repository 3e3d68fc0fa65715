"""The callbacks of a gateway as histories, read page by page from the spool as those of the provider are."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from campanile.gateways.callbacks.spool import Callback, read_epoch, read_spool
from campanile.gateways.callbacks.table import Read
from campanile.gateways.http import UNREADABLE
from campanile.sms.errors import GatewayAmbiguous
from schemas.gateway import Page

T = TypeVar("T")
PAGE_LIMIT = 1_000


def histories_of(
    spool: Path, readers: Mapping[str, Read], limit: int = PAGE_LIMIT
) -> dict[str, Callable[[str], Page[Any]]]:
    """Return how each history of a spool is read, by its name; ``limit``: callbacks of a page."""
    return {
        history: partial(read_callbacks, spool, history, partial(_read_each, read), limit=limit)
        for history, read in readers.items()
    }


def read_callbacks(
    spool: Path,
    history: str,
    read_all: Callable[[Sequence[Callback]], Sequence[T]],
    cursor: str,
    limit: int = PAGE_LIMIT,
) -> Page[T]:
    """Return the items of the callbacks after a cursor.

    Raises:
        GatewayDenied: the cursor is none of this spool.
        GatewayAmbiguous: a callback cannot be read.
    """
    epoch = read_epoch(spool)  # first: read after the callbacks it could be that of a newer spool
    callbacks, after = read_spool(spool, history, cursor, limit)
    try:
        items = read_all(callbacks) if callbacks else ()
    except UNREADABLE as error:
        why = f"{type(error).__name__} before {after}"
        raise GatewayAmbiguous(f"a callback of {history} in {spool} cannot be read ({why})") from None
    return Page(items, after, has_more=bool(callbacks) and not items, epoch=epoch)


def _read_each(read: Read, callbacks: Sequence[Callback]) -> list[object]:
    return [item for callback in callbacks for item in read(callback.content, callback.received_at)]
