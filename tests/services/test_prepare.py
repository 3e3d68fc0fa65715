"""What a draft may say, and what its recap then shows: whole preparations, without Prefect and without a gateway."""

import csv
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import campanile.services.campaigns.prepare
from campanile.files.exports import convert_to_csv
from campanile.pages.recap import recap_page
from campanile.pages.recap_views import RecapView
from campanile.services.campaigns.approval_checks import check_times_hold
from campanile.services.campaigns.prepare import make_recap
from campanile.services.campaigns.read_recap import read_recap
from campanile.services.context import Context
from campanile.sms.errors import CampaignError, ConfigurationError, TemplateError
from campanile.store.billing.balance import add_reading
from campanile.store.campaigns.approval import ApprovalRules, approve
from campanile.store.campaigns.recaps import verify_recap
from campanile.store.campaigns.writer import Revised
from campanile.store.contacts.export import export_people
from campanile.store.contacts.import_log import SourceFile, StagedRows
from campanile.store.contacts.lists import declare_legal_basis
from campanile.store.contacts.merge import import_contacts
from schemas.campaign_rows import Campaign
from schemas.draft import CampaignDraft
from schemas.recap_rows import PeopleChange, Recap, Source, UnsentMessages
from tests.store.conftest import Clock
from tests.stores import context_on, copy_store

RULES = ApprovalRules(approvers=(), four_eyes=False, max_age=timedelta(days=3))
DRAFT = {"name": "soldes", "text": "Soldes ce samedi", "sender_id": "MABOUTIQUE", "lists": ["clients"], "actor": "ada"}
PARIS, LYON, CAYENNE = 33612345678, 33612345679, 594694123456
TERRITORIES = {"594": "GF", "689": "PF", "262": "RE", "590": "GP", "687": "NC", "819": "JP"}
REUNION, GUADELOUPE, NOUMEA, TOKYO = 262692123456, 590690001234, 687751234, 819012345678
Prepare = Callable[..., RecapView]


PRICES = """country,price,unit
FR,0.0485,EUR
GF,0.09,EUR
RE,0.09,EUR
GP,0.09,EUR
NC,0.09,EUR
JP,0.09,EUR
PF,0.15,EUR
"""


def fill(
    context: Context,
    name: str,
    people: Mapping[int, Mapping[str, str]],
    legal_basis: str | None = "consent",
    column_map: Mapping[str, str] | None = None,
) -> None:
    """Import people into a list, each with merge fields."""
    rows = [
        (row, number, TERRITORIES.get(str(number)[:3], "FR"), json.dumps(fields, sort_keys=True))
        for row, (number, fields) in enumerate(people.items(), start=1)
    ]
    staged = StagedRows(
        pd.DataFrame(rows, columns=["row_number", "number_id", "territory", "fields"]),
        pd.DataFrame([], columns=["row_number", "reason", "raw_line"]),
        len(rows),
    )
    file = SourceFile(f"{name}.csv", f"digest of {name}", 1, "utf-8", ";", None, column_map or {}, "FR", False)
    with context.transaction() as tx:
        import_contacts(tx, name, file, staged)
        if legal_basis:
            declare_legal_basis(tx, name, legal_basis, None, "ada")


