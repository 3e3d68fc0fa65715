"""Predictions against the sandbox over HTTP: its seeded deliveries and replies are what the recap is scored by."""

from decimal import Decimal

from campanile.gateways.sandbox.state import BookSettings, fate_of
from campanile.services.campaigns.predictions import predict_end_again
from campanile.services.campaigns.prepare import make_recap
from campanile.services.inbound.sync import sync_opt_outs, sync_reports
from campanile.services.sending.results import read_results
from campanile.sms.predictions.campaign import Quantity
from campanile.store.campaigns.campaigns import find_campaign
from campanile.store.campaigns.predictions import predictions_of
from schemas.draft import CampaignDraft
from schemas.result_rows import ScoredPrediction, StoredPrediction
from tests.sending.sending_desk import DeskSender, SendingDesk
from tests.services.test_prepare import fill

PEOPLE = 40
NAMES = ("lundi", "mardi", "mercredi")


def number_at(person: int) -> int:
    """Return a number that a reply can come from, as its digits."""
    return 33_612_345_600 + person


def people_of(number: int) -> range:
    return range(PEOPLE * number, PEOPLE * (number + 1))


def prepared(desk: SendingDesk, name: str, number: int) -> dict[Quantity, StoredPrediction]:
    """Prepare an alert to forty people, and return what its recap predicts."""
    fill(desk.context(), name, {number_at(person): {} for person in people_of(number)})
    draft = {"name": name, "kind": "alert", "text": f"{name} : rendez-vous", "sender_id": "36180", "actor": "ada"}
    make_recap(desk.context(), CampaignDraft.model_validate(draft | {"lists": [name]}))
    with desk.tx(read_only=True) as tx:
        return {row.quantity: row for row in predictions_of(tx, find_campaign(tx, name))}


def sent(desk: SendingDesk, sender: DeskSender, name: str, number: int) -> dict[Quantity, ScoredPrediction]:
    """Approve and send it, read reports and the STOP of one person, and score it four days later."""
    desk.put_balance(str(desk.sandbox.balance()))
    sync_opt_outs(desk.context(), "sandbox")
    desk.approve(name)
    with desk.tx() as tx:
        predict_end_again(desk.context(), tx, find_campaign(tx, name))
    assert sender.run(name)[1].state == "finished"
    desk.sandbox.reply(f"+{number_at(people_of(number)[0])}", "STOP")
    sync_reports(desk.context(), "sandbox")
    sync_opt_outs(desk.context(), "sandbox")
    desk.forward(days=4)
    return {row.predicted.quantity: row for row in read_results(desk.context(), name).predictions}


def test_the_recap_is_scored_by_what_the_gateway_did(desk: SendingDesk, sender: DeskSender) -> None:
    sender.set(slice_size=PEOPLE)
    sender.take_time()
    sender.read_stops = lambda: sync_opt_outs(desk.context(), "sandbox")
    price = desk.context().tariff("sandbox").price("FR")
    hits = 0
    for number, name in enumerate(NAMES):
        predicted = prepared(desk, name, number)
        assert {row.past_count for row in predicted.values()} == {number}, "each settled campaign is a past of the next"
        found = sent(desk, sender, name, number)
        fates = [fate_of(BookSettings().seed, f"+{number_at(person)}")[0] for person in people_of(number)]
        assert found[Quantity.DELIVERED].actual == fates.count("delivered"), "the sandbox's own seeded fates"
        assert found[Quantity.COST].actual == PEOPLE * price
        assert (found[Quantity.OPTED_OUT].actual, found[Quantity.REPLIED].actual) == (1, 1)
        assert found[Quantity.DURATION].actual is not None
        assert found[Quantity.DURATION].actual < Decimal(600)
        hits += sum(found[quantity].is_hit for quantity in (Quantity.COST, Quantity.DELIVERED, Quantity.OPTED_OUT))
    assert hits >= 7, "of nine, each seeded: two misses are what 80 % allows"
    assert desk.assert_in_order(NAMES[-1]).billed == PEOPLE
