"""Bad input: one readable line that says what was received and what is allowed, a failed run, nothing half-done."""

from collections.abc import Callable
from typing import Any

import pytest

from campanile.sms.errors import SmsError
from tasks.context import current_context

GOOD = {
    "name": "soldes",
    "text": "Bonjour {first_name|vous}",
    "sender_id": "MABOUTIQUE",
    "lists": ["clients"],
    "actor": "camille",
}


def ingest(list_name: str, path: str, **more: Any) -> Any:
    from flows.ingest_contacts import ingest_contacts

    return ingest_contacts(list_name, path, **more)


def prepare(**changes: Any) -> Any:
    from flows.prepare_campaign import prepare_campaign
    from schemas.draft import CampaignDraft

    return prepare_campaign(CampaignDraft(**(GOOD | changes)))


def add_campaign(workspace: Any) -> Any:
    """Fill a workspace with one list of two people and one prepared campaign."""
    people = "mobile;prénom\n0612345678;Prune\n0612345679;Basile\n"

    def build() -> None:
        ingest("clients", workspace.drop(people), legal_basis="consent")
        prepare()

    workspace.set_up("a list and a prepared campaign", build)
    return workspace


@pytest.fixture(scope="module")
def shared(shared_workspace: Any) -> Any:
    return add_campaign(shared_workspace)


@pytest.fixture
def ready(workspace: Any) -> Any:
    return add_campaign(workspace)


def approve(campaign: str = "soldes", recap_hash: str = "00000000") -> Any:
    from flows.approve_campaign import approve_campaign

    return approve_campaign(campaign, recap_hash, "dominique")


def send(campaign: str) -> Any:
    from flows.send_campaign import send_campaign

    return send_campaign(campaign)


def check_balance(gateway: str) -> Any:
    from flows.check_balance import check_balance as flow

    return flow(gateway)


def draft_file(workspace: Any, text: str) -> Any:
    from flows.prepare_campaign import prepare_campaign

    return prepare_campaign(path=workspace.drop(text, "draft.yaml"))


CASES: list[Any] = [
    pytest.param(lambda h: ingest("clients", "nowhere.csv"), "nowhere.csv", id="a file that is not there"),
    pytest.param(lambda h: ingest("clients", h.drop("\x00\x01\x02", "x.csv")), "x.csv", id="a file that is no text"),
    pytest.param(lambda h: ingest("clients", h.drop("a", "x.docx")), ".xlsx", id="a kind of file we do not read"),
    pytest.param(lambda h: ingest("clients", h.drop("nom;ville\nPrune;Lyon\n")), "nom", id="no column of numbers"),
    pytest.param(
        lambda h: ingest("clients", h.drop("a;b\n1;2\n"), columns={"msisdn": "Tel 2"}), "Tel 2", id="a column not there"
    ),
    pytest.param(lambda h: ingest("Clients du Nord", h.drop("mobile\n")), "lower-case", id="a list name that is none"),
    pytest.param(lambda h: prepare(lists=["clientes"]), "clients", id="an unknown list: those that exist"),
    pytest.param(lambda h: prepare(text="{surnom}"), "first_name", id="an unknown merge field: those that exist"),
    pytest.param(lambda h: prepare(text="Bonjour {first_name"), "{", id="a brace without its pair"),
    pytest.param(lambda h: prepare(gateway="pigeon"), "sandbox", id="an unknown gateway: those that exist"),
    pytest.param(lambda h: prepare(policy="fr-lax"), "fr-strict", id="an unknown policy: those that exist"),
    pytest.param(lambda h: prepare(sender_id="MA BOUTIQUE"), "MA BOUTIQUE", id="a sender that is none"),
    pytest.param(lambda h: prepare(numbers=["12"]), "typed number 1", id="a typed number that is none"),
    pytest.param(lambda h: prepare(lists=[]), "recipients", id="no recipients"),
    pytest.param(lambda h: prepare(send_time="09:00"), "send_on", id="an hour without a day"),
    pytest.param(lambda h: prepare(send_on="2020-01-01"), "today", id="a day that is over"),
    pytest.param(lambda h: prepare(send_on="9999-12-31"), "a year from now", id="a day too far in the future"),
    pytest.param(lambda h: draft_file(h, "name: [unclosed"), "YAML", id="a draft that is no YAML"),
    pytest.param(lambda h: draft_file(h, "name: soldes\ntxt: x\n"), "txt", id="a draft with an unknown field"),
    pytest.param(lambda h: approve("solde"), "soldes", id="an unknown campaign: those that exist"),
    pytest.param(lambda h: approve(recap_hash="deadbeef"), "deadbeef", id="a wrong hash"),
    pytest.param(lambda h: approve(recap_hash=""), "eight", id="no hash at all"),
    pytest.param(lambda h: send("soldes"), "approve", id="sending an unapproved campaign"),
    pytest.param(lambda h: check_balance("pigeon"), "sandbox", id="the balance of an unknown gateway"),
]


@pytest.mark.parametrize(("do", "names"), CASES)
def test_one_line_and_nothing_half_done(shared: Any, do: Callable[[Any], Any], names: str) -> None:
    before = shared.query(SNAPSHOT)
    with pytest.raises(SmsError) as caught:
        do(shared)
    assert names in str(caught.value)
    assert "\n" not in str(caught.value), "one line"
    assert shared.query(SNAPSHOT) == before, "nothing half-done"
    assert shared.sandbox.billing() == []


