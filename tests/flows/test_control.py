"""Control of running campaigns: pause, resume, stop everything, resolve unknown messages; and events in Prefect."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from campanile.sms.errors import SmsError
from tasks.context import current_context

ROOT = Path(__file__).parents[2]
ON_SERVER = pytest.mark.prefect
PEOPLE = "mobile\n" + "\n".join(f"06123456{number}" for number in range(70, 80)) + "\n"
TODAY = {"send_on": "2026-11-23", "send_time": "08:30"}
LATER = "2026-11-23T08:31:00+01:00"


@pytest.fixture
def with_people(workspace: Any) -> Any:
    """Ten people, two a slice, one request at a time."""
    from flows.ingest_contacts import ingest_contacts

    workspace.set(slice_size=2, concurrency=1)
    workspace.set_up("ten people", lambda: ingest_contacts("clients", workspace.drop(PEOPLE), legal_basis="consent"))
    return workspace


@pytest.fixture
def ready(with_people: Any) -> Iterator[Any]:
    """Ten people; the invariants are checked after the test."""
    yield with_people
    with_people.assert_in_order()


@pytest.fixture
def deaf(with_people: Any) -> Iterator[Any]:
    """A gateway without idempotency and look-up: a message without an answer stays unknown."""
    with type(with_people.sandbox).start(
        with_people.data_dir / "deaf", resolution="neither", balance="1000", delivery_seconds=0.01
    ) as sandbox:
        with_people.sandbox = sandbox
        with_people.set(sandbox_url=sandbox.base_url, sandbox_resolution="neither")
        yield with_people


def approve(name: str = "soldes", **changes: Any) -> None:
    from flows.approve_campaign import approve_campaign
    from flows.prepare_campaign import prepare_campaign
    from schemas.draft import CampaignDraft

    draft = {
        "name": name,
        "text": f"{name}: bonjour",
        "sender_id": "36180",
        "lists": ["clients"],
        "actor": "camille",
        "repeat": True,
    }
    recap = prepare_campaign(CampaignDraft(**(draft | changes)))
    approve_campaign(name, recap.recap_hash, "dominique")


def pause(name: str = "soldes", reason: str = "wrong price") -> str:
    from flows.pause_campaign import pause_campaign

    return str(pause_campaign(name, "camille", reason))


def resume(name: str = "soldes") -> str:
    from flows.resume_campaign import resume_campaign

    return str(resume_campaign(name, "dominique"))


def resolve(decision: str) -> str:
    from flows.resolve_unknown import resolve_unknown

    return str(resolve_unknown("soldes", decision, "camille", "seen in the console"))


def send_due() -> list[str]:
    from flows.send_due_campaigns import send_due_campaigns

    return list(send_due_campaigns())


def state_of(workspace: Any, name: str = "soldes") -> str:
    return str(workspace.query(f"SELECT state FROM campaign WHERE name = '{name}'")[0][0])


def messages(workspace: Any) -> dict[str, int]:
    return dict(workspace.query("SELECT state, count(*) FROM message_status GROUP BY state"))


def page(key: str) -> str:
    from prefect.artifacts import Artifact

    found = Artifact.get(key)
    assert found is not None, f"no artifact {key}"
    return str(found.data)


def after_post(workspace: Any, post_no: int, act: Callable[[], object]) -> None:
    """Call ``act`` after the gateway has answered request ``post_no`` of a campaign, before the answer is recorded."""
    from campanile.gateways.sandbox.adapter import SandboxGateway

    submit, posts = SandboxGateway.submit, []

    def act_after(gateway: Any, batch: Any, *rest: Any) -> Any:
        posts.append(batch)
        outcomes = submit(gateway, batch, *rest)
        if len(posts) == post_no:
            act()
        return outcomes

    workspace.monkeypatch.setattr(SandboxGateway, "submit", act_after)


class TestPause:
    def test_in_the_middle_it_holds_within_one_batch_and_resumed_it_ends(self, ready: Any) -> None:
        after_post(ready, 2, pause)
        approve()
        assert state_of(ready) == "paused"
        assert messages(ready) == {"accepted": 4, "planned": 6}
        assert len(ready.sandbox.billing()) == 4
        assert "paused by camille: wrong price" in page("progress-soldes")
        ready.set_clock(LATER)
        assert send_due() == []
        assert resume() == "soldes is parked again and continues now"
        assert state_of(ready) == "finished"
        assert len(ready.sandbox.billing()) == 10

    def test_before_its_hour_it_is_verified_again(self, ready: Any) -> None:
        approve(**TODAY)
        assert pause() == "soldes is paused: nothing more of it is sent until resume-campaign"
        assert resume() == "soldes is approved again and continues at Mon 2026-11-23 08:30 (Europe/Paris)"
        ready.set_clock(LATER)
        assert send_due() == ["soldes"]
        assert state_of(ready) == "finished"

    def test_cancelled_while_it_is_paused_it_is_over(self, ready: Any) -> None:
        from flows.cancel_campaign import cancel_campaign

        after_post(ready, 1, pause)
        approve()
        assert cancel_campaign("soldes", "wrong price", "camille") == "finished"
        assert messages(ready) == {"accepted": 2, "cancelled": 8}
        assert "soldes: finished (stopped), 20 % accepted" in page("progress-soldes")
        assert "2 of 10 messages accepted, 8 cancelled, " in page("progress-soldes")

    def test_a_campaign_without_a_sender_for_too_long_is_paused_and_its_page_says_so(self, ready: Any) -> None:
        approve(**TODAY)
        ready.set(wake_up_minutes=60)
        ready.set_clock("2026-11-23T10:30:00+01:00")
        send_due()
        assert state_of(ready) == "paused"
        assert "no run has worked on campaign soldes" in page("progress-soldes")

    def test_it_needs_a_name_and_a_reason(self, ready: Any) -> None:
        approve(**TODAY)
        with pytest.raises(SmsError, match="reason is empty"):
            pause(reason="  ")
        from flows.stop_everything import stop_everything

        with pytest.raises(SmsError, match="actor is empty"):
            stop_everything(" ", "fire")
        assert state_of(ready) == "approved"

    def test_everything_stops(self, ready: Any) -> None:
        from flows.stop_everything import stop_everything

        approve(**TODAY)
        approve("coupure", kind="alert", **TODAY)
        assert stop_everything("camille", "fire").startswith("2 campaigns paused: soldes, coupure. ")
        for name in ("soldes", "coupure"):
            assert f"{name}: paused, " in page(f"progress-{name}")
            assert "everything stopped by camille: fire" in page(f"progress-{name}")
        ready.set_clock(LATER)
        assert send_due() == []
        assert ready.sandbox.billing() == []
        assert stop_everything("camille", "fire").startswith("no campaign was being sent or waiting. ")


class TestUnknown:
    def park(self, workspace: Any, *faults: str) -> None:
        """Send; the messages of the requests with faults become unknown."""
        workspace.sandbox.set_faults(script=list(faults))
        approve()
        assert workspace.query("SELECT state, due_at FROM campaign") == [("parked", None)]
        workspace.set_clock("2026-11-23T08:20:00+01:00")

    def test_they_are_listed_for_a_person(self, deaf: Any) -> None:
        self.park(deaf, "none", "reset", "accept_then_reset")
        shown = page("unknown-soldes")
        assert shown.startswith("# soldes: 4 messages unknown\n")
        assert "a person must decide" in shown
        assert "| +336\\*\\*\\*\\*56" in shown
        assert "resolve-unknown campaign=soldes decision=write_off" in shown
        assert send_due() == []

    def test_written_off_the_campaign_ends(self, deaf: Any) -> None:
        self.park(deaf, "none", "reset")
        assert resolve("write_off") == "2 unknown messages of soldes now written off"
        assert state_of(deaf) == "finished"
        assert messages(deaf) == {"accepted": 8, "written_off": 2}
        assert page("unknown-soldes").startswith("# soldes: nothing is unknown\n")

    def test_sent_again_they_leave_at_once(self, deaf: Any) -> None:
        self.park(deaf, "none", "reset")
        assert resolve("resend") == "2 unknown messages of soldes now waiting to be sent again"
        assert state_of(deaf) == "finished"
        assert messages(deaf) == {"accepted": 10}
        assert len(deaf.sandbox.billing()) == 10

    def test_a_report_that_still_comes_settles_them_by_itself(self, deaf: Any) -> None:
        from flows.collect_delivery_reports import collect_delivery_reports

        self.park(deaf, "none", "accept_then_reset")
        deaf.set_clock("2026-11-23T08:25:00+01:00")
        collect_delivery_reports()
        assert send_due() == ["soldes"]
        assert state_of(deaf) == "finished"
        with pytest.raises(SmsError, match="campaign soldes is finished: it has no unknown message"):
            resolve("resend")

    def test_paused_it_waits_for_its_resumption(self, deaf: Any) -> None:
        self.park(deaf, "none", "reset")
        pause()
        assert "the campaign is paused until resume-campaign" in resolve("resend")
        assert messages(deaf) == {"accepted": 8, "planned": 2}
        resume()
        assert messages(deaf) == {"accepted": 10}


@ON_SERVER
class TestCancelledRun:
    """Cancel in Prefect's UI pauses the campaign, whether or not a process was there to react."""

    def orphan(self, workspace: Any, run_id: str) -> None:
        """Put a campaign into the state after its run took the lease and died."""
        from campanile.gateways.registry import manifest_of
        from campanile.store.ledger.run_lifecycle import Owner, open_sending

        approve(**TODAY)
        workspace.set_clock(LATER)
        with current_context().transaction() as tx:
            open_sending(
                tx,
                "soldes",
                Owner("a machine that is gone", run_id),
                current_context().claim_rules(manifest_of("sandbox")),
            )
        workspace.set_clock("2026-11-23T08:36:00+01:00")

    def run_in_state(self, state: Any) -> Any:
        """Return a send run that Prefect knows in that state."""
        from prefect.client.orchestration import get_client

        from flows.send_campaign import send_campaign

        with get_client(sync_client=True) as client:
            run = client.create_flow_run(send_campaign, parameters={"campaign": "soldes"}, name="brave-owl")
            client.set_flow_run_state(run.id, state, force=True)
            return client.read_flow_run(run.id)

    @pytest.mark.parametrize("name", ["Cancelled", "Cancelling"])
    def test_an_orphan_of_a_cancelled_run_is_paused(self, ready: Any, name: str) -> None:
        from prefect import states

        run = self.run_in_state(getattr(states, name)())
        self.orphan(ready, str(run.id))
        assert send_due() == []
        assert ready.query("SELECT state, state_reason FROM campaign") == [
            ("paused", "its run brave-owl was cancelled in Prefect")
        ]
        assert "its run brave-owl was cancelled in Prefect" in page("progress-soldes")
        assert ready.sandbox.billing() == []
        resume()
        assert state_of(ready) == "finished", "the cancelled run counts no more"

    def test_an_orphan_of_a_crashed_run_goes_on(self, ready: Any) -> None:
        from prefect.states import Crashed

        self.orphan(ready, str(self.run_in_state(Crashed()).id))
        assert send_due() == ["soldes"]
        assert state_of(ready) == "finished"

    def test_an_orphan_of_a_run_that_prefect_has_forgotten_goes_on(self, ready: Any) -> None:
        self.orphan(ready, str(uuid4()))
        assert send_due() == ["soldes"]
        assert state_of(ready) == "finished"

    def test_the_hook_of_the_send_run_pauses_its_campaign(self, ready: Any) -> None:
        from prefect.states import Cancelling

        from flows.send_campaign import send_campaign

        approve(**TODAY)
        run = self.run_in_state(Cancelling())
        (hook,) = send_campaign.on_cancellation_hooks
        hook(send_campaign, run, run.state)
        assert state_of(ready) == "paused"
        assert "soldes: paused, " in page("progress-soldes")
        assert "its run brave-owl was cancelled in Prefect" in page("progress-soldes")
        hook(send_campaign, run, run.state)
        assert [event for (event,) in ready.query("SELECT event FROM campaign_event")].count("paused") == 1

    def test_a_run_cancelled_before_it_began_is_not_started_again(self, ready: Any) -> None:
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
        from prefect.states import Cancelled

        approve(**TODAY)
        ready.set_clock(LATER)
        with get_client(sync_client=True) as client:
            flow_id = client.create_flow_from_name("send-campaign")
            deployment_id = client.create_deployment(flow_id, "send-campaign")
            try:
                assert send_due() == ["soldes"]
                mine = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
                (run,) = client.read_flow_runs(deployment_filter=mine)
                assert run.state is not None
                assert run.state.is_scheduled()
                client.set_flow_run_state(run.id, Cancelled(), force=True)
                assert send_due() == []
                assert state_of(ready) == "paused"
                resume()
                assert len(client.read_flow_runs(deployment_filter=mine)) == 2
                assert send_due() == ["soldes"], "resumed, it is an attempt of its own"
            finally:
                client.delete_deployment(deployment_id)


