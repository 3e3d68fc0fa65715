"""From draft to lock through the flows: tests, approvals and their checks, revisions, names used again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from campanile.sms.errors import SmsError
from campanile.sms.rules.approval_code import approval_code
from campanile.sms.schedule.expiry import EXPIRY_REASONS
from tasks.context import current_context

PEOPLE = "mobile;prenom\n0612345678;Ana\n0612345679;Maximilienne\n0612345680;Jo\n"
OWN = "+33 6 12 34 56 90"
ADA = "only Ada knows"
TOMORROW = {"send_on": "2026-11-24", "send_time": "09:00"}


@pytest.fixture
def ready(workspace: Any) -> Iterator[Any]:
    """A workspace with a list of three people who may get marketing; the invariants are checked after the test."""
    from flows.ingest_contacts import ingest_contacts

    workspace.set_up("three people", lambda: ingest_contacts("clients", workspace.drop(PEOPLE), legal_basis="consent"))
    yield workspace
    workspace.assert_in_order()


@pytest.fixture(scope="module")
def with_people(shared_workspace: Any) -> Any:
    """One such workspace for all tests of refusals, with a prepared campaign in it."""
    from flows.ingest_contacts import ingest_contacts

    workspace = shared_workspace
    workspace.set_up("three people", lambda: ingest_contacts("clients", workspace.drop(PEOPLE), legal_basis="consent"))
    prepare()
    return shared_workspace


@pytest.fixture
def prepared(with_people: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The prepared campaign, whose settings a test may change for itself; it stays as it is."""
    yield replace(with_people, monkeypatch=monkeypatch)
    monkeypatch.undo()
    with_people.set()  # as a new process
    assert history(with_people) == [("prepared", "camille", 1)]
    assert with_people.sandbox.billing() == []


def prepare(name: str = "soldes", **changes: Any) -> str:
    from flows.prepare_campaign import prepare_campaign
    from schemas.draft import CampaignDraft

    draft = {
        "name": name,
        "text": "Bonjour {first_name}",
        "sender_id": "36180",
        "lists": ["clients"],
        "actor": "camille",
    }
    return str(prepare_campaign(CampaignDraft(**(draft | changes))).recap_hash)


def approve(recap_hash: str, actor: str = "dominique", code: str = "", name: str = "soldes") -> None:
    from flows.approve_campaign import approve_campaign

    approve_campaign(name, recap_hash, actor, code)


def try_to_approve(recap_hash: str, actor: str = "dominique", code: str = "") -> None:
    """Approve without a run: a refusal comes before anything is logged or sent."""
    from campanile.services.campaigns.approval import approve_recap

    approve_recap(current_context(), "soldes", recap_hash, actor, code)


def latest_hash(workspace: Any) -> str:
    return str(workspace.query("SELECT recap_hash FROM campaign WHERE name = 'soldes'")[0][0])


def revise(author: str = "lou", **fields: Any) -> str:
    from flows.revise_campaign import revise_campaign

    return str(revise_campaign("soldes", author, **fields).recap_hash)


def send_due() -> list[str]:
    from flows.send_due_campaigns import send_due_campaigns

    return list(send_due_campaigns())


def send_test(*numbers: str, **how: Any) -> str:
    from flows.send_test import send_test as flow

    return str(flow("soldes", list(numbers), "camille", **how))


def try_to_test(*numbers: str) -> None:
    """Plan a test without a run."""
    from campanile.services.sending.send_test import plan_test

    plan_test(current_context(), "soldes", list(numbers), "camille", "a test")


def page(key: str) -> str:
    from prefect.artifacts import Artifact

    found = Artifact.get(key)
    assert found is not None, f"no artifact {key}"
    return str(found.data)


def history(workspace: Any) -> list[tuple[Any, ...]]:
    return workspace.query(
        "SELECT event, actor, campaign_event.version FROM campaign_event JOIN campaign USING (campaign_id) "
        "WHERE name = 'soldes' ORDER BY campaign_id, event_no"
    )