@pytest.fixture(scope="module")
def store_of_clients(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one list of three people."""
    store = copy_store(empty_store, tmp_path_factory.mktemp("clients") / "sms.duckdb")
    people = {PARIS: {"first_name": "Zoé", "postcode": "75001"}, LYON: {"postcode": "69001"}, CAYENNE: {}}
    fill(context_on(store, Clock()), "clients", people)
    return store


@pytest.fixture
def store(store_of_clients: Path, tmp_path: Path) -> Path:
    """A copy of that store, on a Tuesday at 10:00 in Paris."""
    return copy_store(store_of_clients, tmp_path / "data" / "sms.duckdb")


@pytest.fixture
def make_context(make_context: Callable[..., Context], tmp_path: Path) -> Callable[..., Context]:
    """With a tariff of the test's own."""
    (tmp_path / "sandbox.csv").write_text(PRICES, encoding="utf-8")
    return partial(make_context, tariff_dir=tmp_path)


@pytest.fixture
def lists(context: Context) -> Callable[..., None]:
    """Return the way to fill a list."""
    return partial(fill, context)


@pytest.fixture
def prepare_under(make_context: Callable[..., Context]) -> Callable[..., Prepare]:
    """Return a function that prepares under settings of the test's choice."""

    def under(**settings: object) -> Prepare:
        context = make_context(**settings)

        def view(**changes: Any) -> RecapView:
            return view_of(context, make_recap(context, CampaignDraft.model_validate(DRAFT | changes)))

        return view

    return under


@pytest.fixture
def prepare(prepare_under: Callable[..., Prepare]) -> Prepare:
    """Prepare a draft with some fields changed, to three people, and return all that its page shows."""
    return prepare_under()


def page_of(view: RecapView) -> str:
    """Return the page of a recap, without links."""
    return recap_page(view, ZoneInfo("Europe/Paris"), "", [])


def view_of(context: Context, recap: Recap) -> RecapView:
    with context.transaction(read_only=True) as tx:
        return read_recap(context, tx, recap.campaign_id)


def header_of(context: Context) -> dict[str, Any]:
    """Return the header of the newest recap."""
    with context.transaction(read_only=True) as tx:
        row = tx.execute("SELECT header FROM recap ORDER BY campaign_id DESC, version DESC LIMIT 1").fetchone()
    assert row is not None
    return dict(json.loads(row[0]))


def approve_latest(context: Context, name: str = "soldes") -> None:
    with context.transaction() as tx:
        add_reading(tx, "sandbox", Decimal(100), "EUR", Decimal(0))
        approve(tx, name, tx.find(Campaign, "campaign.find", name=name).recap_hash, "grace", RULES)


def read_as(context: Context, name: str) -> Revised:
    with context.transaction(read_only=True) as tx:
        found = tx.find(Campaign, "campaign.find", name=name)
    return Revised(found.campaign_id, found.version)


def reasons(view: RecapView) -> dict[str, int]:
    return {row.reason: row.contact_count for row in view.exclusions}


# --- what a draft may not say ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "line"),
    [
        pytest.param(
            {"text": "Bonjour {firstname}"},
            TemplateError,
            r"^no field \{firstname\}; did you mean \{first_name\}\? fields: first_name, postcode$",
            id="a field that does not exist",
        ),
        pytest.param({"lists": ["client"]}, CampaignError, r"no list 'client'; lists are: clients", id="a list"),
        pytest.param({"gateway": "pigeon"}, ConfigurationError, "pigeon", id="a gateway"),
        pytest.param(
            {"numbers": ["+352621123456"]}, ConfigurationError, "no price for LU", id="a country without price"
        ),
        pytest.param({"sender_id": "12345678"}, CampaignError, "12345678", id="a sender of digits"),
        pytest.param({"offer_ends": "2026-11-23"}, CampaignError, "is not later than", id="an offer that is over"),
        pytest.param(
            {"send_on": "2026-11-24", "send_time": "09:30"}, CampaignError, "has passed", id="an hour that has passed"
        ),
        pytest.param(
            {"clock": "local", "send_on": "2026-11-28"},
            CampaignError,
            r"^clock: local needs a day in send_on and an hour in send_time, for campaign soldes$",
            id="each recipient's clock without an hour",
        ),
        pytest.param(
            {"clock": "local", "send_time": "09:00"}, CampaignError, "clock: local needs a day", id="and without a day"
        ),
        pytest.param(
            {"clock": "local", "send_on": "2026-11-24", "send_time": "09:30"},
            CampaignError,
            r"^send_time 09:30 on 2026-11-24 has passed on the clock of mainland France; give a later hour",
            id="an hour that has passed at one of the territories",
        ),
        pytest.param(
            {"kind": "alert", "if_closed": "drop"},
            CampaignError,
            "if_closed is for marketing",
            id="an alert that drops",
        ),
        pytest.param(
            {"offer_ends": "2026-11-25 07:30", "send_on": "2026-11-25"},
            CampaignError,
            r"^no message of campaign soldes could be sent in time \(2 messages to mainland France: "
            "the offer ends before; "
            r"1 message to French Guiana: the offer ends before\); change its day or hour, offer_ends, ",
            id="nothing that would leave before the offer ends",
        ),
        pytest.param(
            {"if_closed": "drop", "send_on": "2026-11-29", "send_time": "10:00"},
            CampaignError,
            "no message of campaign soldes .* mainland France: its hours are closed then, and if_closed is drop",
            id="a Sunday, and no other day",
        ),
        pytest.param({"emergency_reason": "flood"}, CampaignError, "is for alerts", id="marketing is no emergency"),
        pytest.param({"requested_service": True}, CampaignError, "is for alerts", id="marketing is no service"),
        pytest.param(
            {"sender_id": "36180", "text": "Soldes https://example.org"},
            CampaignError,
            "link",
            id="a link that is blocked",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    context: Context, prepare: Prepare, changes: dict[str, Any], error: type, line: str
) -> None:
    with pytest.raises(error, match=line) as refused:
        prepare(**changes)
    assert "\n" not in str(refused.value)
    with context.transaction(read_only=True) as tx:
        assert tx.find(Campaign, "campaign.find", name="soldes") is None


def test_what_is_left_empty_is_not_said() -> None:
    empty = dict.fromkeys(
        ("file", "send_on", "send_time", "offer_ends", "max_lateness", "emergency_reason", "max_messages_in_days"), " "
    )
    assert CampaignDraft.model_validate(DRAFT | empty) == CampaignDraft.model_validate(DRAFT)


# --- who -------------------------------------------------------------------------------------------------------


def test_the_funnel_goes_from_every_source_to_messages(prepare: Prepare, lists: Callable[..., None]) -> None:
    lists("vip", {PARIS: {"first_name": "Zoé"}, 33612345670: {}})
    view = prepare(lists=["clients", "vip"], numbers=["06 12 34 56 71", "0612345679"], text="Bonjour {first_name}")
    assert list(view.sources) == [
        Source("list clients", 3, 0),
        Source("list vip", 2, 1),
        Source("typed numbers", 2, 0),
    ]
    assert reasons(view) == {"missing_field": 4, "duplicate": 2}
    assert view.recap.audience_count == 7


def test_marketing_needs_a_legal_basis_and_an_alert_does_not(prepare: Prepare, lists: Callable[..., None]) -> None:
    lists("bought", {33612345670: {}, 33612345671: {}}, legal_basis=None)
    assert reasons(prepare(lists=["clients", "bought"])) == {"no_consent": 2}
    assert reasons(prepare(lists=["bought"], kind="alert", name="alerte")) == {}


def test_a_refusal_in_a_file_excludes_from_marketing_of_all_lists(prepare: Prepare, lists: Callable[..., None]) -> None:
    lists("shop", {PARIS: {"sms_consent": "no", "sms_consent_by": "Accord SMS"}, REUNION: {"sms_consent": "yes"}})
    found = prepare(lists=["clients", "shop"], numbers=["0612345678"])
    assert reasons(found) == {"consent_refused": 3}
    assert found.recap.message_count == 3
    assert reasons(prepare(lists=["clients", "shop"], kind="alert", name="alerte")) == {"duplicate": 1}


def test_a_column_that_looks_like_consent_and_is_not_known_stands_in_the_recap(
    prepare: Prepare, lists: Callable[..., None]
) -> None:
    lists("shop", {REUNION: {}}, column_map={"Mobile": "msisdn", "Newsletter SMS ?": "newsletter_sms"})
    words = [found.words for found in prepare(lists=["clients", "shop"]).findings]
    assert sum("list shop" in line and "'Newsletter SMS ?'" in line for line in words) == 1


def test_people_whose_window_never_opens_get_alerts_only(prepare: Prepare, lists: Callable[..., None]) -> None:
    # Polynesia and Mayotte are thirteen hours apart: their windows are never open together.
    lists("far", {68987123456: {"postcode": "97600"}, PARIS: {}})
    assert reasons(prepare(lists=["far"])) == {"never_open": 1}
    assert prepare(lists=["far"], kind="alert", name="alerte").recap.message_count == 2


def test_a_basis_that_is_withdrawn_meanwhile_stops_the_recap(
    context: Context, prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    def withdraw(*args: Any) -> Any:
        with context.transaction() as tx:
            declare_legal_basis(tx, "clients", None, None, "ada")
        return territories(*args)

    territories = campanile.services.campaigns.prepare.territories_of
    monkeypatch.setattr(campanile.services.campaigns.prepare, "territories_of", withdraw)
    with pytest.raises(CampaignError, match="a list of campaign soldes changed while the recap was made"):
        prepare()


def test_a_list_named_twice_is_one_list(prepare: Prepare) -> None:
    once = prepare().recap
    assert prepare(lists=["clients", "clients"]).recap.recap_hash == once.recap_hash


# --- what ------------------------------------------------------------------------------------------------------


def test_the_recap_says_what_a_character_costs(prepare: Prepare) -> None:
    view = prepare(text="L’été " + "a" * 100)
    (finding,) = [found for found in view.findings if found.code == "ucs2"]
    assert (finding.message_count, finding.segment_count) == (3, 3)
    cheaper = prepare(text="L’été " + "a" * 100, replace_characters="typography")
    assert "ucs2" not in {found.code for found in cheaper.findings}
    assert cheaper.recap.total_price == view.recap.total_price / 2
    assert [row.text[:5] for row in cheaper.previews] == ["L'été"] * len(cheaper.previews)


def test_five_previews(prepare: Prepare) -> None:
    view = prepare(text="Bonjour {first_name|cher client}")
    texts = {row.which: row.text for row in view.previews}
    assert texts == {
        "shortest": "Bonjour Zoé STOP au 36180",
        "longest": "Bonjour cher client STOP au 36180",
        "most expensive": "Bonjour cher client STOP au 36789",
        "overseas": "Bonjour cher client STOP au 36789",
        "with defaults": "Bonjour cher client STOP au 36180",
    }


def test_each_message_stands_in_a_table_with_its_window(context: Context, prepare: Prepare) -> None:
    prepare()
    with context.transaction(read_only=True) as tx:
        rows = tx.execute(
            "SELECT territory, encoding, segment_count, CAST(price AS VARCHAR), strftime(planned_from, '%d %H:%M') "
            "FROM planned_message WHERE campaign = 'soldes' ORDER BY territory"
        ).fetchall()
    # 10:00 in Paris is 06:00 in Cayenne: there it leaves two hours later.
    assert rows == [
        ("FR", "GSM-7", 1, "0.048500", "24 09:00"),
        ("FR", "GSM-7", 1, "0.048500", "24 09:00"),
        ("GF", "GSM-7", 1, "0.090000", "24 11:00"),
    ]


# --- when ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expiring"),
    [
        pytest.param(
            {"offer_ends": "2026-11-24 11:00"}, {"GF": "offer_ended"}, id="a territory that opens after the offer"
        ),
        pytest.param({"offer_ends": "2026-11-24"}, {}, id="an offer that ends at midnight"),
        pytest.param({"max_lateness": 1.5}, {"GF": "too_late"}, id="a territory that opens two hours later"),
        pytest.param({"max_lateness": 2.5}, {}, id="and is waited for"),
        pytest.param({"if_closed": "drop"}, {"GF": "closed"}, id="a territory that is closed, and not waited for"),
    ],
)
def test_what_will_not_be_sent_is_shown(prepare: Prepare, changes: dict[str, Any], expiring: dict[str, str]) -> None:
    view = prepare(**changes)
    assert {row.window_key: row.reason for row in view.expiring} == expiring
    assert {row.window_key: row.expiring_count for row in view.windows} == {
        "FR": 0,
        "GF": len(expiring),
    }
    assert sum(leaving.message_count for leaving in view.departures) == 3 - len(expiring)
    page = page_of(view)
    assert ("⚠ **1 message will not be sent in time:** French Guiana (1). See When." in page) is bool(expiring)
    assert ("| ⚠ French Guiana | 0 of 1 | never |" in page) is bool(expiring)


def test_the_headline_is_what_leaves_and_what_it_costs_at_most(
    context: Context, prepare_under: Callable[..., Prepare], lists: Callable[..., None]
) -> None:
    """The mainland takes four minutes, and the offer ends after two; in Cayenne it is night until then."""
    prepare = prepare_under(segments_per_second=1 / 60)
    people = {PARIS: {"first_name": "Zoé " * 40}, LYON: {"first_name": "Al"}, LYON + 1: {"first_name": "Bo"}}
    lists("many", people | {CAYENNE: {"first_name": "Cy"}})
    draft = {"lists": ["many"], "text": "Bonjour {first_name}, soldes ce samedi"}
    whole, cut = prepare(**draft), prepare(**draft, offer_ends="2026-11-24 10:02")
    assert whole.unsent == UnsentMessages(0, 0, Decimal(0))
    assert "**4 messages, 5 segments, 0.284 EUR.** Marketing" in page_of(whole)
    assert {row.window_key: row.message_count for row in cut.expiring} == {"FR-AM": 1, "GF": 1}
    assert cut.unsent == UnsentMessages(2, 2, Decimal("0.0485") + Decimal("0.09"))
    assert "**2 messages, 3 segments, at most 0.1455 EUR;** 2 more would expire unsent, 0.1385 EUR." in page_of(cut)
    assert cut.recap.total_price == whole.recap.total_price, "approval commits all of it"


def test_a_rate_is_one_of_segments(prepare_under: Callable[..., Prepare]) -> None:
    prepare = prepare_under(segments_per_second=0.5)
    for text, seconds in (("Soldes", 4), ("Soldes " * 25, 8)):
        (leaving,) = [row for row in prepare(text=text).departures if row.window_key == "FR"]
        assert (leaving.ends_at - leaving.starts_at).total_seconds() == seconds


def test_closed_days_are_named(prepare: Prepare) -> None:
    days = {row.window_key: row.closed_days for row in prepare(send_on="2026-12-25").windows}
    assert [day for day, _ in days["FR"]] == ["2026-12-25"]


def test_another_zone_of_the_team_is_another_hash(prepare_under: Callable[..., Prepare]) -> None:
    first = prepare_under()(send_on="2026-11-25", send_time="10:00")
    second = prepare_under(team_zone="America/Cayenne")(send_on="2026-11-25", send_time="10:00")
    assert [row.field for row in second.changes.fields] == ["due_at"]
    assert second.recap.recap_hash != first.recap.recap_hash


def test_a_postcode_that_cannot_be_read_gets_the_strictest_hours_and_is_counted(
    prepare: Prepare, lists: Callable[..., None]
) -> None:
    lists("elsewhere", {PARIS: {"postcode": "75001"}, LYON: {"postcode": "2e étage"}, REUNION: {"postcode": "'97400"}})
    view = prepare(lists=["elsewhere"])
    assert {row.window_key: row.message_count for row in view.windows} == {"FR": 1, "FR-ANY": 1, "RE": 1}
    assert view.unreadable_postcode_count == 1
    assert "1 message to a postcode that cannot be read" in page_of(view)


# --- on each recipient's clock ----------------------------------------------------------------------------------

EVERYWHERE = {
    PARIS: {}, REUNION: {}, GUADELOUPE: {}, NOUMEA: {}, LYON: {"postcode": "97400"},
}  # fmt: skip
LOCAL = {"clock": "local", "lists": ["everywhere"], "send_on": "2026-11-26", "send_time": "09:00"}
NINE_THERE = {
    "NC": "2026-11-25T22:00:00+00:00",
    "RE": "2026-11-26T05:00:00+00:00",
    "FR-AM": "2026-11-26T08:00:00+00:00",
    "FR-AM+RE": "2026-11-26T08:00:00+00:00",
    "GP": "2026-11-26T13:00:00+00:00",
}


def test_nine_is_nine_in_each_territory(context: Context, prepare: Prepare, lists: Callable[..., None]) -> None:
    lists("everywhere", EVERYWHERE)
    view = prepare(**LOCAL)
    assert header_of(context)["place_due_at"] == NINE_THERE
    assert [row.window_key for row in view.departures] == ["NC", "RE", "FR-AM+RE", "FR-AM", "GP"]
    assert all(row.starts_at.isoformat() >= NINE_THERE[row.window_key] for row in view.departures)
    with context.transaction(read_only=True) as tx:
        rows = tx.execute("SELECT window_key, not_before FROM slice ORDER BY slice_no").fetchall()
        due_at = tx.find(Campaign, "campaign.find", name="soldes").due_at
    assert {key: hour.astimezone(UTC).isoformat() for key, hour in rows} == NINE_THERE
    assert [key for key, _ in rows] == ["NC", "FR-AM+RE", "RE", "FR-AM", "GP"], "who closes first stands first"
    assert due_at.astimezone(UTC).isoformat() == NINE_THERE["NC"] == header_of(context)["due_at"]
    page = page_of(view)
    assert "sent on 2026-11-26 at 09:00 on each recipient's own clock, the first from Wed 2026-11-25 23:00 (" in page
    assert "| Guadeloupe | 1 | Thu 2026-11-26 09:00 | 14:00 |" in page


def test_an_alert_waits_for_the_recipients_clock_too(prepare: Prepare, lists: Callable[..., None]) -> None:
    lists("everywhere", EVERYWHERE)
    view = prepare(**LOCAL | {"send_time": "06:00"}, kind="alert")
    starts = [f"{row.starts_at.astimezone(UTC):%d %H:%M}" for row in view.departures]
    assert starts[:2] == ["25 19:00", "26 02:00"]


def test_a_territory_without_a_known_clock(prepare: Prepare, lists: Callable[..., None]) -> None:
    lists("everywhere", EVERYWHERE | {TOKYO: {}})
    assert reasons(prepare(**LOCAL)) == {"never_open": 1}
    with pytest.raises(ConfigurationError, match="no hours are known for 'JP'"):
        prepare(**LOCAL, kind="alert", name="alerte")
    assert prepare(kind="alert", name="alerte", lists=["everywhere"]).recap.message_count == 6


def test_on_the_teams_clock_no_territory_has_an_hour_of_its_own(context: Context, prepare: Prepare) -> None:
    prepare(send_on="2026-11-26", send_time="09:00")
    assert header_of(context)["place_due_at"] == {}
    with context.transaction(read_only=True) as tx:
        assert tx.execute("SELECT DISTINCT not_before FROM slice").fetchall() == [(None,)]


# --- approved in time -------------------------------------------------------------------------------------------

EXPIRY_RULES = {"offer_ends": "2026-11-24 22:00"}


@pytest.mark.parametrize(
    ("changes", "at", "line"),
    [
        pytest.param(EXPIRY_RULES, "2026-11-24T16:00", None, id="in time"),
        pytest.param(
            EXPIRY_RULES,
            "2026-11-24T20:30",
            r"\(2 messages to mainland France: the offer ends before\); prepare it again to see which",
            id="too late for one territory before its offer ends",
        ),
        pytest.param(
            {"if_closed": "drop"},
            "2026-11-24T20:30",
            "2 messages to mainland France: its hours are closed then",
            id="closed in one territory meanwhile",
        ),
        pytest.param(
            {"if_closed": "drop"},
            "2026-11-24T10:05",
            None,
            id="closed in another since the recap, which says so",
        ),
        pytest.param(
            {"if_closed": "drop"},
            "2026-11-25T01:00",
            "2 messages to mainland France: .*; 1 message to French Guiana: ",
            id="closed everywhere now",
        ),
        pytest.param({"max_lateness": 2.5}, "2026-11-24T11:00", None, id="its patience begins with the approval"),
        pytest.param({"send_on": "2026-11-24"}, "2026-11-24T15:00", None, id="on its day, which has begun"),
        pytest.param(
            {"send_on": "2026-11-24"},
            "2026-11-25T09:00",
            "was to be sent at Tue 2026-11-24 10:00 .*, which has passed",
            id="on the day after",
        ),
        pytest.param(
            {"send_on": "2026-11-24", "send_time": "11:00"},
            "2026-11-24T11:01",
            r"was to be sent at Tue 2026-11-24 11:00 \(Europe/Paris\), which has passed",
            id="after its hour",
        ),
        pytest.param(
            {"send_on": "2026-11-24", "send_time": "11:00", "if_closed": "drop"},
            "2026-11-24T11:01",
            "was to be sent at Tue 2026-11-24 11:00 .*, which has passed",
            id="after its hour, though a territory that is closed then is dropped",
        ),
        pytest.param(
            {"clock": "local", "send_on": "2026-11-25", "send_time": "09:00"},
            "2026-11-25T09:01",
            "was to be sent at Wed 2026-11-25 09:00 .*, which has passed",
            id="after the hour of its first territory, before that of the last",
        ),
    ],
)
def test_hours_are_looked_at_again_at_approval(
    context: Context, clock: Clock, prepare: Prepare, changes: dict[str, Any], at: str, line: str | None
) -> None:
    prepare(**changes)
    clock.at = datetime.fromisoformat(f"{at}+01:00")
    with context.transaction(read_only=True) as tx:
        campaign = tx.find(Campaign, "campaign.find", name="soldes")
        if line is None:
            check_times_hold(context, tx, campaign)
            return
        with pytest.raises(CampaignError, match=line) as refused:
            check_times_hold(context, tx, campaign)
    assert "\n" not in str(refused.value)


# --- from version to version -----------------------------------------------------------------------------------


def test_a_recap_says_what_changed_since_the_one_before(prepare: Prepare, lists: Callable[..., None]) -> None:
    assert prepare().changes is None
    lists("vip", {33612345670: {}})
    changes = prepare(text="Soldes ce dimanche", lists=["vip", "clients"], numbers=[]).changes
    assert changes.since_version == 1
    assert {row.field for row in changes.fields} == {"text", "lists"}
    assert changes.people == PeopleChange(added=1, removed=0, rewritten=3)
    assert {row.figure: (str(row.before), str(row.after)) for row in changes.figures} == {
        "contacts": ("3", "4"),
        "messages": ("3", "4"),
        "segments": ("3", "4"),
        "price": ("0.187000", "0.235500"),
    }


def test_the_same_text_to_the_same_people_is_stopped_at_once(context: Context, prepare: Prepare) -> None:
    prepare()
    approve_latest(context)
    with pytest.raises(CampaignError, match=r"3 of its 3 people .* soldes .* repeat: true"):
        prepare(name="encore", text="SOLDES  ce samedi")
    with context.transaction(read_only=True) as tx:
        assert tx.find(Campaign, "campaign.find", name="encore") is None
    assert prepare(name="encore", repeat=True).recap.message_count == 3
    emergency = prepare(name="alerte", kind="alert", emergency_reason="recall of a product")
    assert emergency.recap.message_count == 3


def test_a_locked_campaign_names_the_way_out_and_a_revision_takes_it(context: Context, prepare: Prepare) -> None:
    prepare()
    approve_latest(context)
    with pytest.raises(CampaignError, match="revise-campaign"):
        prepare(text="Soldes ce dimanche")
    revised = view_of(
        context,
        make_recap(
            context, CampaignDraft.model_validate(DRAFT | {"text": "Soldes !"}), revises=read_as(context, "soldes")
        ),
    )
    assert (revised.campaign.state, revised.recap.version) == ("prepared", 2)
    assert revised.changes.people.rewritten == 3


def test_two_people_who_revise_at_once_lose_nothing(context: Context, prepare: Prepare) -> None:
    prepare()
    read = read_as(context, "soldes")
    make_recap(context, CampaignDraft.model_validate(DRAFT | {"text": "Soldes !"}), revises=read)
    with pytest.raises(CampaignError, match="was changed meanwhile"):
        make_recap(context, CampaignDraft.model_validate(DRAFT | {"note": "mine"}), revises=read)
    with context.transaction(read_only=True) as tx:
        assert tx.get(Campaign, "campaign.find", name="soldes").draft.text == "Soldes !"


OBEYED = {
    "kind": "'alert'",
    "policy": "'us-tcpa'",
    "gateway": "'other'",
    "requested_service": "true",
    "sender_id": "'OTHER'",
    "due_at": "due_at + INTERVAL 1 HOUR",
    "offer_ends_at": "due_at",
    "if_closed": "'drop'",
    "max_lateness_hours": "3",
}


@pytest.mark.parametrize("column", OBEYED)
def test_what_sending_obeys_is_what_the_recap_says(context: Context, prepare: Prepare, column: str) -> None:
    prepare(send_on="2026-11-25")
    with context.transaction() as tx:
        tx.execute(f"UPDATE campaign SET {column} = {OBEYED[column]}")
    with (
        context.transaction() as tx,
        pytest.raises(CampaignError, match=rf"differs from its recap \({column}\)"),
    ):
        verify_recap(tx, tx.find(Campaign, "campaign.find", name="soldes"))


@pytest.mark.parametrize(
    ("change", "is_refused"),
    [
        pytest.param("due_at = due_at + INTERVAL 1 DAY", False, id="put off"),
        pytest.param("due_at = due_at - INTERVAL 1 HOUR", True, id="brought forward"),
        pytest.param("first_due_at = first_due_at - INTERVAL 1 HOUR", True, id="another hour was approved"),
    ],
)
def test_an_approved_campaign_may_be_put_off_and_not_brought_forward(
    context: Context, prepare: Prepare, change: str, is_refused: bool
) -> None:
    prepare(send_on="2026-11-25", send_time="10:00")
    approve_latest(context)
    with context.transaction() as tx:
        tx.execute(f"UPDATE campaign SET {change}")
        campaign = tx.find(Campaign, "campaign.find", name="soldes")
        if not is_refused:
            verify_recap(tx, campaign)
            return
        with pytest.raises(CampaignError, match=r"differs from its recap \(due_at\)"):
            verify_recap(tx, campaign)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("not_before + INTERVAL 1 HOUR", id="moved"),
        pytest.param("NULL", id="taken away"),
        pytest.param("CASE slice_no WHEN 1 THEN NULL ELSE not_before END", id="taken away from one"),
    ],
)
def test_the_hour_of_each_territory_is_what_the_recap_says(context: Context, prepare: Prepare, change: str) -> None:
    prepare(clock="local", send_on="2026-11-25", send_time="09:00")
    with context.transaction() as tx:
        verify_recap(tx, tx.find(Campaign, "campaign.find", name="soldes"))
        tx.execute(f"UPDATE slice SET not_before = {change}")
    with (
        context.transaction() as tx,
        pytest.raises(CampaignError, match=r"differs from its recap \(place_due_at\)"),
    ):
        verify_recap(tx, tx.find(Campaign, "campaign.find", name="soldes"))


