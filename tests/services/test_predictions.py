"""Predictions of a recap: stored with it, not in its hash, learned from past campaigns, and scored three days later."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campanile.pages.recap import recap_page
from campanile.pages.results import results_page
from campanile.services.campaigns.predictions import predict_end_again
from campanile.services.campaigns.prepare import make_recap
from campanile.services.campaigns.read_recap import read_recap
from campanile.services.sending.results import read_results
from campanile.sms.predictions.campaign import Quantity
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.billing.balance import add_reading, captured
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.campaigns.predictions import past_of, predictions_of
from campanile.store.campaigns.recaps import compute_hash
from campanile.store.inbound.auto_responder import put_auto_responder
from schemas.draft import CampaignDraft
from schemas.recap_rows import Recap
from schemas.result_rows import ScoredPrediction, StoredPrediction
from tests.services.results_desk import ResultsDesk
from tests.services.test_prepare import fill
from tests.store.conftest import number_of
from tests.stores import copy_store

PARIS = ZoneInfo("Europe/Paris")
#: One campaign of twenty: nineteen accepted, seventeen delivered, one STOP, one question.
OLD, LATE, NEW = range(1, 21), range(21, 31), range(31, 51)


def predictions(desk: ResultsDesk, name: str) -> dict[Quantity, StoredPrediction]:
    with desk.tx(read_only=True) as tx:
        return {row.quantity: row for row in predictions_of(tx, find_campaign(tx, name))}


def scored(desk: ResultsDesk, name: str) -> dict[Quantity, ScoredPrediction]:
    return {row.predicted.quantity: row for row in read_results(desk.context, name).predictions}


def prepare(desk: ResultsDesk, name: str, people: range, **draft: object) -> Recap:
    """Prepare an alert to a list of its own, from its draft to its recap."""
    fill(desk.context, f"{name}-{len(people)}", {number_of(person): {} for person in people})
    known = {"name": name, "kind": "alert", "text": f"{name} : rendez-vous", "sender_id": "36180", "actor": "ada"}
    return make_recap(desk.context, CampaignDraft.model_validate(known | {"lists": [f"{name}-{len(people)}"]} | draft))


def page_of(desk: ResultsDesk, recap: Recap) -> str:
    with desk.tx(read_only=True) as tx:
        return recap_page(read_recap(desk.context, tx, recap.campaign_id), PARIS, "", [])


def approve(desk: ResultsDesk, name: str) -> None:
    """Approve a campaign as a person does."""
    with desk.tx() as tx:
        add_reading(tx, "sandbox", Decimal(100), "EUR", captured(tx, "sandbox"))
    desk.read_stops()
    desk.approve(name)
    with desk.tx() as tx:
        predict_end_again(desk.context, tx, find_campaign(tx, name))


@pytest.fixture
def desk(empty_store: Path, tmp_path: Path) -> Iterator[ResultsDesk]:
    desk = ResultsDesk(copy_store(empty_store, tmp_path / "sms.duckdb"))
    yield desk
    assert desk.broken() == {}


def run_old(desk: ResultsDesk) -> None:
    """Predict a campaign, send it ten minutes late, and let its outcomes come."""
    prepare(desk, "old", OLD)
    approve(desk, "old")
    desk.clock.forward(minutes=10)
    desk.read_stops()
    lease = desk.open("old")
    assert lease is not None
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, *["accepted"] * 19, "rejected")
    desk.close(lease)
    for message in claim.messages[:17]:
        desk.deliver(message)
    desk.reply(1, "STOP")
    desk.reply(2, "C'est ouvert dimanche ?")


def test_without_a_past_the_recap_says_that_it_assumes(desk: ResultsDesk) -> None:
    page = page_of(desk, prepare(desk, "soldes", NEW))
    section = page.partition("## Expected")[2].partition("\n## ")[0]
    assert "No past campaign of kind alert is settled yet: these are assumptions" in section
    for words in ("cost of the messages", "delivered to the phone", "opt out (STOP)", "who reply", "last message"):
        assert words in section
    assert "automatic answers" not in section, "the auto-responder is off"


def test_answers_are_predicted_while_the_auto_responder_is_on(desk: ResultsDesk) -> None:
    with desk.tx() as tx:
        put_auto_responder(tx, AutoResponder(True, "Merci", "reply", 500, None, 5), "ada")
    prepare(desk, "soldes", range(1, 1001))
    row = predictions(desk, "soldes")[Quantity.ANSWERS_COST]
    price = desk.context.tariff("sandbox").price("FR")
    assert row.median > 0
    assert row.median % price == 0, "whole answers"


def test_outcomes_are_scored_three_days_after_the_last_message(desk: ResultsDesk) -> None:
    run_old(desk)
    early = scored(desk, "old")
    assert early[Quantity.DURATION].actual == 600, "it is known as soon as the campaign is finished"
    assert not early[Quantity.DURATION].is_hit, "ten minutes late"
    assert {row.actual for quantity, row in early.items() if quantity != Quantity.DURATION} == {None}
    assert "open until Fri 2026-11-27 10:10" in results_page(read_results(desk.context, "old"), PARIS)
    desk.clock.forward(days=3)
    found = scored(desk, "old")
    assert {quantity: row.actual for quantity, row in found.items()} == {
        Quantity.COST: 19 * desk.context.tariff("sandbox").price("FR"),
        Quantity.DELIVERED: 17,
        Quantity.OPTED_OUT: 1,
        Quantity.REPLIED: 2,
        Quantity.DURATION: 600,
    }
    desk.clock.forward(minutes=1)
    desk.reply(4, "STOP")
    assert scored(desk, "old")[Quantity.OPTED_OUT].actual == 1, "three days after the last message it is over"
    page = results_page(read_results(desk.context, "old"), PARIS)
    section = page.partition("## Predictions, scored")[2].partition("\n## ")[0]
    assert "| last message accepted |" in section
    assert "miss |" in section
    assert "hit |" in section


def test_a_settled_campaign_is_a_past_of_the_next_one_and_others_are_not(desk: ResultsDesk) -> None:
    run_old(desk)
    desk.clock.forward(days=2)
    desk.send("late", LATE, kind="alert", text="Derniers jours", draft={"kind": "alert"})
    desk.clock.forward(days=1, hours=1)
    with desk.tx(read_only=True) as tx:
        past = past_of(tx, "alert", "sandbox")
        assert [row.campaign_id for row in past.courses] == [1], "the second one is not settled"
        assert past.courses[0].planned_seconds is not None
        outcome = past.outcomes[0]
        counts = (outcome.message_count, outcome.accepted_count, outcome.delivered_count, outcome.opted_out_count)
        assert counts == (20, 19, 17, 1)
        assert (outcome.replied_count, outcome.answered_count) == (2, 1), "a STOP gets no answer"
        others = past_of(tx, "marketing", "sandbox"), past_of(tx, "alert", "twilio")
        assert [list(other.courses) for other in others] == [[], []], "another kind, and a real gateway"
    prepare(desk, "new", NEW)
    assert {row.past_count for row in predictions(desk, "new").values()} == {1}


def test_a_campaign_without_predictions_has_no_section(desk: ResultsDesk) -> None:
    desk.send("before", OLD)
    page = results_page(read_results(desk.context, "before"), PARIS)
    assert "Predictions, scored" not in page


def test_a_new_version_has_predictions_of_its_own(desk: ResultsDesk) -> None:
    price = desk.context.tariff("sandbox").price("FR")
    for people in (range(1, 5), range(1, 401)):
        recap = prepare(desk, "soldes", people)
        with desk.tx(read_only=True) as tx:
            assert compute_hash(tx, recap.campaign_id, recap.header) == recap.recap_hash
        assert "predict" not in str(recap.header), "what is approved does not depend on a prediction"
    assert predictions(desk, "soldes")[Quantity.COST].planned == 400 * price
    assert desk.sql("SELECT count(*) FROM prediction")[0][0] == 2 * len(predictions(desk, "soldes"))


def test_a_recap_says_that_the_campaign_leaves_less_than_the_threshold(empty_store: Path, tmp_path: Path) -> None:
    store = copy_store(empty_store, tmp_path / "data" / "sms.duckdb")
    desk = ResultsDesk(store, balance_critical=Decimal(5))
    with desk.tx() as tx:
        add_reading(tx, "sandbox", Decimal("5.50"), "EUR", Decimal(0))
    page = page_of(desk, prepare(desk, "soldes", range(1, 21)))
    assert "After this campaign: 4.60 EUR,** below your threshold of 5.00 EUR." in page
    page = page_of(desk, prepare(desk, "petite", range(1, 3)))
    assert "below your threshold" not in page


def test_the_end_is_predicted_again_at_the_approval(desk: ResultsDesk) -> None:
    prepare(desk, "soldes", OLD)
    before = predictions(desk, "soldes")
    desk.clock.forward(hours=2)
    approve(desk, "soldes")
    after = predictions(desk, "soldes")
    first, moved = before.pop(Quantity.DURATION).starts_at, after.pop(Quantity.DURATION).starts_at
    assert first is not None
    assert moved == first + timedelta(hours=2)
    assert {key: row[:6] for key, row in after.items()} == {key: row[:6] for key, row in before.items()}
