"""Reading in rounds, for providers that only list their history from a time on.

What stands in such a list goes on changing: a message is on its way, then delivered. So a round reads everything from
``since`` on, page by page, and the next round begins where the oldest was still on its way. Never later than
``overlap`` before the newest, for lists lag behind; never earlier than ``max_age`` before it, for some are on their
way for ever. Items come twice, then, and the store keeps each once; none is missed, and every reading ends.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Generic, Self, TypeVar

from campanile.gateways.http import UNREADABLE
from campanile.sms.errors import GatewayAmbiguous, GatewayDenied
from campanile.sms.text.masking import mask_numbers
from schemas.gateway import Page

T = TypeVar("T")
#: Pages without anything for us that one call passes over.
MAX_PAGES = 50
#: An item dated later than the provider's own clock by more than this is read, but no reading begins by its date.
MAX_AHEAD = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class HistoryPage(Generic[T]):
    """One page of the provider's list.

    Attributes:
        items: what of it concerns us.
        listed: when each message of the page was sent, whatever it is, and whether it is still on its way.
        next_page: where the list goes on; empty: nowhere.
        as_of: the provider's clock when it answered; None: it does not say.
    """

    items: Sequence[T]
    listed: Sequence[tuple[datetime, bool]]
    next_page: str = ""
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryCursor:
    """Where a reading stands. As a cursor it is JSON; times are ISO instants, empty ones unknown.

    Attributes:
        since: from when on this round reads; empty: from the first.
        next_page: the page of the provider's to read next; empty: the first.
        newest: the newest this round has seen.
        oldest_open: the oldest still on its way it has seen.
        is_over: it has read everything: the next page is empty, and so ends the reading.
    """

    since: str = ""
    next_page: str = ""
    newest: str = ""
    oldest_open: str = ""
    is_over: bool = False

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """Return the round a cursor tells of; the empty one begins the first.

        Raises:
            GatewayDenied: it is no cursor of ours.
        """
        if not cursor:
            return cls()
        try:
            found = cls(**json.loads(cursor))
            for instant in (found.since, found.newest, found.oldest_open):
                _known(instant)
        except (TypeError, ValueError):
            raise GatewayDenied(f"{cursor!r} is no cursor of this gateway's lists") from None
        return found

    def cursor(self) -> str:
        """Return the cursor that tells of this round."""
        return json.dumps(asdict(self))

    @property
    def starts_at(self) -> datetime | None:
        """From when on it reads; None: from the first."""
        return datetime.fromisoformat(self.since) if self.since else None

    def after(self, history_page: HistoryPage[T], overlap: timedelta, max_age: timedelta) -> "HistoryCursor":
        """Return the round with one more page read."""
        latest = None if history_page.as_of is None else history_page.as_of + MAX_AHEAD
        # guard: from-the-future
        believed = [sent_at for sent_at, _ in history_page.listed if latest is None or sent_at <= latest]
        instants = believed + _known(self.newest)
        opened = [sent_at for sent_at, is_open in history_page.listed if is_open] + _known(self.oldest_open)
        if history_page.next_page:
            return HistoryCursor(
                self.since, history_page.next_page, _iso(instants and max(instants)), _iso(opened and min(opened))
            )
        if not instants:
            return HistoryCursor(self.since, is_over=True)
        newest = max(instants)
        return HistoryCursor(_iso(max(newest - max_age, min([newest - overlap, *opened]))), is_over=True)


def read_on(
    cursor: str,
    read_page: Callable[[HistoryCursor], HistoryPage[T]],
    overlap: timedelta = timedelta(hours=1),
    max_age: timedelta = timedelta(days=3),
) -> Page[T]:
    """Return the next page that has items, or the empty one that ends a round, or one that says that it goes on.

    Raises:
        GatewayAmbiguous: an item of the list lacks something or makes no sense.
    """
    current = HistoryCursor.parse(cursor)
    for page_count in count():
        if current.is_over:
            break
        if page_count == MAX_PAGES:
            return Page((), current.cursor(), has_more=True)
        try:
            history_page = read_page(current)
        except GatewayDenied:
            if not current.next_page:
                raise
            # The position in the list was given out long ago, and is no longer known: the round begins again.
            return Page((), HistoryCursor(current.since).cursor(), has_more=True)
        except UNREADABLE as error:
            why = mask_numbers(f"{type(error).__name__}: {error}")
            raise GatewayAmbiguous(f"an item of the provider's list cannot be read: {why}") from None
        is_itself = bool(history_page.next_page) and history_page.next_page == current.next_page
        current = current.after(history_page, overlap, max_age)
        if history_page.items or is_itself:
            return Page(history_page.items, current.cursor(), has_more=bool(history_page.next_page))
    return Page((), replace(current, is_over=False).cursor())


def _known(instant: str) -> list[datetime]:
    return [datetime.fromisoformat(instant)] if instant else []


def _iso(instant: datetime | list[datetime]) -> str:
    return instant.isoformat() if isinstance(instant, datetime) else ""