def test_a_revision_that_fails_keeps_the_approval(context: Context, prepare: Prepare) -> None:
    prepare()
    approve_latest(context)
    with pytest.raises(TemplateError):
        make_recap(
            context, CampaignDraft.model_validate(DRAFT | {"text": "{nobody}"}), revises=read_as(context, "soldes")
        )
    with context.transaction(read_only=True) as tx:
        assert tx.find(Campaign, "campaign.find", name="soldes").state == "approved"


# --- what leaves again, for a CRM ------------------------------------------------------------------------------


def test_messages_are_exported_with_the_fields_under_the_names_of_the_file(
    context: Context, lists: Callable[..., None], tmp_path: Path
) -> None:
    columns = {"Mobile": "msisdn", "N° client": "n_client", "Prénom": "first_name", "State": "state"}
    people = {PARIS: {"n_client": "=C17", "first_name": "Zoé", "state": "VIP"}, LYON: {"n_client": "C18"}}
    lists("crm", people, column_map=columns)
    draft = DRAFT | {"lists": ["crm"], "numbers": ["0612345699"]}
    recap = make_recap(context, CampaignDraft.model_validate(draft))

    def exported() -> dict[str, tuple[str, ...]]:
        with context.transaction(read_only=True) as tx:
            export_people(tx, "result.everyone", recap.campaign_id, tmp_path / "everyone.parquet")
        path = convert_to_csv(tmp_path / "everyone.parquet", tmp_path / "everyone.csv")
        rows = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter=";")
        fields = ("N° client", "Prénom", "field_state", "state")
        return {row["msisdn"].lstrip("'"): tuple(row[name] for name in fields) for row in rows}

    expected = {
        f"+{PARIS}": ("'=C17", "Zoé", "VIP", "planned"),
        f"+{LYON}": ("C18", "", "", "planned"),
        "+33612345699": ("", "", "", "planned"),
    }
    assert exported() == expected
    with context.transaction() as tx:
        tx.execute("DELETE FROM contact")
    assert exported() == expected, "people who have left their list since"


