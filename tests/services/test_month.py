"""The report of a month: costs by campaign and cost centre, and an invoice whose every line is named."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bench.invoicing import MONTH, NOW, PLANTED, fill_month, found_errors, write_invoice
from campanile.files.invoice_aliases import format_of
from campanile.files.invoices import parse_amount, read_invoice
from campanile.gateways.ovhcloud.answers import message_id
from campanile.pages.month import month_file, month_page
from campanile.services.billing.invoice import compare_invoice
from campanile.services.billing.month import read_month, write_month_page
from campanile.services.billing.months import month_bounds
from campanile.services.context import Context
from campanile.sms.errors import CampaignError, ConfigurationError, ContactFileError
from campanile.sms.rules.invoice_categories import CATEGORY_WORDS, InvoiceCategory
from campanile.store.campaigns.campaigns import note_event
from campanile.store.campaigns.writer import standing_campaign
from tests.services.results_desk import ResultsDesk
from tests.stores import context_on, copy_store, forget_copy

PARIS = ZoneInfo("Europe/Paris")
Compare = Callable[..., dict[str, int]]
SYSTEM_MESSAGE = """
INSERT INTO message BY NAME SELECT
    $campaign_id AS campaign_id, $recipient_id AS recipient_id, 33639980001 AS number_id, '+33639980001' AS msisdn,
    'Merci' AS text, 'GSM-7' AS encoding, '36180' AS sender_id, 1 AS segment_count, 0.07 AS price, 'FR' AS territory,
    'FR' AS window_key, 'ref-' || $campaign_id AS client_ref, 1 AS slice_no, $origin AS origin
"""
ACCEPTED = """
INSERT INTO message_event BY NAME SELECT
    1000 + $campaign_id AS event_id, $campaign_id AS campaign_id, $recipient_id AS recipient_id, 'accepted' AS event,
    'gw-' || $campaign_id AS gateway_message_id, $at AS recorded_at