class TestTopUp:
    @pytest.fixture
    def silent(self, ready: Any) -> Any:
        """The gateway reports no balance."""
        from campanile.gateways.registry import REGISTRY

        entry = REGISTRY["sandbox"]
        manifest = replace(entry.manifest, has_balance=False)
        ready.monkeypatch.setitem(REGISTRY, "sandbox", replace(entry, manifest=manifest))
        return ready

    def top_up(self, amount: float) -> str:
        from flows.record_top_up import record_top_up

        return str(record_top_up("sandbox", amount, "camille"))

    def check(self) -> str:
        from flows.check_balance import check_balance

        return str(check_balance())

    def test_before_the_first_reading_the_balance_is_not_known(self, silent: Any) -> None:
        with pytest.raises(SmsError, match="gateway sandbox reports no balance; run record-top-up"):
            self.check()
        assert "balance 100.50 EUR" in self.top_up(100.5)
        assert "balance 100.50 EUR" in self.check()

    def test_it_falls_by_what_was_accepted_as_at_the_provider(self, silent: Any) -> None:

        silent.sandbox.set_balance("900")
        self.top_up(900)
        approve()
        assert state_of(silent) == "finished"
        there = current_context().gateway("sandbox").balance()
        assert there.amount < 900
        assert f"balance {there.amount:.2f} EUR" in self.check()
        assert f"balance {there.amount + 50:.2f} EUR" in self.top_up(50)

    def test_it_is_in_the_history_and_a_mistake_can_be_taken_back(self, silent: Any) -> None:
        self.top_up(1000)
        self.top_up(-900)
        with pytest.raises(
            SmsError, match=r"amount -200\.00 EUR is not valid: the balance of sandbox would be -100\.00 EUR"
        ):
            self.top_up(-200)
        history = silent.query("SELECT value, actor FROM operator_setting WHERE name = 'top_up.sandbox'")
        assert history == [('"1 000.00 EUR"', "camille"), ('"-900.00 EUR"', "camille")]

    @pytest.mark.parametrize("amount", [0.0, float("nan"), float("inf")], ids=str)
    def test_amounts_that_cannot_be(self, silent: Any, amount: float) -> None:
        with pytest.raises(SmsError, match=f"^amount {amount} is not valid"):
            self.top_up(amount)

    def test_a_gateway_that_reports_its_balance_is_not_topped_up_here(self, ready: Any) -> None:
        with pytest.raises(SmsError, match="gateway sandbox reports its balance itself; run check-balance"):
            self.top_up(10)


