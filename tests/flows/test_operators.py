"""The work of operators: cancel, the auto-responder, the balance and its alerts, the simulated clock."""

import os
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from campanile.sms.errors import SmsError
from tasks.context import current_context


@pytest.fixture
def approved(workspace: Any) -> Any:
    """Three people were sent a message from a short code, so that they can answer."""
    workspace.set_up("three people got soldes", lambda: approve(workspace, prepare(workspace, "soldes")))
    return workspace


def prepare(workspace: Any, name: str, **changes: Any) -> str:
    from flows.ingest_contacts import ingest_contacts
    from flows.prepare_campaign import prepare_campaign
    from schemas.draft import CampaignDraft

    if not workspace.query("SELECT 1 FROM contact_list"):
        people = "mobile\n0612345678\n0612345679\n0612345680\n"
        ingest_contacts("clients", workspace.drop(people), legal_basis="consent")
    draft = {"name": name, "text": f"{name}: bonjour", "sender_id": "36180", "lists": ["clients"], "actor": "camille"}
    return str(prepare_campaign(CampaignDraft(**(draft | changes))).recap_hash)


def approve(workspace: Any, recap_hash: str, name: str = "soldes") -> None:
    from flows.approve_campaign import approve_campaign

    approve_campaign(name, recap_hash, "dominique")


def cancel(name: str = "soldes") -> str:
    from flows.cancel_campaign import cancel_campaign

    return str(cancel_campaign(name, "changed our mind", "camille"))


def answer(enabled: bool, text: str = "Merci de votre message", **limits: Any) -> str:
    from flows.configure_auto_responder import configure_auto_responder

    return str(configure_auto_responder(enabled, text, **limits))


def read_replies() -> dict[str, int]:
    from flows.process_replies import process_replies

    return dict(process_replies())


def review(*choice: Any) -> str:
    from flows.review_replies import review_replies

    return str(review_replies(*choice))


def check_balance() -> str:
    from flows.check_balance import check_balance as flow

    return str(flow())


class TestCancel:
    def test_before_the_first_message_it_costs_nothing_and_its_name_is_free(self, workspace: Any) -> None:
        recap_hash = prepare(workspace, "soldes", send_on="2026-11-24", send_time="09:00")
        approve(workspace, recap_hash)
        assert cancel() == "cancelled"
        assert workspace.sandbox.billing() == []
        assert workspace.query("SELECT DISTINCT state FROM message_status") == [("cancelled",)]
        prepare(workspace, "soldes")
        assert workspace.query("SELECT state FROM campaign ORDER BY campaign_id") == [("cancelled",), ("prepared",)]
        workspace.assert_in_order()

    @pytest.mark.parametrize("name", ["auto-reply-sandbox", "notice-sandbox"])
    def test_the_names_of_our_own_campaigns_are_kept(self, workspace: Any, name: str) -> None:
        with pytest.raises(SmsError, match="is reserved for Campanile"):
            prepare(workspace, name)

    def test_locked_once_approved(self, workspace: Any) -> None:
        approve(workspace, prepare(workspace, "soldes", send_on="2026-11-24"))
        with pytest.raises(SmsError, match="locked"):
            prepare(workspace, "soldes", text="Bonsoir")

    def test_sent_messages_stay_sent(self, approved: Any) -> None:
        with pytest.raises(SmsError, match="finished"):
            cancel()
        approved.assert_in_order()

    def test_what_waits_for_its_window_is_cancelled(self, workspace: Any) -> None:
        recap_hash = prepare(workspace, "soldes", numbers=["+596696201234"])  # it is night in Martinique
        approve(workspace, recap_hash)
        assert cancel() == "finished"
        states = dict(workspace.query("SELECT state, count(*) FROM message_status GROUP BY state"))
        assert states == {"accepted": 3, "cancelled": 1}
        workspace.assert_in_order()