SNAPSHOT = """
SELECT (SELECT count(*) FROM contact), (SELECT count(*) FROM import_file), (SELECT count(*) FROM contact_list),
    (SELECT string_agg(name || state || version, ',' ORDER BY campaign_id) FROM campaign),
    (SELECT count(*) FROM message), (SELECT count(*) FROM message_event), (SELECT count(*) FROM recap)
"""


def test_a_missing_tariff_names_the_file(ready: Any) -> None:
    ready.set(tariff_dir=ready.data_dir)
    with pytest.raises(SmsError, match=r"no tariff .*sandbox\.csv"):
        prepare()


def test_a_country_without_a_price_is_named(ready: Any) -> None:
    (ready.data_dir / "sandbox.csv").write_text("country,price,unit\nGP,0.07,EUR\n")
    ready.set(tariff_dir=ready.data_dir)
    with pytest.raises(SmsError, match="FR"):
        prepare()


def test_a_wrong_setting_names_itself(ready: Any) -> None:
    ready.set(team_zone="Europe/Lutece")
    with pytest.raises(SmsError, match=r"SMS_TEAM_ZONE='Europe/Lutece'.*IANA"):
        prepare()


def test_a_missing_setting_names_itself(ready: Any) -> None:
    ready.set(mail_host="127.0.0.1")
    with pytest.raises(SmsError, match="SMS_MAIL_TO is not"):
        check_balance("sandbox")


def test_a_gateway_that_is_down_sends_nothing_and_says_so(ready: Any) -> None:
    ready.sandbox.kill()
    with pytest.raises(SmsError, match="Connection refused") as caught:
        approve(recap_hash=_latest_hash(ready))
    assert "\n" not in str(caught.value)
    assert ready.query("SELECT state FROM campaign") == [("prepared",)]
    ready.sandbox.restart()


def test_a_store_of_a_newer_version_is_left_alone(ready: Any) -> None:

    with current_context().transaction() as tx:
        tx.execute("INSERT INTO schema_migration VALUES (99, 'from the future', now())")
    ready.set()  # as a new process
    with pytest.raises(SmsError, match="version 99"):
        prepare()


def test_a_failed_run_says_the_same_line_in_the_ui(ready: Any) -> None:
    from flows.prepare_campaign import prepare_campaign
    from schemas.draft import CampaignDraft

    state = prepare_campaign(CampaignDraft(**(GOOD | {"lists": ["clientes"]})), return_state=True)
    assert state.is_failed()
    assert "no list 'clientes'; lists are: clients" in str(state.message)


def test_one_bad_file_does_not_stop_the_others(ready: Any) -> None:
    from flows.ingest_contacts import ingest_contacts

    inbox = ready.data_dir / "inbox" / "contacts" / "clients"
    inbox.mkdir(parents=True)
    (inbox / "a-strange.csv").write_bytes(b"\x00\x01\x02")
    (inbox / "b-good.csv").write_text("mobile\n0612345680\n")
    with pytest.raises(SmsError, match=r"a-strange\.csv"):
        ingest_contacts()
    assert ready.query("SELECT count(*) FROM contact") == [(3,)]
    assert list(inbox.iterdir()) == [], "each file was moved out of the drop folder"
    assert [path.name[:9] for path in (ready.data_dir / "refused" / "contacts" / "clients").iterdir()] == ["a-strange"]
    assert [path.name[:6] for path in (ready.data_dir / "archive" / "contacts" / "clients").iterdir()] == ["b-good"]


def test_files_beside_the_drop_folders_stop_no_import(ready: Any) -> None:
    from flows.ingest_contacts import ingest_contacts

    inbox = ready.data_dir / "inbox" / "contacts"
    (inbox / "clients").mkdir(parents=True)
    (inbox / "Clients du Nord").mkdir()
    (inbox / "perdu.csv").write_text("mobile\n0612345681\n")
    (inbox / "clients" / "bon.csv").write_text("mobile\n0612345680\n")
    ingest_contacts()
    assert ready.query("SELECT count(*) FROM contact") == [(3,)]
    assert (inbox / "perdu.csv").exists()


def test_the_same_bytes_read_in_another_way_are_another_import(ready: Any) -> None:
    path = ready.drop("tel 1;portable\n0145678901;0612345690\n", "deux.csv")
    first = ingest("deux", path, columns={"msisdn": "tel 1"})["deux"][0]
    second = ingest("deux", path, columns={"msisdn": "portable"})["deux"][0]
    assert (first.summary.result_counts["rejected"], second.summary.result_counts["accepted"]) == (1, 1)
    assert ingest("deux", path, columns={"msisdn": "portable"})["deux"][0].summary.same_as


def test_samples_reach_no_other_gateway(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from campanile.gateways.registry import REGISTRY

    monkeypatch.setitem(REGISTRY, "real", REGISTRY["sandbox"])  # any gateway that is not the sandbox
    (ready.data_dir / "real.csv").write_text("country,price,unit\nFR,0.05,EUR\n")
    ready.set(tariff_dir=ready.data_dir)
    ingest("essai", "data/samples/salon.xlsx")
    with pytest.raises(SmsError, match="made from samples"):
        prepare(lists=["essai"], gateway="real", text="Bonjour")


def _latest_hash(workspace: Any) -> str:
    return str(workspace.query("SELECT recap_hash FROM campaign")[0][0])
