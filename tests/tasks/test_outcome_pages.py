"""The pages of runs without a campaign: what was done, the next steps, no active markup and no unmasked number."""

import pytest

from campanile.services.context import Context
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.inbound.auto_responder import put_auto_responder
from tasks import outcome_pages

PAGE = "http://ui/deployments/deployment/1"


@pytest.fixture(autouse=True)
def published(context: Context, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An empty store, a server with all deployments, and the pages by their keys."""
    pages: dict[str, str] = {}
    monkeypatch.setattr("tasks.run_links._deployment_pages", lambda names: dict.fromkeys(names, PAGE))
    monkeypatch.setattr(outcome_pages, "publish_unless_away", lambda key, page, _: pages.update({key: page}))
    return pages


def test_the_balance(published: dict[str, str]) -> None:
    outcome_pages.publish_balance.fn("sandbox", "gateway sandbox: balance 12.00 EUR, 3.00 EUR committed")
    assert "# Balance of sandbox\n\ngateway sandbox: balance 12.00 EUR, 3.00 EUR" in published["balance-sandbox"]
    assert f"**[Check the balance]({PAGE}/run?parameters=%7B%7D)**" in published["balance-sandbox"]


def test_replies(context: Context, published: dict[str, str]) -> None:
    outcome_pages.publish_replies.fn("sandbox")
    assert "No reply has come yet." in published["replies-sandbox"]
    with context.transaction() as tx:
        tx.execute(
            "INSERT INTO reply BY NAME SELECT 1 AS reply_id, 'sandbox' AS gateway, '1' AS gateway_reply_id, "
            "'+33612345678' AS sender, 'STOP' AS text, 'stop' AS verdict, 'stop' AS answer, "
            "TIMESTAMPTZ '2026-11-23 07:00+00' AS received_at, TIMESTAMPTZ '2026-11-23 07:00+00' AS recorded_at"
        )
    outcome_pages.publish_replies.fn("sandbox")
    assert "| stop | none: refusals and automatic replies get none | 1 |" in published["replies-sandbox"]
    assert "[Review replies](" in published["replies-sandbox"]
    assert "612345678" not in published["replies-sandbox"]


def test_delivery_reports_that_move_nothing_leave_the_page(published: dict[str, str]) -> None:
    outcome_pages.publish_reports.fn("sandbox", {})
    assert published == {}
    outcome_pages.publish_reports.fn("sandbox", {"delivered": 1200})
    assert "| delivered to the phone | 1 200 |" in published["delivery-reports-sandbox"]


def test_the_auto_responder(context: Context, published: dict[str, str]) -> None:
    with context.transaction() as tx:
        put_auto_responder(tx, AutoResponder(True, "# Merci <b>", "reply", 500, None, 5), "ada")
    outcome_pages.publish_auto_responder.fn("the auto-responder is on")
    assert "Each reply is answered, with:\n\n> \\# Merci &lt;b&gt;" in published["auto-responder"]
    assert "[Switch it off](" in published["auto-responder"]


def test_an_opt_out_is_masked(published: dict[str, str]) -> None:
    outcome_pages.publish_opt_out.fn("06 12 34 56 78", True)
    assert "is opted out from now on: no campaign writes to it." in published["opt-out"]
    assert "12 34 56" not in published["opt-out"]


def test_the_red_button_without_campaigns(published: dict[str, str]) -> None:
    outcome_pages.publish_stopped.fn("no campaign was on its way")
    assert "0 campaigns paused now." in published["stop-everything"]
