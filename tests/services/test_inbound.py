"""What comes back, without Prefect: pages of ten thousand, and who gets an automatic answer."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from campanile.services.context import Context
from campanile.services.inbound import history, history_rows, sync
from campanile.services.inbound.auto_answers import plan_answers
from campanile.services.inbound.history import read_history
from campanile.sms.errors import FrameError
from campanile.sms.rules.auto_reply import AutoResponder
from campanile.store.db.database import StatementRunner
from campanile.store.db.invariants import broken_invariants
from campanile.store.inbound.auto_responder import put_auto_responder
from campanile.store.inbound.histories import cursor_of
from schemas.gateway import Charge, DeliveryReport, IncomingReply, Page, ProviderOptOut
from tests.services.reading import readers
from tests.store.conftest import MORNING, Clock
from tests.stores import IN_BOTH_MODES

NOW = MORNING


class Desk:
    """A store of its own, and a gateway's pages."""

    def __init__(self, context: Context, clock: Clock) -> None:
        self.context, self.clock = context, clock
        self.count = 0

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with self.context.transaction(read_only=True) as tx:
            return tx.execute(text).fetchall()

    def read(
        self, name: str, items: Sequence[object], convert: Callable[..., Any] | None = None, keep: Any = None
    ) -> int:
        """Read one page that holds these items, as ``sync_opt_outs`` and ``sync_reports`` do."""
        pages = {"": Page(list(items), "end"), "end": Page([], "end")}
        with self.context.transaction() as tx:
            tx.run("state.change", gateway="sandbox", name=name, value="", at=tx.at)
        known_convert, known_keep = readers(self.context)[name]
        read = pages.__getitem__
        at_once = sync.REPORTS_AT_ONCE if name == "reports" else None
        reading = read_history(
            self.context, "sandbox", name, read, convert or known_convert, keep or known_keep, at_once=at_once
        )
        return reading.new_count

    def reply(self, *texts: str, person: int = 1, received_at: datetime | None = None) -> int:
        """Read one page of replies of a person."""
        items = []
        for text in texts:
            self.count += 1
            items.append(IncomingReply(f"r{self.count}", number(person), text, received_at or self.clock.at))
        return self.read("replies", items)

    def answer(self) -> dict[str, int]:
        """Decide on the replies that wait."""
        return plan_answers(self.context, "sandbox")

    def switch_on(self, **limits: Any) -> None:
        with self.context.transaction() as tx:
            put_auto_responder(tx, AutoResponder(True, "Merci", **limits), "camille")

    def alerts(self) -> list[str]:
        with self.context.transaction(read_only=True) as tx:
            found = tx.execute("SELECT message FROM alert WHERE cleared_at IS NULL ORDER BY alert_id").fetchall()
        return [message for (message,) in found]


def number(person: int) -> str:
    return f"+{33_612_340_000 + person}"


