"""Reading a provider's histories: page by page after a cursor, bounded, and from the beginning where that is lost."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from campanile.gateways.transport import clock
from campanile.services.billing.alerts import alert
from campanile.services.context import Context
from campanile.services.input_checks import require_actor, require_reason
from campanile.sms.errors import GatewayDenied
from campanile.store.billing.alerts import clear_alert
from campanile.store.billing.operator_settings import put_setting
from campanile.store.db.database import Transaction
from campanile.store.inbound.inbound import History, history_of, move_cursor, put_history, rewind_cursors
from schemas.gateway import Page

S = TypeVar("S")
T = TypeVar("T")
#: Items that one transaction takes: it lasts well under a second, also on a busy machine.
AT_ONCE = 1000
RENUMBERED = "numbered anew"
#: What the store calls a cursor otherwise than people do.
_CURSORS = {"delivery_reports": "reports"}
UNFINISHED = "no end"


class HistoryRead(NamedTuple):
    """What a reading brought.

    Attributes:
        new_count: how many items were new.
        unfinished_count: readings in a row, with this one, that were ended before the history's end; 0: it was reached.
        renumbered: why the cursor that was kept means nothing any more, so that all is read anew; empty: it does.
    """

    new_count: int
    unfinished_count: int
    renumbered: str


def read_history(
    context: Context,
    gateway: str,
    name: str,
    read: Callable[[str], Page[S]],
    convert: Callable[[Sequence[S]], T],
    keep: Callable[[Transaction, str, T], int],
) -> HistoryRead:
    """Read a history from its cursor to its end; the cursor moves with the last items of a page.

    Items are converted and validated outside of any transaction, and kept in transactions of ``AT_ONCE``.

    A provider that numbers anew (it names another epoch, refuses the cursor, or counts back) is read again from its
    beginning: what was read before is kept once. A list that does not end within ``SMS_HISTORY_PAGES`` and
    ``SMS_HISTORY_SECONDS`` is left there; the next reading goes on from its cursor.

    Raises:
        GatewayError: a page could not be read; those before it are kept.
        FrameError: items are not what their frame requires; nothing of their page is kept.
    """
    ends_at, count, renumbered = clock() + context.settings.history_seconds, 0, ""
    with context.transaction(read_only=True) as tx:
        known = history_of(tx, gateway, name)
    first = known.cursor
    for _ in range(context.settings.history_pages):
        page, lost = _read_page(read, known, is_first=known.cursor == first and not renumbered)
        if lost and renumbered:  # a second time: it says one thing, then another
            break
        if page is None:
            renumbered = lost
            known = _start_anew(context, gateway, name, known)
            continue
        is_last = not page.has_more and (not page.items or page.cursor == known.cursor)
        *earlier, last = [convert(part) for part in in_parts(page.items)]
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
        if clock() >= ends_at:
            break
    return HistoryRead(count, _count_unfinished(context, gateway, name), renumbered)


def in_parts(items: Sequence[T]) -> list[list[T]]:
    """Return the items in parts that one transaction takes; one empty part when there are none."""
    return [list(items[start : start + AT_ONCE]) for start in range(0, len(items), AT_ONCE)] or [[]]


def reset_history(context: Context, gateway: str, name: str, actor: str, reason: str) -> str:
    """Have the next run read a history again from its beginning; return one line.

    Raises:
        SmsError: there is no such gateway or history, or who does it and why is not said.
    """
    who, why = require_actor(actor), require_reason(reason)
    context.manifest(gateway)
    with context.transaction() as tx:
        kept = rewind_cursors(tx, gateway, [_CURSORS.get(name, name)])
        told = {"cursor": next(iter(kept.values())), "reason": why}
        put_setting(tx, f"reset_cursor.{gateway}.{name}", told, who)
    words = name.replace("_", "-")
    line = (
        f"{who} reset the cursor of the {words} of {gateway} (it was {told['cursor'] or 'empty'}); the next run reads "
        "all of them again, and what is known is kept once"
    )
    context.log.info(line)
    return line


def report_history(context: Context, gateway: str, name: str, found: HistoryRead) -> None:
    """Log what a reading met; alert the team of a list numbered anew, and of one that does not end, twice in a row.

    An alert that cannot be delivered stays open and is tried again; reading goes on.
    """
    words = name.replace("_", "-")
    if found.renumbered:
        _alert(
            context,
            gateway,
            _kind(RENUMBERED, name),
            f"gateway {gateway} numbers its {words} anew: {found.renumbered}. All of them are read again from the "
            "beginning, and what is known is kept once. Find out what was restored or made anew there",
            anew=True,
        )
    if found.unfinished_count:
        line = (
            f"the {words} of gateway {gateway} did not come to an end within {context.settings.history_pages} pages or "
            f"{context.settings.history_seconds:g} s, {found.unfinished_count} times in a row; "
            f"{found.new_count} were new. The next run goes on from there"
        )
        context.log.warning(line)
        if found.unfinished_count > 1:
            kept = "" if name == "reports" else "; no campaign is sent before its end was reached"
            _alert(context, gateway, _kind(UNFINISHED, name), f"{line}{kept}. If that goes on, ask the provider")


def _alert(context: Context, gateway: str, kind: str, line: str, *, anew: bool = False) -> None:
    context.log.error(line)
    if anew:
        with context.transaction() as tx:
            clear_alert(tx, kind, gateway)
    alert(context, kind, gateway, line)


def _kind(what: str, name: str) -> str:
    return f"{what}: {name}"


def _keep_part(context: Context, gateway: str, part: T, keep: Callable[[Transaction, str, T], int]) -> int:
    with context.transaction() as tx:
        return keep(tx, gateway, part)


def _read_page(read: Callable[[str], Page[T]], known: History, *, is_first: bool) -> tuple[Page[T] | None, str]:
    """Return the next page, or none and why the cursor means nothing any more.

    A refusal is the cursor's fault where the beginning can be read all the same.
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


def _why_lost(known: History, page: Page[T], *, is_first: bool) -> str:
    """Return how a page shows that its numbering is not the one that the cursor is of, or nothing.

    Where neither names nor refusals tell, numbers do: a cursor that counts does not go back, and ids that count are
    above it. Only of the first page of a reading: within one reading nothing is numbered anew.
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


def _start_anew(context: Context, gateway: str, name: str, known: History) -> History:
    with context.transaction() as tx:
        if history_of(tx, gateway, name).cursor == known.cursor:  # another reading may have been first
            rewind_cursors(tx, gateway, [name])
        return history_of(tx, gateway, name)


def _count_unfinished(context: Context, gateway: str, name: str) -> int:
    with context.transaction() as tx:
        known = history_of(tx, gateway, name)
        put_history(tx, gateway, name, known.epoch, known.unfinished_count + 1)
        return known.unfinished_count + 1