# --- what is not meant for a phone ------------------------------------------------------------------------------


def test_a_merge_field_of_another_tool_is_refused_unless_the_draft_names_it(context: Context, prepare: Prepare) -> None:
    text = "Bonjour {{first_name}}, [PRENOM], soldes"
    with pytest.raises(CampaignError, match=r"« {{first_name}} » is a merge field of another tool: 3 recipients"):
        prepare(text=text)
    with pytest.raises(CampaignError, match=r"« \[PRENOM\] » is a merge field of another tool"):
        prepare(text=text, literal_placeholders=["{{first_name}}"])
    view = prepare(text=text, literal_placeholders=["{{first_name}}", "[PRENOM]"])
    assert header_of(context)["literal_placeholders"] == ["{{first_name}}", "[PRENOM]"], "the hash covers it"
    assert view.previews[0].text.startswith("Bonjour {first_name}, [PRENOM]")
    assert "« \\{\\{first\\_name\\}\\} » is sent literally" in page_of(view)


def test_leftovers_of_programs_in_cells_are_in_the_recap(prepare: Prepare, lists: Callable[..., None]) -> None:
    names = ["NULL", "Dupont &amp; fils", ' "Zoé"', "Zo\u200bé", "Léa"]
    lists("left", {33612345670 + number: {"first_name": name} for number, name in enumerate(names)})
    draft = {"lists": ["left"], "text": "{first_name}, " + "a" * 60}
    view = prepare(**draft)
    found = {each.code: each for each in view.findings if each.code.startswith("leftover_")}
    assert {code: each.message_count for code, each in found.items()} == {
        "leftover_no_value": 1, "leftover_html": 1, "leftover_quoted": 1, "leftover_invisible": 1,
    }  # fmt: skip
    assert found["leftover_invisible"].price == Decimal("0.0485"), "UCS-2 for an invisible character"
    assert "leftover_invisible" not in {
        each.code for each in prepare(**draft, replace_characters="typography").findings
    }