@pytest.fixture
def desk(context: Context, clock: Clock) -> Iterator[Desk]:
    """Return a desk; whatever the test did there, the invariants hold at its end."""
    yield Desk(context, clock)
    with context.transaction(read_only=True) as tx:
        assert broken_invariants(tx) == {}


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are run, each time."""
    run: list[str] = []
    execute = StatementRunner.execute

    def count(self: StatementRunner, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        run.append(sql)
        return execute(self, sql, parameters)

    monkeypatch.setattr(StatementRunner, "execute", count)
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
def test_a_refusal_of_a_sender_that_cannot_be_read_alerts(desk: Desk, sender: str, text: str, is_told: bool) -> None:
    """Nobody can be opted out for it: without a word the person would get the next message."""
    for number_of_reply in range(2):
        items = [IncomingReply(f"u{number_of_reply}", sender, text, desk.clock.at)]
        desk.read("replies", items)
    assert [("record-opt-out" in line, "33612345678" in line) for line in desk.alerts()] == [(True, False)] * is_told
    assert desk.sql("SELECT count(*) FROM alert") == [(2 * is_told,)], "each time anew"


# --- ten thousand at once ----------------------------------------------------------------------------------------


def test_ten_thousand_stops_take_a_few_statements(desk: Desk, statements: list[str]) -> None:
    items = [IncomingReply(f"r{person}", number(person), "STOP", NOW) for person in range(10_000)]
    assert desk.read("replies", items) == 10_000
    assert len(statements) < 200
    assert desk.sql("SELECT count(*), count(DISTINCT opt_out_key) FROM opt_out") == [(10_000, 10_000)]
    assert desk.read("replies", items) == 0, "read twice, kept once"
    assert desk.sql("SELECT count(*) FROM opt_out_entry") == [(10_000,)]


def test_ten_thousand_opt_outs_of_a_provider_take_a_few_statements(desk: Desk, statements: list[str]) -> None:
    items = [ProviderOptOut(number(person), NOW) for person in range(10_000)]
    assert desk.read("opt_outs", items) == 10_000
    assert len(statements) < 100


def test_ten_thousand_reports_take_a_few_statements(desk: Desk, statements: list[str]) -> None:
    items = [
        DeliveryReport(f"d{number}", f"g{number}", None, "delivered", None, False, NOW) for number in range(10_000)
    ]
    assert desk.read("reports", items) == 10_000
    assert len(statements) < 100


def test_no_transaction_takes_more_than_a_part_of_a_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def keep(tx: Any, gateway: str, rows: list[Any]) -> int:
        sizes.append(len(rows))
        return sync.keep_replies(desk.context, tx, gateway, rows)

    monkeypatch.setattr(history, "AT_ONCE", 100)
    items = [IncomingReply(f"r{person}", number(person), "STOP", NOW) for person in range(250)]
    assert desk.read("replies", items, keep=keep) == 250
    assert sizes == [100, 100, 50, 0]
    assert desk.sql("SELECT count(*) FROM opt_out") == [(250,)]


def test_numbers_are_read_outside_of_the_transaction(
    make_context: Callable[..., Context], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of STOPs holds the store for as long as it takes to write it, not to read its numbers."""
    desk, parse, busy = Desk(make_context(store_wait_seconds=0.5), clock), history_rows.parse_number, []

    def parse_and_see(raw: str, region: str) -> Any:
        with desk.context.transaction():  # would wait in vain inside of a transaction
            busy.append(raw)
        return parse(raw, region)

    monkeypatch.setattr(history_rows, "parse_number", parse_and_see)
    assert desk.reply("STOP", "Bonjour") == 2
    assert busy == [number(1)] * 2


# --- who gets an answer ------------------------------------------------------------------------------------------


def test_machines_get_no_answer(desk: Desk) -> None:
    desk.switch_on()
    desk.reply("Réponse automatique : je suis absent jusqu'à lundi", "Oui", "AIDE")
    assert desk.answer() == {"auto_reply": 1, "planned": 2}
    assert desk.sql("SELECT count(*) FROM opt_out") == [(0,)]


def test_two_machines_that_answer_each_other_end(desk: Desk) -> None:
    desk.switch_on(person_cap=3)
    counts: Counter[str] = Counter()
    for _ in range(10):
        desk.clock.at += timedelta(minutes=1)
        desk.reply("Oui")
        counts.update(desk.answer())
    assert counts == {"planned": 3, "person_capped": 7}
    desk.reply("Bonjour", person=2)
    assert desk.answer() == {"planned": 1}, "the others are answered"
    desk.clock.at += timedelta(days=1)
    desk.reply("Oui")
    assert desk.answer() == {"planned": 1}, "the next day starts from zero"


@pytest.mark.parametrize("hours", [-23.9, 0, 24 * 30], ids=["slow", "right", "fast"])
def test_the_cap_counts_by_our_clock(desk: Desk, hours: float) -> None:
    """A gateway whose clock is a day late had ten answers at a cap of five."""
    desk.switch_on(daily_cap=5)
    counts: Counter[str] = Counter()
    for person in range(10):
        desk.clock.at += timedelta(minutes=30)
        desk.reply("Oui", person=person, received_at=desk.clock.at + timedelta(hours=hours))
        counts.update(desk.answer())
    assert counts == {"planned": 5, "capped": 5}


