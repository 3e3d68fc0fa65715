"""Results of a campaign: counts that were made by hand, and files that hold everybody once."""

import csv
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

from campanile.pages.result_views import ResultsView
from campanile.pages.results import results_file, results_page
from campanile.services.sending.results import read_results, write_page
from campanile.sms.errors import CampaignError
from tests.services.results_desk import ResultsDesk
from tests.store.conftest import number_of
from tests.stores import copy_store

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture(scope="module")
def desk(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResultsDesk]:
    desk = ResultsDesk(copy_store(empty_store, tmp_path_factory.mktemp("results") / "sms.duckdb"))
    yield desk
    assert desk.broken() == {}


@pytest.fixture(scope="module")
def view(desk: ResultsDesk) -> ResultsView:
    """Ten people and two exclusions: one message is refused, six delivered, two reply, three opt out."""
    desk.send("avant", [1, 2], text="Avant-première STOP 36111")
    left_out = pd.DataFrame(
        [[number_of(50 + row), f"+{number_of(50 + row)}", "opted_out", "clients", None, None] for row in range(2)],
        columns=["number_id", "msisdn", "reason", "origin", "import_id", "row_number"],
    )
    lease = desk._start("soldes", range(1, 11), {"per_slice": 10, "left_out": left_out})
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, *["accepted"] * 9, "rejected")
    desk.close(lease)
    got = claim.messages
    for message, seconds in zip(got[:5], (0, 4, 5, 3600, 10**6), strict=True):
        desk.deliver(message, seconds)
    desk.charge(got[5], "0.10", 2)
    desk.report(got[6], "undelivered", reason="absent")
    desk.clock.forward(minutes=5)
    desk.reply(1, "STOP")
    desk.reply(2, "C'est ouvert dimanche ? 06 12 34 56 78")
    desk.reply(2, "Merci")
    desk.reply(3, "STOP")
    desk.reply(10, "STOP")
    desk.list_opt_out(4)
    desk.list_opt_out(77)
    return read_results(desk.context, "soldes")