class TestApprove:
    def test_its_hash_may_be_typed_as_it_is_read(self, ready: Any) -> None:
        shown = prepare(**TOMORROW)[:8]
        approve(f" {shown[:4]} {shown[4:]}\n")
        assert ready.query("SELECT state FROM campaign") == [("approved",)]
        assert "at most, from Tue 2026-11-24 09:00 (Europe/Paris)" in page("approval-soldes")

    def test_stops_since_the_recap_stay_behind_and_are_shown(self, ready: Any) -> None:
        from flows.record_opt_out import record_opt_out

        shown = prepare()
        record_opt_out("0612345679", "phone", "camille")
        approve(shown)
        assert "**1 of its messages will not be sent**: 1 after a STOP" in page("approval-soldes")
        assert sorted(line["to"] for line in ready.sandbox.billing()) == ["+33612345678", "+33612345680"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            pytest.param(
                lambda workspace: new_tariff(workspace, "FR,0.09,EUR"),
                r"the price of mainland France changed from 0\.\d+ to 0\.09: prepare it again",
                id="the price",
            ),
            pytest.param(
                lambda workspace: new_tariff(workspace, "BE,0.09,EUR"),
                r"the price of mainland France changed from 0\.\d+ to none",
                id="no price any more",
            ),
            pytest.param(
                lambda workspace: new_tariff(workspace, "FR,0.09,CHF"),
                r"changed from 0\.\d+ to 0\.09; the unit of prices changed from EUR to CHF",
                id="the unit",
            ),
            pytest.param(
                lambda workspace: new_policy(workspace),
                r"the text of policy fr-strict changed from [0-9a-f]{8} to 00000000",
                id="the policy",
            ),
            pytest.param(
                lambda workspace: workspace.set(alsace_moselle="by_postcode"),
                r"alsace_moselle changed from all_mainland to by_postcode",
                id="alsace-moselle",
            ),
            pytest.param(
                lambda workspace: new_stop_mention(workspace),
                r"the STOP mention of mainland France changed from none to STOP au 36999: prepare it again",
                id="the STOP mention",
            ),
        ],
    )
    def test_other_terms_are_another_recap(self, prepared: Any, change: Any, words: str) -> None:
        change(prepared)
        with pytest.raises(SmsError, match=f"since the recap of soldes was made, .*{words}"):
            try_to_approve(latest_hash(prepared))

    def test_a_day_without_hour_may_be_approved_on_that_day(self, ready: Any) -> None:
        approve(prepare(send_on="2026-11-23"))
        assert len(ready.sandbox.billing()) == 3

    def test_what_would_leave_after_the_offer_only_now_is_refused(self, ready: Any) -> None:
        shown = prepare(offer_ends="2026-11-23 22:00")
        ready.set_clock("2026-11-23T20:30:00+01:00")
        with pytest.raises(
            SmsError, match=r"3 messages to mainland France .*: the offer ends before\); prepare it again"
        ):
            approve(shown)
        with pytest.raises(SmsError, match="no message of campaign soldes could be sent in time"):
            prepare(offer_ends="2026-11-23 22:00")
        assert ready.query("SELECT state FROM campaign") == [("prepared",)]

    def test_what_its_recap_says_will_not_leave_expires(self, ready: Any) -> None:
        shown = prepare(if_closed="drop", numbers=["+596696201234"], text="Bonjour {first_name|vous}")
        assert "⚠ **1 message will not be sent in time:** Martinique (1)." in page("recap-soldes")
        approve(shown)
        assert ready.query("SELECT state FROM campaign") == [("finished",)]
        assert ready.query("SELECT state, reason, count(*) FROM message_status GROUP BY ALL ORDER BY state") == [
            ("accepted", None, 3),
            ("expired", EXPIRY_REASONS["closed"], 1),
        ]

    def test_on_each_recipients_clock_each_territory_has_its_hour(self, ready: Any) -> None:
        shown = prepare(
            clock="local", send_on="2026-11-23", send_time="12:00", numbers=["0692123456"], text="{first_name|Vous} !"
        )
        approve(shown)
        assert ready.sandbox.billing() == []
        for hour, count in (("09:00", 1), ("12:00", 4)):  # in La Réunion it is noon three hours earlier
            ready.set_clock(f"2026-11-23T{hour}:01+01:00")
            send_due()
            assert len(ready.sandbox.billing()) == count
        assert ready.query("SELECT state, first_due_at = TIMESTAMPTZ '2026-11-23 08:00:00Z' FROM campaign") == [
            ("finished", True)
        ]

    def test_an_alert_leaves_before_its_offer_ends_at_night_too(self, ready: Any) -> None:
        shown = prepare(kind="alert", offer_ends="2026-11-23 22:00")
        ready.set_clock("2026-11-23T20:30:00+01:00")
        approve(shown)
        assert len(ready.sandbox.billing()) == 3

    def test_a_price_written_otherwise_is_the_same(self, ready: Any) -> None:
        shown = prepare()
        ((price,),) = ready.query("SELECT header ->> '$.prices.FR' FROM recap")
        new_tariff(ready, f"FR,{price}0,EUR")
        approve(shown)
        assert ready.query("SELECT approved_hash = recap_hash FROM campaign") == [(True,)]

    @pytest.mark.parametrize(
        ("setting", "who", "words"),
        [
            pytest.param(
                {"approvers": "Ada Lovelace, Grace"},
                "dominique",
                "SMS_APPROVERS names Ada Lovelace, Grace",
                id="not named",
            ),
            pytest.param({"four_eyes": "true"}, "Camille", "Camille prepared soldes", id="the author"),
            pytest.param(
                {"recap_max_age_hours": "0.000001"}, "dominique", "hours old, and 1e-06 are allowed", id="too old"
            ),
        ],
    )
    def test_rules_of_the_team(self, prepared: Any, setting: dict[str, str], who: str, words: str) -> None:
        prepared.set(**setting)
        with pytest.raises(SmsError, match=words):
            try_to_approve(latest_hash(prepared), who)

    @pytest.mark.parametrize(
        ("who", "code_of", "words"),
        [
            pytest.param("Ada", lambda right: "", "approval code of Ada .* is missing", id="none"),
            pytest.param(
                "Ada",
                lambda right: approval_code(ADA, "0" * 64),
                "code of Ada .* is wrong",
                id="another recap's",
            ),
            pytest.param("Grace", lambda right: right, "code of Grace .* is wrong", id="another person's"),
            pytest.param("Ada", lambda right: right[:7], "code of Ada .* is wrong", id="too short"),
            pytest.param("Lou", lambda right: right, "'Lou' has no secret in SMS_APPROVER_SECRETS", id="a stranger's"),
            pytest.param("Ada", lambda right: ADA, "code of Ada .* is wrong", id="the secret itself"),
        ],
    )
    def test_a_wrong_code_is_refused(self, prepared: Any, who: str, code_of: Any, words: str) -> None:
        prepared.set(approver_secrets=f"Ada={ADA}, Grace=and this one Grace")
        with pytest.raises(SmsError, match=words) as caught:
            try_to_approve(latest_hash(prepared), who, code_of(approval_code(ADA, latest_hash(prepared))))
        assert ADA not in str(caught.value)

    def test_the_right_code_approves(self, ready: Any) -> None:
        shown = prepare(**TOMORROW)
        ready.set(approver_secrets=f"Ada={ADA}")
        approve(shown[:8], "ADA", f" {approval_code(ADA, shown).lower()} ")
        assert ready.query("SELECT state FROM campaign") == [("approved",)]


