"""What comes back, without Prefect: pages of ten thousand, and who gets an automatic answer."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.gateway import DeliveryReport, IncomingReply, Page, ProviderOptOut
from sms.auto_reply import AutoResponder
from store.answers import put_auto_responder
from store.database import Workbench
from store.inbound import unanswered_replies
from store.invariants import broken_invariants
from tasks import history, inbound
from tests.flows.conftest import forget_process

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Desk:
    """A store of its own, and a gateway's pages."""

    def __init__(self) -> None:
        self.at = NOW
        self.count = 0

    def visit(self, **how: bool) -> Any:
        return inbound.visit_store(**how)

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with self.visit(read_only=True) as visit:
            return visit.execute(text).fetchall()

    def read(self, name: str, items: list[Any], convert: Callable[[Any], Any], keep: Callable[..., int]) -> int:
        """Read one page that holds these items."""
        pages = {"": Page(items, "end"), "end": Page([], "end")}
        with self.visit() as visit:
            visit.run("state.change", gateway="sandbox", name=name, value="", at=visit.at)
        return inbound._read_all("sandbox", name, pages.__getitem__, convert, keep).count

    def reply(self, *texts: str, person: int = 1, received_at: datetime | None = None) -> int:
        """Read one page of replies of a person."""
        items = []
        for text in texts:
            self.count += 1
            items.append(IncomingReply(f"r{self.count}", number(person), text, received_at or self.at))
        return self.read("replies", items, inbound._reply_row, inbound._keep_replies)

    def answer(self) -> dict[str, int]:
        """Decide on the replies that wait."""
        with self.visit(read_only=True) as visit:
            senders = [row["sender"] for row in unanswered_replies(visit, "sandbox", 1000)]
        numbers = {sender: inbound._number_or_none(sender) for sender in senders}
        with self.visit() as visit:
            answers = inbound._plan_answers(visit, "sandbox", inbound.tariff_of("sandbox"), numbers)
        return dict(Counter(answers.values()))

    def switch_on(self, **limits: Any) -> None:
        with self.visit() as visit:
            put_auto_responder(visit, AutoResponder(True, "Merci", **limits), "camille")

    def alerts(self) -> list[str]:
        with self.visit(read_only=True) as visit:
            found = visit.execute("SELECT message FROM alert WHERE cleared_at IS NULL ORDER BY alert_id").fetchall()
        return [message for (message,) in found]

    def assert_in_order(self) -> None:
        with self.visit(read_only=True) as visit:
            assert broken_invariants(visit) == {}


def number(person: int) -> str:
    return f"+{33_612_340_000 + person}"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("SMS_DATA_DIR", str(tmp_path))
    forget_process()
    found = Desk()
    monkeypatch.setattr("tasks.house.now", lambda: found.at)
    yield found
    forget_process()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are run, each time."""
    run: list[str] = []
    execute = Workbench.execute

    def count(self: Workbench, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        run.append(sql)
        return execute(self, sql, parameters)

    monkeypatch.setattr(Workbench, "execute", count)
    return run


# --- senders that cannot be read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "text", "is_told"),
    [
        pytest.param("tel:+33612345678", "STOP", True, id="an address and not a number"),
        pytest.param("+33612345678/TYPE=PLMN", "Ne plus m'envoyer de SMS", True, id="a number with its type"),
        pytest.param("+33612345678/TYPE=PLMN", "Merci", False, id="no refusal"),
        pytest.param("36180", "STOP", False, id="a short code"),
        pytest.param("BANQUE", "STOP", False, id="a name"),
    ],
)
def test_a_refusal_of_a_sender_that_cannot_be_read_is_told(desk: Desk, sender: str, text: str, is_told: bool) -> None:
    """Nobody can be opted out for it: without a word the person would get the next message."""
    for number_of_reply in range(2):
        items = [IncomingReply(f"u{number_of_reply}", sender, text, desk.at)]
        desk.read("replies", items, inbound._reply_row, inbound._keep_replies)
    assert [("record-opt-out" in line, "33612345678" in line) for line in desk.alerts()] == [(True, False)] * is_told
    assert desk.sql("SELECT count(*) FROM alert") == [(2 * is_told,)], "each time anew"


# --- ten thousand at once ----------------------------------------------------------------------------------------


def test_ten_thousand_stops_take_a_few_statements(desk: Desk, statements: list[str]) -> None:
    items = [IncomingReply(f"r{person}", number(person), "STOP", NOW) for person in range(10_000)]
    assert desk.read("replies", items, inbound._reply_row, inbound._keep_replies) == 10_000
    assert len(statements) < 200
    assert desk.sql("SELECT count(*), count(DISTINCT number_id) FROM opt_out") == [(10_000, 10_000)]
    assert desk.read("replies", items, inbound._reply_row, inbound._keep_replies) == 0, "read twice, kept once"
    assert desk.sql("SELECT count(*) FROM opt_out_entry") == [(10_000,)]
    desk.assert_in_order()


def test_ten_thousand_opt_outs_of_a_provider_take_a_few_statements(desk: Desk, statements: list[str]) -> None:
    items = [ProviderOptOut(number(person), NOW) for person in range(10_000)]
    assert desk.read("opt_outs", items, inbound._opt_out_row, inbound._keep_opt_outs) == 10_000
    assert len(statements) < 100


def test_ten_thousand_reports_take_a_few_statements(desk: Desk, statements: list[str]) -> None:
    items = [
        DeliveryReport(f"d{number}", f"g{number}", None, "delivered", None, False, NOW) for number in range(10_000)
    ]
    assert desk.read("reports", items, lambda item: item, inbound._keep_reports) == 10_000
    assert len(statements) < 100


def test_no_transaction_takes_more_than_a_part_of_a_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def keep(visit: Any, gateway: str, rows: list[Any]) -> int:
        sizes.append(len(rows))
        return inbound._keep_replies(visit, gateway, rows)

    monkeypatch.setattr(history, "AT_ONCE", 100)
    items = [IncomingReply(f"r{person}", number(person), "STOP", NOW) for person in range(250)]
    assert desk.read("replies", items, inbound._reply_row, keep) == 250
    assert sizes == [100, 100, 50, 0]
    assert desk.sql("SELECT count(*) FROM opt_out") == [(250,)]


def test_numbers_are_read_outside_of_the_transaction(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of STOPs holds the store for as long as it takes to write it, not to read its numbers."""
    parse, busy = inbound.parse_number, []

    def parse_and_see(raw: str, region: str) -> Any:
        with desk.visit():  # would wait for ever inside of a transaction
            busy.append(raw)
        return parse(raw, region)

    monkeypatch.setenv("SMS_STORE_WAIT_SECONDS", "0.5")
    forget_process()
    monkeypatch.setattr(inbound, "parse_number", parse_and_see)
    assert desk.reply("STOP", "Bonjour") == 2
    assert busy == [number(1)] * 2