class TestAutoResponder:
    def test_off_no_reply_is_answered_then_or_later(self, approved: Any) -> None:
        answer(False)
        approved.sandbox.reply("+33612345678", "Bonjour ?")
        assert read_replies() == {"off": 1}
        answer(True)
        assert read_replies() == {}, "what came while it was off stays unanswered"
        assert len(approved.sandbox.billing()) == 3

    def test_switched_off_it_also_cancels_what_is_not_sent(self, approved: Any) -> None:
        answer(True)
        approved.set(settle_wait_seconds=0.1)
        approved.sandbox.set_faults(script=["unavailable"])
        approved.sandbox.reply("+33612345678", "Bonjour ?")
        assert read_replies() == {"planned": 1}
        answer(False)
        from flows.send_due_campaigns import send_due_campaigns

        approved.set_clock("2026-11-23T08:30:00+01:00")
        send_due_campaigns()
        assert len(approved.sandbox.billing()) == 3
        approved.assert_in_order()

    def test_what_could_not_be_sent_in_time_is_never_sent(self, approved: Any) -> None:
        answer(True, valid_until=datetime(2026, 11, 23, 8, 20))  # noqa: DTZ001 - as a form gives it
        approved.set(settle_wait_seconds=0.1)
        approved.sandbox.set_faults(script=["unavailable"])
        approved.sandbox.reply("+33612345678", "Bonjour ?")
        assert read_replies() == {"planned": 1}
        from flows.send_due_campaigns import send_due_campaigns

        approved.set_clock("2026-11-23T08:30:00+01:00")
        send_due_campaigns()
        assert len(approved.sandbox.billing()) == 3
        found = approved.query("SELECT reason FROM message_status WHERE state = 'cancelled'")
        assert found == [("the auto-responder's time was over",)]
        approved.assert_in_order()

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            pytest.param({"text": "  "}, "switched on without a text", id="no words"),
            pytest.param({"daily_cap": 0}, "allows no answer", id="a daily cap of 0"),
            pytest.param({"person_cap": 0}, "allows no answer", id="a cap of 0 for each person"),
        ],
    )
    def test_on_it_needs_a_text_and_an_actor(self, workspace: Any, wrong: dict[str, Any], words: str) -> None:
        with pytest.raises(SmsError, match=words):
            answer(**({"enabled": True} | wrong))

    def test_countries_we_do_not_write_to_get_no_answer_and_block_no_other_answer(self, approved: Any) -> None:
        answer(True)
        for sender in ("+8613800138000", "+447400123456", "+33612345678"):
            approved.sandbox.reply(sender, "Hello")
        assert read_replies() == {"country_not_allowed": 2, "planned": 1}
        approved.assert_in_order()

    def test_an_hour_without_zone_is_the_teams(self, approved: Any) -> None:
        answer(True, valid_until=datetime(2026, 11, 23, 8, 0))  # noqa: DTZ001 - as a form gives it
        approved.sandbox.reply("+33612345678", "Bonjour ?")
        assert read_replies() == {"off": 1}

    def test_once_a_day_for_a_person(self, approved: Any) -> None:
        answer(True, once_per="day")
        for text in ("un", "deux", "trois"):
            approved.sandbox.reply("+33612345678", text)
        assert read_replies() == {"answered_already": 2, "planned": 1}
        approved.assert_in_order()

    def test_the_daily_cap_holds(self, approved: Any) -> None:
        answer(True, daily_cap=2)
        for sender in ("+33612345678", "+33612345679", "+33612345680"):
            approved.sandbox.reply(sender, "Oui")
        assert read_replies() == {"capped": 1, "planned": 2}

    def test_short_codes_and_names_get_no_answer(self, approved: Any) -> None:
        answer(True)
        approved.sandbox.reply("38000", "Votre colis arrive")
        assert read_replies() == {"not_a_mobile": 1}

    def test_a_doubtful_refusal_is_suppressed_and_not_answered(self, approved: Any) -> None:
        answer(True)
        approved.sandbox.reply("+33612345678", "Pouvez-vous me dire comment je fais pour ne plus recevoir vos messages")
        assert read_replies() == {"stop_doubtful": 1}
        assert approved.query("SELECT source FROM opt_out") == [("reply_doubtful",)]

    def test_a_doubtful_refusal_is_listed_and_lifted_by_name(self, approved: Any) -> None:
        assert review().startswith("# No doubtful replies")
        approved.sandbox.reply("+33612345678", "Comment faire pour ne plus recevoir vos messages ?")
        read_replies()
        page = review()
        assert "## Reply 1" in page
        assert "python -m flows review-replies reply_id=1 verdict=lift actor=" in page
        with pytest.raises(SmsError, match=r"^verdict '' is not valid; give one of lift, keep$"):
            review(1)
        with pytest.raises(SmsError, match=r"^actor is empty"):
            review(1, "lift")
        assert review(1, "lift", "camille").startswith("# No doubtful replies")
        assert approved.query("SELECT count(*) FROM opt_out") == [(0,)]
        approved.assert_in_order()

    def test_a_start_brings_back_and_the_next_campaign_reaches_the_person(self, approved: Any) -> None:
        approved.sandbox.reply("+33612345678", "STOP")
        read_replies()
        approved.set_clock("2026-11-23T08:05:00+01:00")
        approved.sandbox.reply("+33612345678", "START")
        read_replies()
        approve(approved, prepare(approved, "relance"), "relance")
        assert [line["to"] for line in approved.sandbox.billing()].count("+33612345678") == 2
        approved.assert_in_order()

    def test_its_cap_alerts_once_by_mail(self, mailbox: Any) -> None:
        answer(True, daily_cap=1)
        for _ in range(2):
            for sender in ("+33612345678", "+33612345679"):
                mailbox.sandbox.reply(sender, "Oui")
            read_replies()
        (mail,) = [mail for mail in mailbox.mails if "reached its cap" in mail]
        assert "reached its cap of 1 answers in 24 hours" in mail.replace("\n", " ")

    def test_a_stop_at_the_providers_own_number_counts(self, approved: Any) -> None:
        approved.sandbox.opt_out("+33612345679")
        read_replies()
        approve(approved, prepare(approved, "relance"), "relance")
        assert [line["to"] for line in approved.sandbox.billing()].count("+33612345679") == 1
        approved.assert_in_order()