def new_tariff(workspace: Any, line: str) -> None:
    (workspace.data_dir / "sandbox.csv").write_text(f"country,price,unit\n{line}\n", encoding="utf-8")
    workspace.set(tariff_dir=workspace.data_dir)


def new_policy(workspace: Any) -> None:
    """Replace the text of the policy, as if the policy file of the program had been changed."""
    from dataclasses import replace

    from campanile.services.campaigns import approval as module
    from campanile.sms.schedule.policy import load_policy

    changed = replace(load_policy("fr-strict"), sha256="0" * 64)
    workspace.monkeypatch.setattr(module, "load_policy", lambda name: changed)


def new_stop_mention(workspace: Any) -> None:
    """Replace the provider's STOP mention by another one."""
    from dataclasses import replace

    from campanile.gateways import registry
    from schemas.gateway import SenderRule

    rules = {("*", "short_code"): SenderRule(can_be_answered=True, stop_mention=" STOP au 36999")}
    changed = replace(registry.manifest_of("sandbox"), sender_rules=rules)
    workspace.monkeypatch.setattr(registry, "manifest_of", lambda *_: changed)


GUESTS = "mobile;prenom\n0612345681;Zoé\n"
OTHERS = "mobile;prenom\n0612345682;Max\n0612345683;Léa\n"