# --- what people type -------------------------------------------------------------------------------------------


def test_a_column_is_a_merge_field_by_its_own_header(prepare: Prepare, lists: Callable[..., None]) -> None:
    columns = {"Mobile": "msisdn", "Prénom": "first_name", "Code postal": "postcode", "N° client": "n_client"}
    lists("own", {PARIS: {"first_name": "Zoé", "postcode": "75001", "n_client": "12"}}, column_map=columns)
    text = "Bonjour {Prénom|cher client}, {PRENOM}, {first_name}: {Code postal} {N° client}"
    view = prepare(lists=["own"], text=text)
    assert view.previews[0].text == "Bonjour Zoé, Zoé, Zoé: 75001 12 STOP au 36180"
    assert view.header.text == text


def test_a_known_name_is_enough_and_two_fields_of_one_name_are_refused(
    prepare: Prepare, lists: Callable[..., None]
) -> None:
    lists("en", {LYON: {"first_name": "Al"}}, column_map={"Mobile": "msisdn", "First name": "first_name"})
    assert prepare(lists=["en"], text="Bonjour {Prénom}").previews[0].text == "Bonjour Al STOP au 36180"
    lists("odd", {PARIS: {"surnom": "Z"}}, column_map={"Mobile": "msisdn", "First name": "surnom"})
    with pytest.raises(TemplateError, match=r"^{First name} is not the same .* write {first_name} or {surnom}$"):
        prepare(lists=["en", "odd"], text="Bonjour {First name}")