class TestBalance:
    def test_one_mail_a_crossing(self, mailbox: Any) -> None:
        mailbox.set(balance_critical=20)
        check_balance()
        assert mailbox.mails == []
        mailbox.sandbox.set_balance("19.99")
        check_balance()
        check_balance()
        assert len(mailbox.mails) == 1
        assert "19.99 EUR" in mailbox.mails[0]
        mailbox.sandbox.set_balance("500")
        check_balance()
        mailbox.sandbox.set_balance("0")
        check_balance()
        assert len(mailbox.mails) == 2

    def test_a_dead_mail_server_keeps_no_sms_back(self, mailbox: Any) -> None:
        mailbox.set(balance_critical=2000, mail_port=1, alert_numbers="+33612345699")
        assert "below" not in check_balance()
        assert [line["to"] for line in mailbox.sandbox.billing()] == ["+33612345699"]
        mailbox.assert_in_order()

    def test_a_dead_mail_server_fails_no_run_that_sent_everything(self, mailbox: Any) -> None:
        from flows.send_campaign import send_campaign

        approve(mailbox, prepare(mailbox, "soldes", send_on="2026-11-23", send_time="08:30"))
        mailbox.set(balance_critical=2000, mail_port=1)
        mailbox.set_clock("2026-11-23T08:31:00+01:00")
        assert send_campaign("soldes") == "finished"
        mailbox.assert_in_order()

    def test_no_sms_that_can_be_priced_keeps_no_mail_back(self, mailbox: Any) -> None:
        (mailbox.data_dir / "sandbox.csv").write_text("country,price,unit\nBE,0.03,EUR\n")
        mailbox.set(tariff_dir=mailbox.data_dir, balance_critical=2000, alert_numbers="+33612345699")
        check_balance()
        assert len(mailbox.mails) == 1
        assert mailbox.query("SELECT channel, error LIKE '%FR%' FROM alert_try WHERE error IS NOT NULL") == [
            ("sms", True)
        ]

    def test_an_sms_goes_to_the_team_at_once(self, workspace: Any) -> None:
        workspace.set(balance_critical=2000, alert_numbers="+33612345699")
        check_balance()
        check_balance()
        assert [line["to"] for line in workspace.sandbox.billing()] == ["+33612345699"]
        workspace.assert_in_order()

    def test_a_gateway_without_credit_keeps_the_sms_and_alerts_of_that_once(self, mailbox: Any) -> None:
        mailbox.set(alert_numbers="+33612345699")
        mailbox.sandbox.set_balance("0")
        for minute in (0, 2, 4):
            mailbox.set_clock(f"2026-11-23T08:0{minute}:00+01:00")
            check_balance()
        assert [mail.splitlines()[0] for mail in mailbox.mails] == [
            "Campanile: balance of sandbox is used up: 0.00 EUR",
            "Campanile: sending stopped: notice-sandbox on sandbox",
        ]
        mailbox.sandbox.set_balance("500")
        mailbox.set_clock("2026-11-23T08:10:00+01:00")
        check_balance()
        assert [line["to"] for line in mailbox.sandbox.billing()] == ["+33612345699"] * 2
        mailbox.assert_in_order()

    def test_it_is_alerted_after_the_batch_that_crosses_the_line(self, mailbox: Any) -> None:
        mailbox.set(balance_critical="20.03", slice_size=1, concurrency=1)
        mailbox.sandbox.set_balance("20.10")
        approve(mailbox, prepare(mailbox, "soldes"))
        ((mail, *_),) = [mail.splitlines() for mail in mailbox.mails]
        assert mail == "Campanile: balance of sandbox is 20.01 EUR, below 20.03 EUR"
        assert mailbox.query(
            "SELECT count(*) FROM message_event, alert WHERE event = 'accepted' AND recorded_at > raised_at"
        ) == [(1,)], "of three messages the last one was sent after the alert"
        (event,) = [event for event in mailbox.runs.events if event["event"] == "balance.low"]
        assert event["resource"]["prefect.resource.id"] == "campanile.balance.sandbox"
        assert (event["payload"]["balance"], event["payload"]["level"]) == ("20.010000", "low")
        mailbox.assert_in_order()

    def test_the_run_fails_while_nobody_could_be_told(self, mailbox: Any) -> None:
        good_port = os.environ["SMS_MAIL_PORT"]
        mailbox.set(balance_critical=2000, mail_port=1)
        check_balance()
        for minute in (2, 4):
            mailbox.set_clock(f"2026-11-23T08:0{minute}:00+01:00")
            if minute == 4:
                with pytest.raises(SmsError, match="the team was not reached: the mail about balance critical"):
                    check_balance()
            else:
                check_balance()
        mailbox.set(mail_port=good_port)
        mailbox.set_clock("2026-11-23T09:00:00+01:00")
        check_balance()
        assert len(mailbox.mails) == 1

    @pytest.mark.parametrize(
        "run_next",
        [
            pytest.param("check_balance", id="the next reading of the balance"),
            pytest.param("read_replies", id="whatever is scheduled next"),
        ],
    )
    def test_a_mail_that_could_not_be_sent_is_tried_again(self, mailbox: Any, run_next: str) -> None:
        good_port = os.environ["SMS_MAIL_PORT"]
        mailbox.set(balance_critical=2000, mail_port=1)
        check_balance()
        mailbox.set(mail_port=good_port)
        mailbox.set_clock("2026-11-23T08:01:00+01:00")
        globals()[run_next]()
        globals()[run_next]()
        assert len(mailbox.mails) == 1

    def test_a_gateway_that_is_down_keeps_no_mail_back(self, mailbox: Any) -> None:
        good_port = os.environ["SMS_MAIL_PORT"]
        mailbox.set(balance_critical=2000, mail_port=1)
        check_balance()
        mailbox.sandbox.kill()
        mailbox.set(mail_port=good_port)
        mailbox.set_clock("2026-11-23T08:01:00+01:00")
        with pytest.raises(SmsError, match="no connection"):
            check_balance()
        assert len(mailbox.mails) == 1
        mailbox.sandbox.restart()

    def test_a_gateway_that_charges_more_than_the_recap_said_pauses_and_alerts_once(self, mailbox: Any) -> None:
        """The sandbox takes 0.045 a segment; the team's tariff is of last year."""
        (mailbox.data_dir / "sandbox.csv").write_text("country,price,unit\nFR,0.03,EUR\n")
        mailbox.set(tariff_dir=mailbox.data_dir)
        approve(mailbox, prepare(mailbox, "soldes"))
        check_balance()
        price, stopped = mailbox.mails
        words = "gateway sandbox charged 0.135 EUR for messages of soldes that cost 0.09 EUR by the recap (+50.0%)"
        assert price.startswith(f"Campanile: price: soldes on sandbox\n{words}")
        assert stopped.startswith(f"Campanile: sending stopped: soldes on sandbox\n{words}, more than the 20%")
        amounts = dict(mailbox.query("SELECT kind, CAST(sum(amount) AS VARCHAR) FROM credit_entry GROUP BY kind"))
        assert amounts == {"reserve": "0.090000", "capture": "0.090000", "adjust": "0.045000"}
        check_balance()
        assert len(mailbox.mails) == 2, "alerted once; the ledger knows what was charged, so the balance did not drift"

    @pytest.mark.parametrize(
        ("amount", "unit", "words"),
        [
            pytest.param("1e400", "EUR", "1E+400", id="unreadable"),
            pytest.param("-5", "EUR", "-5", id="below zero"),
            pytest.param("1000", "USD", "USD, and its prices are in EUR", id="another unit"),
        ],
    )
    def test_an_invalid_balance_alerts_once_and_clears_nothing(
        self, mailbox: Any, monkeypatch: pytest.MonkeyPatch, amount: str, unit: str, words: str
    ) -> None:
        from campanile.gateways.sandbox.adapter import SandboxGateway

        recap_hash = prepare(mailbox, "soldes")
        mailbox.sandbox.set_balance("10")
        check_balance()
        answer = SandboxGateway.balance
        with monkeypatch.context() as patch:
            patch.setattr(SandboxGateway, "balance", lambda self: replace(answer(self), unit=unit))
            mailbox.sandbox.set_balance(amount)
            line = check_balance()
            check_balance()
            assert words in line
            assert line.count("\n") == 0
            assert [mail.splitlines()[0] for mail in mailbox.mails] == [
                "Campanile: balance of sandbox is 10.00 EUR, below 20.00 EUR",
                "Campanile: balance unreadable on sandbox",
            ]
            assert mailbox.query("SELECT amount, unit FROM balance_reading ORDER BY reading_id DESC LIMIT 1") == [
                (10, "EUR")
            ]
            with pytest.raises(SmsError, match="balance"):
                approve(mailbox, recap_hash)
        open_alerts = "SELECT kind FROM alert WHERE cleared_at IS NULL ORDER BY kind"
        assert mailbox.query(open_alerts) == [("balance_critical",), ("balance_unreadable",)]
        mailbox.sandbox.set_balance("1000")
        check_balance()
        assert mailbox.query(open_alerts) == []
        assert mailbox.sandbox.billing() == []

    def test_approval_needs_a_balance_that_covers(self, workspace: Any) -> None:
        recap_hash = prepare(workspace, "soldes")
        workspace.sandbox.set_balance("0.10")
        with pytest.raises(SmsError, match=r"0\.035 EUR are missing"):
            approve(workspace, recap_hash)