def attach(workspace: Any, text: str, name: str) -> None:
    folder = workspace.data_dir / "inbox" / "attachments"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def recipients(workspace: Any) -> list[str]:
    return [str(number)[-2:] for (number,) in workspace.query("SELECT number_id FROM message ORDER BY number_id")]


class TestReviseFile:
    @pytest.fixture(autouse=True)
    def invited(self, ready: Any) -> None:
        """Prepare a campaign to the one guest of a file."""
        attach(ready, GUESTS, "guests.csv")
        prepare(lists=[], file="guests.csv", legal_basis="consent")
        assert recipients(ready) == ["81"]

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            pytest.param({"clear": ["legal_basis"]}, [], id="no legal basis any more"),
            pytest.param({"legal_basis": "service"}, [], id="another legal basis"),
            pytest.param({"file": "others.csv"}, ["82", "83"], id="another file"),
            pytest.param({"file": "guests.csv"}, ["81", "84"], id="the same file, which says something else now"),
            pytest.param({"text": "Bonsoir"}, ["81"], id="a file that is not named is not read"),
            pytest.param({"clear": ["file"], "lists": ["clients"]}, ["78", "79", "80"], id="no file any more"),
        ],
    )
    def test_it_is_read_when_it_matters(self, ready: Any, fields: dict[str, Any], expected: list[str]) -> None:
        attach(ready, OTHERS, "others.csv")
        attach(ready, f"{GUESTS}0612345684;Eve\n", "guests.csv")
        revise(**fields)
        assert recipients(ready) == expected

    @pytest.mark.parametrize(
        "wrong",
        [
            pytest.param({"send_on": "2026-11-22"}, id="a day that is over"),
            pytest.param({"requested_service": "yes"}, id="marketing is no service"),
        ],
    )
    def test_a_draft_that_cannot_be_changes_no_list(self, ready: Any, wrong: dict[str, Any]) -> None:
        attach(ready, OTHERS, "others.csv")
        before = ready.query("SELECT * FROM contact ORDER BY list_id, number_id")
        with pytest.raises(SmsError):
            revise(file="others.csv", **wrong)
        assert ready.query("SELECT * FROM contact ORDER BY list_id, number_id") == before

    def test_sent_messages_do_not_count_in_a_change_of_lists(self, ready: Any) -> None:
        from campanile.services.campaigns.revise import read_revised

        revise(numbers=["+596696201234"], text="Bonjour {first_name|vous}")  # it is night in Martinique
        approve(latest_hash(ready))
        with pytest.raises(SmsError, match="soldes is parked: its sending has begun"):
            read_revised(current_context(), "soldes", "lou", {"file": "others.csv"}, [])