# --- who gets an answer ------------------------------------------------------------------------------------------


def test_machines_get_no_answer(desk: Desk) -> None:
    desk.switch_on()
    desk.reply("Réponse automatique : je suis absent jusqu'à lundi", "Oui", "AIDE")
    assert desk.answer() == {"auto_reply": 1, "planned": 2}
    assert desk.sql("SELECT count(*) FROM opt_out") == [(0,)]
    desk.assert_in_order()


def test_two_machines_that_answer_each_other_end(desk: Desk) -> None:
    desk.switch_on(person_cap=3)
    counts: Counter[str] = Counter()
    for _ in range(10):
        desk.at += timedelta(minutes=1)
        desk.reply("Oui")
        counts.update(desk.answer())
    assert counts == {"planned": 3, "person_capped": 7}
    desk.reply("Bonjour", person=2)
    assert desk.answer() == {"planned": 1}, "the others are answered"
    desk.at += timedelta(days=1)
    desk.reply("Oui")
    assert desk.answer() == {"planned": 1}, "the next day begins anew"
    desk.assert_in_order()


@pytest.mark.parametrize("hours", [-23.9, 0, 24 * 30], ids=["slow", "right", "fast"])
def test_the_cap_counts_by_our_clock(desk: Desk, hours: float) -> None:
    """A gateway whose clock is a day late had ten answers at a cap of five."""
    desk.switch_on(daily_cap=5)
    counts: Counter[str] = Counter()
    for person in range(10):
        desk.at += timedelta(minutes=30)
        desk.reply("Oui", person=person, received_at=desk.at + timedelta(hours=hours))
        counts.update(desk.answer())
    assert counts == {"planned": 5, "capped": 5}
    desk.assert_in_order()


def test_a_capped_auto_responder_alerts_once_and_again_the_next_time(desk: Desk) -> None:
    desk.switch_on(daily_cap=4)
    for person in range(8):
        desk.reply("Oui", person=person)
        desk.answer()
    (line,) = desk.alerts()
    assert line.startswith("the auto-responder on gateway sandbox reached its cap of 4 answers in 24 hours; ")
    assert desk.sql("SELECT count(*) FROM alert") == [(1,)]
    desk.at += timedelta(days=1, minutes=1)
    desk.reply("Oui", person=1)
    assert desk.answer() == {"planned": 1}
    assert desk.alerts() == []
    for person in range(2, 8):
        desk.reply("Oui", person=person)
        desk.answer()
    assert desk.sql("SELECT count(*) FROM alert") == [(2,)]


def test_a_start_is_answered_and_the_stop_before_it_is_not(desk: Desk) -> None:
    desk.switch_on()
    desk.reply("STOP", received_at=NOW - timedelta(minutes=2))
    assert desk.answer() == {"stop": 1}
    desk.reply("START", received_at=NOW - timedelta(minutes=1))
    assert desk.answer() == {"planned": 1}
    assert desk.sql("SELECT lifted_by, lifted_reply_id FROM opt_out_entry") == [("the person", 2)]
    desk.assert_in_order()


def test_a_start_that_frees_nobody_is_not_answered(desk: Desk) -> None:
    desk.switch_on()
    desk.read("opt_outs", [ProviderOptOut(number(1), NOW)], inbound._opt_out_row, inbound._keep_opt_outs)
    desk.reply("START")
    assert desk.answer() == {"opted_out": 1}
    desk.assert_in_order()


def test_the_stop_that_a_provider_lists_too_is_lifted_by_a_start(desk: Desk) -> None:
    """The sandbox and others put a STOP that came as a reply on their own list as well."""
    desk.reply("STOP", received_at=NOW - timedelta(minutes=30))
    listed = ProviderOptOut(number(1), NOW - timedelta(minutes=29))
    desk.read("opt_outs", [listed], inbound._opt_out_row, inbound._keep_opt_outs)
    desk.reply("START", received_at=NOW - timedelta(minutes=1))
    assert desk.sql("SELECT source, lifted_by FROM opt_out_entry") == [("reply", "the person")]
    desk.read("opt_outs", [listed], inbound._opt_out_row, inbound._keep_opt_outs)
    assert desk.sql("SELECT count(*) FROM opt_out") == [(0,)], "read late, it is the same STOP"
    desk.read("opt_outs", [ProviderOptOut(number(1), NOW)], inbound._opt_out_row, inbound._keep_opt_outs)
    assert desk.sql("SELECT source FROM opt_out") == [("gateway",)], "another word at the provider binds"
    desk.assert_in_order()