def test_a_capped_auto_responder_alerts_once_and_again_the_next_time(desk: Desk) -> None:
    desk.switch_on(daily_cap=4)
    for person in range(8):
        desk.reply("Oui", person=person)
        desk.answer()
    (line,) = desk.alerts()
    assert line.startswith("the auto-responder on gateway sandbox reached its cap of 4 answers in 24 hours; ")
    assert desk.sql("SELECT count(*) FROM alert") == [(1,)]
    desk.clock.at += timedelta(days=1, minutes=1)
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


@IN_BOTH_MODES
def test_a_start_that_lifts_no_opt_out_is_not_answered(desk: Desk) -> None:
    desk.switch_on()
    desk.read("opt_outs", [ProviderOptOut(number(1), NOW)])
    desk.reply("START")
    assert desk.answer() == {"opted_out": 1}


@IN_BOTH_MODES
def test_the_stop_that_a_provider_lists_too_is_lifted_by_a_start(desk: Desk) -> None:
    """The sandbox and others put a STOP that came as a reply on their own list as well."""
    desk.reply("STOP", received_at=NOW - timedelta(minutes=30))
    listed = ProviderOptOut(number(1), NOW - timedelta(minutes=29))
    desk.read("opt_outs", [listed])
    desk.reply("START", received_at=NOW - timedelta(minutes=1))
    assert desk.sql("SELECT source, lifted_by FROM opt_out_entry") == [("reply", "the person")]
    desk.read("opt_outs", [listed])
    assert desk.sql("SELECT count(*) FROM opt_out") == [(0,)], "read late, it is the same STOP"
    desk.read("opt_outs", [ProviderOptOut(number(1), NOW)])
    assert desk.sql("SELECT source FROM opt_out") == [("gateway",)], "another word at the provider binds"


@pytest.mark.parametrize(
    ("name", "good", "bad", "what"),
    [
        (
            "replies",
            IncomingReply("r1", "+33639980001", "STOP", NOW),
            IncomingReply("r2", "+33639980002", "STOP", None),  # type: ignore[arg-type]
            r"^replies: 2 rows received, not as IncomingReplies requires: received_at not_nullable \(1\); ",
        ),
        (
            "reports",
            DeliveryReport("d1", "g1", None, "delivered", None, False, NOW),
            DeliveryReport("d2", "g2", None, "lost", None, False, NOW),
            r"^delivery reports: 2 rows received, not as DeliveryReports requires: status isin\(.+\) \(1\); ",
        ),
        (
            "opt_outs",
            ProviderOptOut("+33612345671", NOW),
            ProviderOptOut("+33612345672", None),  # type: ignore[arg-type]
            r"^opt-outs of a provider: 2 rows .*: opted_out_at not_nullable \(1\); ",
        ),
    ],
)
def test_nothing_of_a_page_is_kept_when_an_item_is_not_what_it_must_be(
    desk: Desk, name: str, good: object, bad: object, what: str
) -> None:
    with pytest.raises(FrameError, match=what):
        desk.read(name, [good, bad])
    kept = "SELECT (SELECT count(*) FROM reply), (SELECT count(*) FROM delivery_report), (SELECT count(*) FROM opt_out)"
    assert desk.sql(kept) == [(0, 0, 0)]
    with desk.context.transaction(read_only=True) as tx:
        assert cursor_of(tx, "sandbox", name) == ""


def test_a_charge_of_nothing_is_no_exponent(desk: Desk) -> None:
    report = DeliveryReport("d1", "g1", None, "delivered", None, False, NOW, Charge(Decimal("0E-6"), "EUR", 1))
    assert desk.read("reports", [report]) == 1
    assert desk.sql("SELECT charge, charge_unit, charge_segments FROM delivery_report") == [(Decimal(0), "EUR", 1)]