"""


@pytest.fixture
def store(store: Path) -> Path:
    """A store in which messages are written by hand, without their credit."""
    forget_copy(store)
    return store


# --- a month ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResultsDesk]:
    """Two campaigns of November with cost centres, one of December; one message cost more than its recap said."""
    desk = ResultsDesk(copy_store(empty_store, tmp_path_factory.mktemp("month") / "sms.duckdb"))
    got = desk.send("soldes", [1, 2, 3], draft={"cost_centre": "ventes"})
    desk.charge(got[1], "0.10", 2)
    desk.deliver(got[2])
    desk.send("rappel", [4], text="Rappel STOP 36111", draft={"cost_centre": "service"})
    desk.clock.at = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)  # in Paris it is December
    desk.send("alerte", [5], text="Alerte", kind="alert", draft={"kind": "alert"})
    yield desk
    assert desk.broken() == {}


def test_each_campaign_has_its_costs(desk: ResultsDesk) -> None:
    view = read_month(desk.context, "2026-11")
    assert [(row.name, row.cost_centre, row.message_count, row.delivered_count) for row in view.rows] == [
        ("soldes", "ventes", 3, 2),
        ("rappel", "service", 1, 0),
    ]
    soldes = view.rows[0]
    assert (soldes.planned, soldes.captured, soldes.charged) == (Decimal("0.15"), Decimal("0.15"), Decimal("0.20"))


def test_a_month_is_on_the_clock_of_the_team(desk: ResultsDesk) -> None:
    assert [row.name for row in read_month(desk.context, "2026-12").rows] == ["alerte"]
    assert month_bounds("2026-11", PARIS)[0].astimezone(UTC) == datetime(2026, 10, 31, 23, 0, tzinfo=UTC)


def test_page_file_and_table_have_the_same_figures(desk: ResultsDesk) -> None:
    view = read_month(desk.context, "2026-11")
    file = write_month_page(view, month_file(view, PARIS))
    page = month_page(view, PARIS)
    for text in ("ventes", "0.20 EUR", "0.25 EUR", "service"):
        assert text in page
        assert text in file.read_text(encoding="utf-8")
    (table,) = view.exports
    rows = list(csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    assert sum(Decimal(row["charged"]) for row in rows) == Decimal("0.25")


def test_answers_tests_and_notices_are_included_beside_their_campaign(store: Path) -> None:
    desk = ResultsDesk(store)
    desk.send("soldes", [1, 2], draft={"cost_centre": "ventes"})
    desk.reply(1, "Bonjour")
    with desk.tx() as tx:
        note_event(tx, 1, "tested", 1, "camille", "numbers: 1; run-7")
        for kind, recipient_id, origin in (("auto_reply", 1, "x"), ("test", 1, "run-7"), ("notice", 5001, "x")):
            campaign_id = standing_campaign(tx, kind, "sandbox").campaign_id
            row = {"campaign_id": campaign_id, "recipient_id": recipient_id, "origin": origin, "at": tx.at}
            tx.execute(SYSTEM_MESSAGE, {name: value for name, value in row.items() if name != "at"})
            tx.execute(ACCEPTED, {name: value for name, value in row.items() if name != "origin"})
    view = read_month(desk.context, "2026-11")
    assert [(row.kind, row.name, row.cost_centre, row.message_count, row.charged) for row in view.rows] == [
        ("auto_reply", "soldes", "ventes", 1, Decimal("0.07")),
        ("marketing", "soldes", "ventes", 2, Decimal("0.10")),
        ("test", "soldes", "ventes", 1, Decimal("0.07")),
        ("notice", None, None, 1, Decimal("0.07")),
    ]
    centres = month_page(view, PARIS).partition("## Cost centres")[2].partition("\n## ")[0]
    assert "| ventes | 4 | 4 | 0.24 EUR | 0.24 EUR |" in centres
    assert "| (none) | 1 | 1 | 0.07 EUR | 0.07 EUR |" in centres


def test_a_month_without_messages_says_so(desk: ResultsDesk) -> None:
    assert "No message was accepted in this month." in month_page(read_month(desk.context, "2026-10"), PARIS)


@pytest.mark.parametrize(
    ("month", "line"),
    [
        ("2026-13", "month '2026-13' is not valid: give it as year and month, such as 2026-11"),
        ("novembre", "month 'novembre' is not valid"),
        ("../../etc", "is not valid"),
        ("2027-05", "month 2027-05 has not begun"),
    ],
)
def test_a_wrong_month_is_refused(desk: ResultsDesk, month: str, line: str) -> None:
    with pytest.raises(CampaignError, match=line):
        read_month(desk.context, month)


# --- an invoice -------------------------------------------------------------------------------------------------


def test_fifty_planted_errors_are_found_among_100_000_lines_and_no_other(store: Path) -> None:
    context = context_on(store, lambda: NOW)
    with context.transaction() as tx:
        fill_month(tx, 100_000)
    path = store.parent / "facture.csv"
    planted = write_invoice(path, 100_000)
    view = compare_invoice(context, MONTH, str(path), "sandbox", store.parent)
    assert found_errors(view) == planted
    assert len(planted) == 50
    counts = {row.category: row.line_count for row in view.counts}
    assert counts == PLANTED | {InvoiceCategory.MATCHED: 100_000 - 30}
    assert sum(counts.values()) == view.line_count + counts[InvoiceCategory.MISSING]
    with context.transaction(read_only=True) as tx:
        ((charged,),) = tx.execute(
            "SELECT sum(charged) FROM accepted_message WHERE accepted_at > '2026-11-01'"
        ).fetchall()
    assert sum(row.charged for row in view.counts) == charged, "our side is the whole month, each message once"


@pytest.fixture
def small(make_context: Callable[..., Context], store: Path) -> Callable[..., dict[str, int]]:
    """Return a function that compares lines with three messages gw-0 (1 segment), gw-1 (2), gw-2 (3) of 0.045 each."""
    context = context_on(store, lambda: NOW)
    with context.transaction() as tx:
        fill_month(tx, 3)

    def compare(text: str, encoding: str = "utf-8", gateway: str = "sandbox") -> dict[str, int]:
        path = store.parent / "facture.csv"
        path.write_bytes(text.encode(encoding))
        view = compare_invoice(context, MONTH, str(path), gateway, store.parent)
        return {str(row.category): row.line_count for row in view.counts if row.line_count}

    return compare


GOOD = "gw-0;0,045;1\ngw-1;0,09;2\ngw-2;0,135;3\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        pytest.param("message_id;price;segments\n" + GOOD, "utf-8", id="decimal comma"),
        pytest.param(
            "Identifiant;Coût\nx;y\nId message;Coût\ngw-0;0,045\ngw-1;0,09\ngw-2;0,135\n", "cp1252", id="titles"
        ),
        pytest.param(
            "Message ID,Price,Currency\ngw-0,0.045,eur\ngw-1,0.09,EUR\ngw-2,0.135,€\n", "utf-8-sig", id="points"
        ),
        pytest.param("id\tprix\ngw-0\t0,045 €\ngw-1\t€ 0,09\ngw-2\t0,135 EUR\n", "utf-16", id="unit beside it"),
        pytest.param(
            "id;price\ngw-0;-0.045\n\ngw-1;-0.09\ngw-2;-0.135000\n", "utf-8", id="charges as negative amounts"
        ),
    ],
)
def test_invoices_as_providers_write_them(small: Compare, text: str, encoding: str) -> None:
    assert small(text, encoding) == {"matched": 3}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param("gw-0;0,045;1\ngw-0;0,045;1\n", {"duplicate_line": 1, "matched": 1}, id="twice"),
        pytest.param("gw-0;0,046;1\n", {"wrong_price": 1}, id="price"),
        pytest.param("gw-0;0,0450001;1\n", {"matched": 1}, id="below a millionth of the unit"),
        pytest.param("gw-0;0,09;2\n", {"wrong_segments": 1}, id="segments, and with them the price"),
        pytest.param("gw-0;n/a;1\n", {"unreadable_line": 1}, id="no price"),
        pytest.param("gw-0\n", {"unreadable_line": 1}, id="too few cells"),
        pytest.param("gw-0;n/a;1\ngw-0;0,045;1\n", {"matched": 1, "unreadable_line": 1}, id="the readable one counts"),
        pytest.param("gw-0;0,045;1\nTotal;0,045;\n", {"matched": 1, "unknown_id": 1}, id="a line of totals"),
        pytest.param("gw-0;0,045;1\n;0,045;1\n", {"matched": 1, "unreadable_line": 1}, id="no id"),
        pytest.param("gw-0;0,045;1\ngw-3;0,045;1\n", {"matched": 1, "other_month": 1}, id="a month before"),
        pytest.param("gw-0;0,045;1\ngw-9;0,045;1\n", {"matched": 1, "not_accepted": 1}, id="was refused"),
    ],
)
def test_each_line_is_in_one_category(small: Compare, lines: str, expected: dict[str, int]) -> None:
    rest = "gw-1;0,09;2\ngw-2;0,135;3\n"
    assert small(f"id;price;segments\n{lines}{rest}") == expected | {"matched": expected.get("matched", 0) + 2}


def test_a_message_that_no_line_names_is_missing(small: Compare) -> None:
    assert small("id;price\ngw-0;0,045\n") == {"matched": 1, "missing_from_invoice": 2}


def test_a_file_without_the_columns_says_what_it_has(small: Compare) -> None:
    line = (
        r"facture\.csv has no columns with id, price of a message; it has .*Nom.*id: .*message_id.*price: price, amount"
    )
    with pytest.raises(ContactFileError, match=line):
        small("Nom;Total HT\nx;1\n")


def test_an_invoice_of_ovhcloud_needs_the_columns_that_its_ids_are_made_of(tmp_path: Path) -> None:
    path = tmp_path / "invoice.csv"
    path.write_text("id;credits\n7;2\n")
    with pytest.raises(ContactFileError, match="no columns with tag, receiver, price of a message"):
        read_invoice(path, format_of("ovhcloud"), None, 10**6)


def test_a_path_outside_the_allowed_folders_is_refused(small: Compare, store: Path) -> None:
    context = context_on(store, lambda: NOW)
    with pytest.raises(ConfigurationError, match="not in a folder that files may be read from"):
        compare_invoice(context, MONTH, "/etc/passwd.csv", "sandbox", store.parent)


@pytest.mark.parametrize(
    ("gateway", "text", "found"),
    [
        ("twilio", "Sid,Price,PriceUnit,NumSegments\nSM1,-0.0075,USD,1\n", ("SM1", "0.0075", "USD", 1)),
        (
            "ovhcloud",
            "id;tag;receiver;credits\n7;abc;0033612345678;2\n",
            (message_id("abc", "+33612345678"), "2", None, None),
        ),
    ],
)
def test_each_gateway_has_its_columns(tmp_path: Path, gateway: str, text: str, found: tuple[object, ...]) -> None:
    path = tmp_path / "invoice.csv"
    path.write_text(text)
    make_id = (lambda cells: message_id(*cells)) if gateway == "ovhcloud" else None
    lines = read_invoice(path, format_of(gateway), make_id, 10**6)
    row = lines.astype(object).where(lines.notna(), None).iloc[0]
    assert (row["gateway_message_id"], row["price"], row["unit"], row["segment_count"]) == found


@pytest.mark.parametrize("text", ["", "—", "n/a", "12,5x", "1e5", "EUR", "0,0,x", ".", "9999999999999"])
def test_what_is_no_amount(text: str) -> None:
    assert parse_amount(text) is None


def test_each_category_has_its_words() -> None:
    assert set(CATEGORY_WORDS) == set(InvoiceCategory)


def test_the_documentation_has_each_category_in_the_same_words() -> None:
    page = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    assert all(f"| `{category}` | {words} |\n" in page for category, words in CATEGORY_WORDS.items())
