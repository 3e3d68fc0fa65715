"""The cursor of a history that an adapter keeps itself: bounded, and only its own."""

from datetime import UTC, datetime

import pytest

from campanile.gateways.history_cursor import MAX_PAGES, HistoryCursor, HistoryPage, read_on
from campanile.sms.errors import GatewayDenied
from schemas.gateway import IncomingReply

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)


def test_pages_without_anything_for_us_do_not_hang_a_call() -> None:
    """A provider whose list of other people's messages has always a next page."""
    asked: list[HistoryCursor] = []

    def history_page(current: HistoryCursor) -> HistoryPage[IncomingReply]:
        asked.append(current)
        return HistoryPage((), [(AT, True)], f"page {len(asked)}")

    page = read_on("", history_page)
    assert (len(page.items), page.has_more, len(asked)) == (0, True, MAX_PAGES)
    assert HistoryCursor.parse(read_on(page.cursor, history_page).cursor).next_page == f"page {2 * MAX_PAGES}"


@pytest.mark.parametrize("cursor", ["12", "{", '{"since": "yesterday"}', '{"unknown": 1}', "[1]"])
def test_a_cursor_of_another_gateway_is_refused_as_one(cursor: str) -> None:
    with pytest.raises(GatewayDenied, match="no cursor"):
        HistoryCursor.parse(cursor)
