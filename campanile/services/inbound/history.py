"""Read a provider's histories page by page from a cursor, within limits; from the beginning if the cursor is lost."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from campanile.gateways.transport import clock
from campanile.services.billing.alerts import alert
from campanile.services.context import Context
from campanile.services.input_checks import require_actor, require_reason
from campanile.sms.errors import GatewayDenied, GatewayError
from campanile.store.billing.alerts import clear_alert
from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.database import Transaction
from campanile.store.inbound.histories import (
    CALLBACKS,
    History,
    history_of,
    move_cursor,
    put_history,
    rewind_cursors,
)
from schemas.gateway import Page

S = TypeVar("S")
T = TypeVar("T")
#: Items that one transaction takes: it lasts well under a second, also on a busy machine.
AT_ONCE = 1000
RENUMBERED = "numbered anew"
#: Cursors that have another name in the store than for users.
_CURSORS = {"delivery_reports": "reports"}
UNFINISHED = "no end"


class HistoryRead(NamedTuple):
    """The result of a reading.

    Attributes:
        new_count: how many items were new.
        unfinished_count: readings in a row, with this one, that stopped before the history's end; 0: it was reached.
        renumbered: why the stored cursor is no longer valid, so that all items are read again; empty: it is valid.
        loops: whether a page led back to one that this reading had read: the history has no end that can be reached.
    """

    new_count: int
    unfinished_count: int
    renumbered: str
    loops: bool = False


def read_history(
    context: Context,
    gateway: str,
    name: str,
    read: Callable[[str], Page[S]],
    convert: Callable[[Sequence[S]], T],
    keep: Callable[[Transaction, str, T], int],
    *,
    at_once: int | None = None,
) -> HistoryRead:
    """Read a history from its cursor to its end; the cursor moves with the last items of a page.

    Items are converted and validated outside of any transaction, and stored in transactions of ``AT_ONCE``. With
    ``at_once``, the items of several pages are stored together, at least so many if there are, with the cursor of the
    last page.

    If a provider renumbers a history (it names another epoch, refuses the cursor, or counts back), the history is read
    again from its beginning; known items are not stored twice. A reading stops when the history does not end within
    ``SMS_HISTORY_PAGES`` and ``SMS_HISTORY_SECONDS``, or when a page leads back to one that was read; the next one
    continues from its cursor.

    Raises:
        GatewayError: a page could not be read; those before it are stored.
        FrameError: items are not what their frame requires; nothing of their page is stored.
    """
    ends_at, count, renumbered = clock() + context.settings.history_seconds, 0, ""
    with context.transaction(read_only=True) as tx:
        known = history_of(tx, gateway, name)
    first = known.cursor
    seen, loops = {first}, False
    pages_left = context.settings.history_pages
    while pages_left > 0:
        pages_left -= 1
        page, lost = _read_page(read, known, is_first=known.cursor == first and not renumbered)
        if lost and renumbered:  # a second time in one reading: the answers contradict each other
            break
        if page is None:
            renumbered = lost
            known = _start_again(context, gateway, name, known)
            seen = {known.cursor}
            continue
        page, read_count = _with_next_pages(read, page, known.cursor, at_once or 0, pages_left, ends_at)
        pages_left -= read_count
        is_last = not page.has_more and not page.items
        *earlier, last = [convert(part) for part in in_parts(page.items, at_once)]
        count += sum(_keep_part(context, gateway, part, keep) for part in earlier)
        with context.transaction() as tx:
            count += keep(tx, gateway, last)
            kept = move_cursor(tx, gateway, name, page.cursor, is_last=is_last, after=known.cursor)
            if kept == page.cursor:
                put_history(tx, gateway, name, page.epoch, 0 if is_last else known.unfinished_count)
                if is_last and known.unfinished_count:
                    clear_alert(tx, _kind(UNFINISHED, name), gateway)
            known = history_of(tx, gateway, name)
        if is_last and kept == page.cursor:
            return HistoryRead(count, 0, renumbered)
        loops = kept == page.cursor and page.cursor in seen
        seen = seen | {page.cursor} if kept == page.cursor else {known.cursor}
        if loops or clock() >= ends_at:
            break
    return HistoryRead(count, _count_unfinished(context, gateway, name), renumbered, loops)


def in_parts(items: Sequence[T], most: int | None = None) -> list[list[T]]:
    """Split items into parts of ``most`` (``AT_ONCE``), for one transaction each; there is at least one part."""
    size = most or AT_ONCE
    return [list(items[start : start + size]) for start in range(0, len(items), size)] or [[]]


def reset_history(context: Context, gateway: str, name: str, actor: str, reason: str) -> str:
    """Reset the cursor of a history, so that the next run reads it again from its beginning; return one line.

    Raises:
        SmsError: there is no such gateway or history, or actor or reason is empty.
    """
    actor, why = require_actor(actor), require_reason(reason)
    context.manifest(gateway)
    with context.transaction() as tx:
        cursor_name = _CURSORS.get(name, name)
        kept = rewind_cursors(tx, gateway, [cursor_name, f"{cursor_name}{CALLBACKS}"])
        entry = {"cursor": next(iter(kept.values())), "reason": why}
        put_setting(tx, f"reset_cursor.{gateway}.{name}", entry, actor)
    words = name.replace("_", "-")
    line = (
        f"{actor} reset the cursor of the {words} of {gateway} (it was {entry['cursor'] or 'empty'}); the next run "
        "reads all of them again, and known ones are not stored twice"
    )
    context.log.info(line)
    return line


def report_history(context: Context, gateway: str, name: str, found: HistoryRead) -> None:
    """Log problems of a reading; alert the team if a history was renumbered, or did not end twice in a row.

    An alert that cannot be delivered stays open and is tried again; the run continues.
    """
    words = name.replace("_", "-").replace(CALLBACKS, " by callback")
    if found.renumbered:
        _alert(
            context,
            gateway,
            _kind(RENUMBERED, name),
            f"gateway {gateway} renumbered its {words}: {found.renumbered}. All of them are read again from the "
            "beginning, and known ones are not stored twice. Find out what the provider restored or created again",
            reopens=True,
        )
    if found.unfinished_count:
        settings = context.settings
        limits = f"did not end within {settings.history_pages} pages or {settings.history_seconds:g} s"
        what = "have a page that leads back to an earlier one" if found.loops else limits
        line = (
            f"the {words} of gateway {gateway} {what}, {found.unfinished_count} times in a row; "
            f"{found.new_count} were new. The next run continues from there"
        )
        context.log.warning(line)
        if found.unfinished_count > 1:
            waits = "" if name.startswith("reports") else "; no campaign is sent until the end is reached"
            _alert(context, gateway, _kind(UNFINISHED, name), f"{line}{waits}. If this continues, ask the provider")


def _alert(context: Context, gateway: str, kind: str, line: str, *, reopens: bool = False) -> None:
    context.log.error(line)
    if reopens:
        with context.transaction() as tx:
            clear_alert(tx, kind, gateway)
    alert(context, kind, gateway, line)


def _kind(what: str, name: str) -> str:
    return f"{what}: {name}"


def _keep_part(context: Context, gateway: str, part: T, keep: Callable[[Transaction, str, T], int]) -> int:
    with context.transaction() as tx:
        return keep(tx, gateway, part)


def _read_page(read: Callable[[str], Page[T]], known: History, *, is_first: bool) -> tuple[Page[T] | None, str]:
    """Return the next page, or None and why the cursor is no longer valid.

    A refusal is due to the cursor if the beginning of the history can be read.
    """
    try:
        page = read(known.cursor)
    except GatewayDenied as error:
        if not known.cursor:
            raise
        read("")
        return None, f"it refuses cursor {known.cursor} ({error})"
    lost = _why_lost(known, page, is_first=is_first) if known.cursor else ""
    return (None, lost) if lost else (page, "")


def _with_next_pages(
    read: Callable[[str], Page[T]], page: Page[T], cursor: str, at_least: int, most_pages: int, ends_at: float
) -> tuple[Page[T], int]:
    """Add the items of the next pages to a page until there are ``at_least``; return it, and how many were added.

    It ends before a page that cannot be read or that belongs to another numbering: the next reading meets that page
    first. It ends at a page that leads back. A page that ends the history is read again, alone.
    """
    items, seen, count = list(page.items), {cursor}, 0
    while page.items and len(items) < at_least and count < most_pages and clock() < ends_at and page.cursor not in seen:
        seen.add(page.cursor)
        try:
            found = read(page.cursor)
        except GatewayError:
            break
        if not found.items or found.epoch != page.epoch:
            break
        items += found.items
        page, count = found, count + 1
    return replace(page, items=items), count


def _why_lost(known: History, page: Page[T], *, is_first: bool) -> str:
    """Return why a page shows that the cursor belongs to another numbering; empty: it does not.

    If neither epoch nor refusal shows it, the numbers do: a numeric cursor never goes back, and numeric ids are above
    it. Only the first page of a reading is compared in this way: within one reading nothing is renumbered.
    """
    if known.epoch and page.epoch != known.epoch:
        return f"it names epoch {page.epoch or 'none'} instead of {known.epoch}"
    if not is_first or not known.cursor.isdecimal():
        return ""
    at = int(known.cursor)
    if page.cursor.isdecimal() and int(page.cursor) < at:
        return f"its cursor went back from {at} to {page.cursor}"
    ids = [str(_id_of(item)) for item in page.items]
    if ids and all(found.isdecimal() for found in ids) and max(map(int, ids)) < at:
        return f"its newest id {max(map(int, ids))} is below cursor {at}"
    return ""


def _id_of(item: object) -> object:
    return getattr(item, "gateway_reply_id", getattr(item, "report_id", ""))


def _start_again(context: Context, gateway: str, name: str, known: History) -> History:
    with context.transaction() as tx:
        if history_of(tx, gateway, name).cursor == known.cursor:  # another reading may have been first
            rewind_cursors(tx, gateway, [name])
        return history_of(tx, gateway, name)


def _count_unfinished(context: Context, gateway: str, name: str) -> int:
    with context.transaction() as tx:
        known = history_of(tx, gateway, name)
        put_history(tx, gateway, name, known.epoch, known.unfinished_count + 1)
        return known.unfinished_count + 1