def read_csv(view: ResultsView, name: str) -> list[dict[str, str]]:
    text = (view.page.parent / f"{name}.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


def people(view: ResultsView, name: str) -> list[int]:
    return sorted(int(row["msisdn"].lstrip("'")) - number_of(0) for row in read_csv(view, name))


def test_the_funnel_counts_people_and_each_step_is_part_of_the_one_before(view: ResultsView) -> None:
    found = view.funnel
    assert (found.audience_count, found.message_count, found.accepted_count, found.delivered_count) == (12, 10, 9, 6)
    assert found.replied_count == 3, "1, 2 and 3; the message of 10 was refused"
    assert found.opted_out_count == 3, "1 and 3 by a reply, 4 on the gateway's list; 77 got nothing"


def test_the_campaign_before_has_no_opt_out_that_came_after_the_next_one(desk: ResultsDesk, view: ResultsView) -> None:
    assert read_results(desk.context, "avant").funnel.opted_out_count == 0


def test_the_time_to_delivery_is_that_of_the_report(view: ResultsView) -> None:
    curve = {row.seconds: row.delivered_count for row in view.curve}
    assert [curve[seconds] for seconds in (1, 5, 15, 900, 3600, 259_200)] == [2, 4, 4, 4, 5, 5]


def test_a_report_from_a_clock_that_is_behind_is_at_once_and_not_before(desk: ResultsDesk) -> None:
    messages = desk.send("horloge", [91, 92], text="Horloge STOP 36111")
    desk.deliver(messages[91], -30)
    curve = {row.seconds: row.delivered_count for row in read_results(desk.context, "horloge").curve}
    assert curve[1] == 1


def test_the_cost_is_planned_captured_and_charged(view: ResultsView) -> None:
    cost = view.cost
    assert (cost.planned, cost.captured, cost.charged) == (Decimal("0.50"), Decimal("0.45"), Decimal("0.50"))
    assert (cost.reserved, cost.answer_count) == (0, 0)


def test_the_sources_add_up_to_the_funnel(view: ResultsView) -> None:
    (source,) = view.sources
    assert (source.origin, source.file_name) == ("typed", None)
    assert (source.message_count, source.accepted_count, source.delivered_count) == (10, 9, 6)
    assert source.opted_out_count == 3


def test_everyone_is_in_one_file_once_with_a_state(view: ResultsView) -> None:
    states = Counter(row["state"] for row in read_csv(view, "everyone"))
    assert states == {"delivered": 6, "accepted": 2, "undelivered": 1, "rejected": 1, "excluded": 2}
    assert states.total() == view.funnel.audience_count
    assert people(view, "everyone") == [*range(1, 11), 50, 51]


def test_not_delivered_is_everyone_else(view: ResultsView) -> None:
    assert people(view, "not_delivered") == [7, 8, 9, 10]
    assert [row["reason"] for row in read_csv(view, "not_delivered") if row["state"] == "undelivered"] == ["absent"]


def test_repliers_have_their_words_in_clear(view: ResultsView) -> None:
    rows = read_csv(view, "repliers")
    assert sorted(row["text"] for row in rows) == ["C'est ouvert dimanche ? 06 12 34 56 78", "Merci", *["STOP"] * 2], (
        "the message of 10 was refused, so that reply answers none"
    )


def test_an_opt_out_has_its_proof(view: ResultsView) -> None:
    rows = {int(row["msisdn"].lstrip("'")) - number_of(0): row for row in read_csv(view, "opted_out")}
    assert sorted(rows) == [1, 3, 4]
    assert rows[1]["reply_text"] == "STOP"
    assert rows[1]["gateway_reply_id"].startswith("r")
    assert rows[1]["recorded_at"].startswith("2026-11-24 09:05")
    assert (rows[4]["source"], rows[4]["source_ref"]) == ("gateway", "opt-out list of sandbox")


def test_both_formats_hold_the_same_people_and_only_their_owner_reads_them(view: ResultsView) -> None:
    assert [path.name for path in view.exports] == [
        f"{name}.{suffix}"
        for name in ("everyone", "not_delivered", "repliers", "opted_out")
        for suffix in ("csv", "parquet")
    ]
    for path in view.exports:
        assert path.stat().st_mode & 0o777 == 0o600
        if path.suffix == ".parquet":
            found = duckdb.connect(":memory:").read_parquet(str(path))
            assert sorted(int(msisdn) - number_of(0) for (msisdn,) in found.select("msisdn").fetchall()) == people(
                view, path.stem
            )
            assert str(dict(zip(found.columns, found.types, strict=True))["msisdn"]) == "VARCHAR"


def test_the_page_shows_examples_and_no_number(view: ResultsView) -> None:
    file = write_page(view, results_file(view, PARIS))
    for page in (results_page(view, PARIS), file.read_text(encoding="utf-8")):
        assert "C'est ouvert dimanche ? 06" in page.replace("&#39;", "'").replace("\\", "").replace("*", "")
        assert "12 34 56" not in page
        assert str(number_of(1)) not in page
        assert "66.67 %" in page, "six of nine accepted messages were delivered"
        assert "33.33 %" in page, "three of nine opted out"
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_stayed_open_is_named(view: ResultsView) -> None:
    page = results_page(view, PARIS).partition("## What stayed open")[2].partition("\n## ")[0]
    assert "| accepted | 2 |" in page


def test_a_campaign_of_our_own_has_no_results_page(desk: ResultsDesk) -> None:
    with desk.tx() as tx:
        from campanile.store.campaigns.writer import standing_campaign

        standing_campaign(tx, "notice", "sandbox")
    with pytest.raises(CampaignError, match="Campanile's own campaign"):
        read_results(desk.context, "notice-sandbox")