class TestRehearsal:
    def test_marketing_of_a_sunday_night_waits_for_monday(self, workspace: Any) -> None:
        workspace.set_clock("2026-11-22T23:00:00+01:00")
        approve(workspace, prepare(workspace, "soldes"))
        ((state, due_at),) = workspace.query("SELECT state, due_at FROM campaign")
        assert (state, f"{due_at:%a %H:%M}") == ("parked", "Mon 07:00")
        assert workspace.sandbox.billing() == []

    def test_an_alert_is_sent_at_any_time(self, workspace: Any) -> None:
        workspace.set_clock("2026-11-22T23:00:00+01:00")
        approve(workspace, prepare(workspace, "coupure", kind="alert"), "coupure")
        assert len(workspace.sandbox.billing()) == 3
        workspace.assert_in_order()

    @pytest.mark.parametrize(("requested", "count"), [(False, 2), (True, 3)], ids=["unasked for", "asked for"])
    def test_a_stop_binds_an_alert_without_requested_service(self, workspace: Any, requested: bool, count: int) -> None:
        workspace.sandbox.reply("+33612345678", "STOP")
        read_replies()
        approve(workspace, prepare(workspace, "coupure", kind="alert", requested_service=requested), "coupure")
        states = dict(workspace.query("SELECT state, count(*) FROM message_status GROUP BY state"))
        assert sum(states.values()) == count
        workspace.assert_in_order()

    def test_every_process_agrees_on_the_clock(self, workspace: Any) -> None:

        first = current_context().now()
        current_context.cache_clear()  # as a second process
        assert 0 <= (current_context().now() - first).total_seconds() < 60

    def test_a_store_with_a_simulated_clock_is_never_used_for_real(self, workspace: Any) -> None:
        prepare(workspace, "soldes")
        workspace.monkeypatch.delenv("SMS_SIMULATED_NOW")
        workspace.set()
        with pytest.raises(SmsError, match="has a simulated clock"):
            check_balance()

    def test_a_simulated_clock_allows_the_sandbox_only(self, workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from campanile.gateways.registry import REGISTRY

        monkeypatch.setitem(REGISTRY, "real", REGISTRY["sandbox"])
        workspace.set(gateway="real")
        with pytest.raises(SmsError, match="only the sandbox"):
            check_balance()


class TestSendingThroughTrouble:
    def test_a_gateway_that_asks_for_patience_parks_the_campaign_and_nothing_is_lost(self, workspace: Any) -> None:
        from flows.send_due_campaigns import send_due_campaigns

        workspace.set(slice_size=1, settle_wait_seconds=0.1)
        workspace.sandbox.set_faults(script=["none", "unavailable", "unavailable", "unavailable"])
        approve(workspace, prepare(workspace, "soldes"))
        ((state, reason),) = workspace.query("SELECT state, state_reason FROM campaign")
        assert state == "parked"
        assert "accepts no more messages for" in reason
        for minute in (10, 20, 30):
            workspace.set_clock(f"2026-11-23T08:{minute}:00+01:00")
            send_due_campaigns()
        assert workspace.query("SELECT state FROM campaign") == [("finished",)]
        assert len(workspace.sandbox.billing()) == 3
        workspace.assert_in_order()

    def test_stops_that_cannot_be_read_stop_the_sending(self, workspace: Any) -> None:
        from flows.send_campaign import send_campaign

        approve(workspace, prepare(workspace, "soldes", send_on="2026-11-23", send_time="08:30"))
        workspace.set_clock("2026-11-23T08:31:00+01:00")
        workspace.sandbox.kill()
        workspace.set(refusals_before_parking=1)
        assert send_campaign("soldes") == "parked"
        ((reason,),) = workspace.query("SELECT state_reason FROM campaign")
        assert "no connection to" in reason
        assert dict(workspace.query("SELECT state, count(*) FROM message_status GROUP BY state")) == {"planned": 3}
        workspace.sandbox.restart()
        workspace.set_clock("2026-11-23T08:33:00+01:00")
        assert send_campaign("soldes") == "finished"
        workspace.assert_in_order()

    def test_a_gateway_that_shuts_us_out_pauses_the_campaign_and_alerts_once(self, mailbox: Any) -> None:
        from flows.resume_campaign import resume_campaign
        from flows.send_due_campaigns import send_due_campaigns

        recap_hash = prepare(mailbox, "soldes", send_on="2026-11-23", send_time="08:30")
        approve(mailbox, recap_hash)
        mailbox.set_clock("2026-11-23T08:31:00+01:00")
        mailbox.sandbox.set_balance("0.05")  # another application spent it
        send_due_campaigns()
        ((state, reason),) = mailbox.query("SELECT state, state_reason FROM campaign")
        assert state == "paused"
        assert "402" in reason
        assert [mail.splitlines()[0] for mail in mailbox.mails].count(
            "Campanile: sending stopped: soldes on sandbox"
        ) == 1
        mailbox.sandbox.set_balance("100")
        mailbox.set_clock("2026-11-23T08:40:00+01:00")
        check_balance()
        send_due_campaigns()
        assert mailbox.query("SELECT state FROM campaign WHERE kind = 'marketing'") == [("paused",)]
        resume_campaign("soldes", "dominique", "topped up")
        assert mailbox.query("SELECT state FROM campaign WHERE kind = 'marketing'") == [("finished",)]
        mailbox.assert_in_order()

    def test_every_pause_alerts(self, mailbox: Any) -> None:
        """A person resumed it, so the first alert was read: the second one is sent."""
        from flows.resume_campaign import resume_campaign
        from flows.send_due_campaigns import send_due_campaigns

        approve(mailbox, prepare(mailbox, "soldes", send_on="2026-11-23", send_time="08:30"))
        mailbox.set_clock("2026-11-23T08:31:00+01:00")
        mailbox.sandbox.set_balance("0.05")
        send_due_campaigns()
        resume_campaign("soldes", "dominique", "try again")
        assert mailbox.query("SELECT state FROM campaign WHERE kind = 'marketing'") == [("paused",)]
        subjects = [mail.splitlines()[0] for mail in mailbox.mails]
        assert subjects.count("Campanile: sending stopped: soldes on sandbox") == 2

    def test_a_gateway_that_refuses_the_login_alerts_at_once(self, mailbox: Any) -> None:
        from flows.send_due_campaigns import send_due_campaigns

        approve(mailbox, prepare(mailbox, "soldes", send_on="2026-11-23", send_time="08:30"))
        mailbox.set(sandbox_api_key="wrong")
        mailbox.set_clock("2026-11-23T08:31:00+01:00")
        mailbox.query("SELECT 1")
        send_due_campaigns()
        assert mailbox.query("SELECT state FROM campaign WHERE kind = 'marketing'") == [("paused",)]
        assert "Campanile: sending stopped: soldes on sandbox" in {mail.splitlines()[0] for mail in mailbox.mails}

    def test_an_alert_that_leaves_well_does_not_clear_itself(self, workspace: Any) -> None:
        from flows.send_due_campaigns import send_due_campaigns

        recap_hash = prepare(workspace, "soldes", send_on="2026-11-23", send_time="08:30")
        approve(workspace, recap_hash)
        workspace.set(alert_numbers="+33612345699", balance_critical=0)
        workspace.sandbox.set_balance("0.12")  # it covers two messages
        for minute in range(31, 40, 2):
            workspace.set_clock(f"2026-11-23T08:{minute}:00+01:00")
            if minute == 35:
                workspace.sandbox.set_balance("5")  # the campaign is paused: only alerts may use it
            send_due_campaigns()
        (_, _, *alerts) = billing = workspace.sandbox.billing()
        assert [line["to"] for line in billing[:2]] == ["+33612345678", "+33612345679"], "what the credit covers"
        texts = [line["text"] for line in alerts]
        assert len([text for text in texts if "resume-campaign" in text and "soldes" in text]) == 1
        assert len(texts) == len(set(texts)), "each alert once, whatever else is alerted"
        workspace.assert_in_order()

    def test_a_gateway_that_only_answers_look_ups(self, workspace: Any) -> None:
        with type(workspace.sandbox).start(
            workspace.data_dir / "other", resolution="look_up", balance="100"
        ) as sandbox:
            workspace.sandbox = sandbox
            workspace.set(sandbox_url=sandbox.base_url, sandbox_resolution="look_up", slice_size=1, settle_seconds=0.05)
            sandbox.set_faults(script=["accept_then_reset", "reset", "accept_then_500"])
            approve(workspace, prepare(workspace, "soldes"))
            assert workspace.query("SELECT state FROM campaign") == [("finished",)]
            assert len(sandbox.billing()) == 3
            workspace.assert_in_order()

    def test_one_bad_campaign_does_not_keep_the_others(self, workspace: Any) -> None:
        from flows.send_due_campaigns import send_due_campaigns

        for name in ("avant", "apres"):
            approve(workspace, prepare(workspace, name, send_on="2026-11-23", send_time="08:30"), name)
        with current_context().transaction() as tx:
            tx.execute("UPDATE message SET text = 'autre chose' WHERE campaign_id = 1 AND recipient_id % 2 = 0")
        workspace.set_clock("2026-11-23T08:31:00+01:00")
        with pytest.raises(SmsError, match="avant differs from its recap"):
            send_due_campaigns()
        assert workspace.query("SELECT state FROM campaign ORDER BY campaign_id") == [("approved",), ("finished",)]
        assert len(workspace.sandbox.billing()) == 3

    def test_sending_again_is_harmless(self, approved: Any) -> None:
        from flows.send_campaign import send_campaign

        assert "finished" in send_campaign("soldes")
        assert len(approved.sandbox.billing()) == 3