def test_a_title_is_kept_and_its_key_names_the_campaign(prepare: Prepare) -> None:
    view = prepare(name="Noël 2026")
    assert (view.campaign.name, view.campaign.draft.title) == ("noel-2026", "Noël 2026")
    assert page_of(view).startswith("# Recap of Noël 2026 (noel-2026), version 1\n")
    assert prepare(name="noel-2026", title="Noël 2026", text="Soldes").recap.version == 2
    with pytest.raises(CampaignError, match=r"^'Noel 2026 !' gives the key noel-2026, which is that of 'Noël 2026';"):
        prepare(name="Noel 2026 !")


def test_a_day_is_read_by_the_convention_of_the_team(prepare_under: Callable[..., Prepare]) -> None:
    prepare, prepare_there = prepare_under(), prepare_under(date_order="month_first")
    half_past_ten = datetime(2026, 12, 5, 9, 30, tzinfo=UTC)
    assert prepare(send_on="05/12/2026", send_time="10h30").campaign.due_at == half_past_ten
    assert prepare_there(send_on="12/05/2026 10h30").campaign.due_at == half_past_ten


# --- what a recap says when there is little to say ---------------------------------------------------------------


def test_an_empty_recap_says_no_more_than_is_true(
    context: Context, prepare: Prepare, lists: Callable[..., None]
) -> None:
    lists("bought", {33612345670: {}}, legal_basis=None)
    before = prepare(lists=["bought"], sender_id="36180")
    assert before.recap.message_count == 0
    assert before.undeclared == ["bought"]
    page = page_of(before)
    assert "nobody can answer" not in page
    assert "**No legal basis is declared for bought:** its people get no marketing." in page
    with context.transaction() as tx:
        declare_legal_basis(tx, "bought", "consent", None, "ada")
    after = prepare(lists=["bought"], sender_id="36180")
    assert (after.recap.message_count, after.undeclared) == (1, [])
    assert "can_be_answered" not in [row.field for row in after.changes.fields]


def test_at_night_a_recap_says_when_the_hours_open(clock: Clock, prepare: Prepare) -> None:
    assert "sent as soon as it is approved." in page_of(prepare())
    clock.at = datetime.fromisoformat("2026-11-24T02:06+01:00")
    page = page_of(prepare())
    assert "sent when the sending window next opens: if approved now, from Tue 2026-11-24 08:00 (Europe/Paris)." in page