class TestRevise:
    def test_of_two_simultaneous_revisions_the_second_is_refused(self, ready: Any) -> None:
        from campanile.services.campaigns.prepare import make_recap
        from campanile.services.campaigns.revise import read_revised

        approve(prepare(**TOMORROW))
        first, second = (
            read_revised(current_context(), "soldes", who, {"text": f"Bonjour de {who}"}, [])
            for who in ("lou", "sacha")
        )
        make_recap(current_context(), first.draft, revises=first.revises)
        with pytest.raises(SmsError, match="soldes was changed meanwhile"):
            make_recap(current_context(), second.draft, revises=second.revises)
        assert ready.query("SELECT DISTINCT text FROM message") == [("Bonjour de lou",)]

    @pytest.mark.parametrize("remade", [False, True])
    def test_cancelled_meanwhile_it_is_not_made_again(self, ready: Any, remade: bool) -> None:
        from campanile.services.campaigns.prepare import make_recap
        from campanile.services.campaigns.revise import read_revised
        from flows.cancel_campaign import cancel_campaign

        prepare()
        revision = read_revised(current_context(), "soldes", "lou", {"text": "Bonsoir"}, [])
        cancel_campaign("soldes", "changed our mind", "camille")
        if remade:
            prepare()
        with pytest.raises(SmsError, match=r"soldes was (cancelled|changed) meanwhile"):
            make_recap(current_context(), revision.draft, revises=revision.revises)
        assert ready.query("SELECT count(*) FROM campaign") == [(1 + remade,)]

    def test_only_what_is_named_changes(self, ready: Any) -> None:
        old = prepare(note="pour Noël", **TOMORROW)
        approve(old)
        new = revise(text="Bonsoir {first_name}", clear=["note"])
        ((state, draft),) = ready.query("SELECT state, draft FROM campaign")
        assert state == "prepared"
        from schemas.draft import CampaignDraft

        revised = CampaignDraft.model_validate_json(draft)
        assert (revised.text, revised.note, revised.actor) == ("Bonsoir {first_name}", None, "lou")
        assert (str(revised.send_on), revised.send_time, revised.lists) == ("2026-11-24", "09:00", ["clients"])
        assert "Bonsoir" in page("recap-soldes")
        assert "Bonjour" in page("recap-soldes"), "the page shows what it was"
        with pytest.raises(SmsError, match="not that of the latest recap"):
            approve(old)
        ready.set_clock("2026-11-24T09:30:00+01:00")
        assert send_due() == [], "an unapproved campaign is not sent at its hour"
        assert ready.sandbox.billing() == []
        with pytest.raises(SmsError, match=r"to be sent at Tue 2026-11-24 09:00 \(Europe/Paris\), which has passed"):
            approve(new)
        approve(revise(send_time="09:45"))
        ready.set_clock("2026-11-24T09:45:00+01:00")
        send_due()
        assert len(ready.sandbox.billing()) == 3
        assert history(ready) == [
            ("prepared", "camille", 1),
            ("approved", "dominique", 1),
            ("withdrawn", "lou", 1),
            ("revised", "lou", 2),
            ("revised", "lou", 3),
            ("approved", "dominique", 3),
            ("started", ready.query("SELECT actor FROM campaign_event WHERE event = 'started'")[0][0], 3),
            ("finished", "campanile", 3),
        ]

    def test_hours_change_and_are_emptied(self, ready: Any) -> None:
        prepare(max_lateness=4, if_closed="drop", **TOMORROW)
        revise(clock="local", max_lateness=2.5)
        revise(if_closed="next_opening", clear=["max_lateness"])
        headers = [json.loads(header) for (header,) in ready.query("SELECT header FROM recap ORDER BY version")]
        assert [[header[name] for name in ("clock", "if_closed", "max_lateness_hours")] for header in headers] == [
            ["team", "drop", 4],
            ["local", "drop", 2.5],
            ["local", "next_opening", None],
        ]
        assert ready.query("SELECT if_closed, max_lateness_hours FROM campaign") == [("next_opening", None)]
        assert "| max lateness hours | 2.5 | (none) |" in page("recap-soldes")

    def test_a_revision_that_fails_keeps_the_approval(self, ready: Any) -> None:
        approve(prepare(**TOMORROW))
        before = ready.query("SELECT * FROM campaign"), history(ready)
        for wrong in (
            {"text": "Bonjour {fist_name}"},
            {"lists": ["clientes"]},
            {"send_time": "25:00"},
            {"send_on": "soon"},
        ):
            with pytest.raises(SmsError):
                revise(**wrong)
        assert (ready.query("SELECT * FROM campaign"), history(ready)) == before

    def test_every_refusal_of_a_locked_campaign_names_the_way_out(self, ready: Any) -> None:
        shown = prepare(**TOMORROW)
        approve(shown)
        for change in (lambda: prepare(text="Bonsoir"), lambda: approve(shown)):
            with pytest.raises(SmsError, match=r"is approved.*revise-campaign"):
                change()

    def test_a_campaign_with_sent_messages_is_not_revised(self, ready: Any) -> None:
        approve(prepare(numbers=["+596696201234"], text="Bonjour {first_name|vous}"))  # it is night in Martinique
        with pytest.raises(SmsError, match="soldes is parked: its sending has begun; cancel-campaign stops"):
            revise(text="Bonsoir {first_name|vous}")

    def test_a_cancelled_campaign_must_be_prepared_again(self, ready: Any) -> None:
        from flows.cancel_campaign import cancel_campaign

        prepare()
        cancel_campaign("soldes", "changed our mind", "camille")
        with pytest.raises(SmsError, match="soldes is cancelled; run prepare-campaign to make a new one"):
            revise(text="Bonsoir")
        assert ready.query("SELECT state FROM campaign") == [("cancelled",)]

    def test_a_cancelled_name_can_be_used_again(self, ready: Any) -> None:
        from flows.cancel_campaign import cancel_campaign

        approve(prepare(**TOMORROW))
        cancel_campaign("soldes", "changed our mind", "camille")
        approve(prepare())
        assert ready.query("SELECT state FROM campaign ORDER BY campaign_id") == [("cancelled",), ("finished",)]
        assert len(ready.sandbox.billing()) == 3
        assert [row[0] for row in history(ready)][2:5] == ["cancelled", "prepared", "approved"]