@ON_SERVER
class TestEvents:
    def events_of(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the events of a campaign that Prefect has, oldest first."""
        from prefect.client.orchestration import get_client
        from prefect.events.filters import EventFilter, EventOrder, EventResourceFilter

        wanted = EventFilter(resource=EventResourceFilter(id=[f"campanile.campaign.{name}"]), order=EventOrder.ASC)
        with get_client(sync_client=True) as client:
            return [(event.event, event.payload) for event in client.read_events(wanted, limit=50).events]

    def test_they_arrive(self, ready: Any) -> None:
        name = f"soldes-{uuid4().hex[:8]}"
        approve(name, **TODAY)
        pause(name, reason="call 06 12 34 56 78 first")
        resume(name)
        ready.set_clock(LATER)
        send_due()
        give_up_at = time.monotonic() + 60
        while len(found := self.events_of(name)) < 3 and time.monotonic() < give_up_at:
            time.sleep(0.2)
        assert [event for event, _ in found] == ["campaign.paused", "campaign.started", "campaign.finished"]
        paused = found[0][1]
        assert (paused["campaign"], paused["kind"], paused["state"], paused["actor"]) == (
            name,
            "marketing",
            "paused",
            "camille",
        )
        assert "345" not in paused["reason"]

    def test_without_an_api_nothing_fails(self, ready: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        lines = "announce('paused', campaign()); print('went on')"
        done = subprocess.run(
            [sys.executable, "-c", f"from tasks.events import announce; from tests.rows import campaign; {lines}"],
            env=os.environ | {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stdout) == (0, "went on\n"), done.stderr