class TestSendTest:
    def test_own_numbers_read_what_people_will_read(self, ready: Any) -> None:
        prepare()
        shown = send_test(OWN, OWN, "0612345691", "0612345692")
        billed = ready.sandbox.billing()
        assert [line["to"] for line in billed] == ["+33612345690", "+33612345690", "+33612345691", "+33612345692"]
        texts = [
            text for (text,) in ready.query("SELECT text FROM message WHERE origin LIKE 'run %' ORDER BY recipient_id")
        ]
        names = [text.split()[1] for text in texts]
        assert names == ["Maximilienne", "Jo", "Ana", "Maximilienne"], (
            "most expensive, shortest, another, and round again"
        )
        assert ready.query("SELECT DISTINCT sender_id FROM message WHERE origin LIKE 'run %'") == [("36180",)]
        assert "612345690" not in shown
        assert shown == page("test-soldes")
        assert history(ready)[-1] == ("tested", "camille", 1)
        assert ready.query("SELECT state FROM campaign WHERE name = 'soldes'") == [("prepared",)]

    def test_retry_of_a_run_sends_nothing_again(self, ready: Any) -> None:
        prepare()
        for run in ("first", "first", "second"):
            ready.monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", run)
            send_test(OWN)
        assert len(ready.sandbox.billing()) == 2

    def test_opt_outs_bind(self, ready: Any) -> None:
        from flows.record_opt_out import record_opt_out

        prepare()
        record_opt_out(OWN, "phone", "camille")
        assert "stopped by an opt-out" in send_test(OWN)
        assert ready.sandbox.billing() == []

    @pytest.mark.parametrize(
        ("numbers", "words"),
        [
            pytest.param([], "1 to 10 numbers, not to 0", id="none"),
            pytest.param([OWN] * 11, "1 to 10 numbers, not to 11", id="too many"),
            pytest.param([OWN, "0145678901"], r"number 2 \(01\*+901\) cannot get an SMS", id="a landline"),
        ],
    )
    def test_wrong_numbers_plan_nothing(self, prepared: Any, numbers: list[str], words: str) -> None:
        with pytest.raises(SmsError, match=words):
            try_to_test(*numbers)

    def test_without_credit_nothing_is_planned(self, prepared: Any) -> None:
        prepared.sandbox.set_balance("0.01")
        with pytest.raises(SmsError, match=r"^the test of soldes costs 0\.045 EUR; .*: 0\.035 EUR are missing$"):
            try_to_test(OWN)
        prepared.sandbox.set_balance("1000")

    def test_its_name_is_kept(self, ready: Any) -> None:
        with pytest.raises(SmsError, match="is reserved for Campanile"):
            prepare("send-test-sandbox")
        prepare("test-sandbox")
        prepare()
        send_test(OWN)
        assert ready.query("SELECT name FROM campaign WHERE kind = 'test'") == [("send-test-sandbox",)]


@pytest.mark.prefect
def test_the_command_line_runs_a_flow(ready: Any) -> None:
    shown = prepare(**TOMORROW)
    words = ["approve-campaign", "campaign=soldes", f"recap_hash={shown[:8]}", "actor=Ada"]
    done = subprocess.run(
        [sys.executable, "-m", "flows", *words], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == shown
    assert history(ready)[-1] == ("approved", "Ada", 1)
