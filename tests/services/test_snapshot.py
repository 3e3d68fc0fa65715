"""Tables for analysts: the columns that are documented, of one moment, without a number in clear."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from campanile.pages.data_dictionary import snapshot_documents
from campanile.services.snapshot import write_snapshot
from campanile.sms.text.masking import mask_number
from campanile.store.campaigns.writer import standing_campaign
from campanile.store.inbound.replies import add_replies
from schemas.frame_checks import duckdb_types
from schemas.marts import MARTS, TEXT, Mart
from tests.services.results_desk import ResultsDesk
from tests.store.conftest import number_of
from tests.stores import copy_store

EACH_MART = pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)


@pytest.fixture(scope="module")
def desk(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResultsDesk]:
    """A list of two people, a campaign with a delivery, a reply, a STOP, and a campaign of notices without messages."""
    desk = ResultsDesk(copy_store(empty_store, tmp_path_factory.mktemp("snapshot") / "sms.duckdb"))
    desk.take_in("clients", (1, {}), (2, {}), "letters", file_name="clients_0612345678.csv")
    got = desk.send("soldes", [1, 2, 3], draft={"cost_centre": "ventes", "title": "Soldes d'hiver"})
    desk.deliver(got[1], 4)
    desk.charge(got[2], "0.10", 2)
    desk.clock.forward(minutes=5)
    desk.reply(1, "Bonjour, c'est 06 12 34 56 78")
    desk.reply(3, "STOP")
    with desk.tx() as tx:
        standing_campaign(tx, "notice", "sandbox")
    yield desk
    assert desk.broken() == {}


@pytest.fixture(scope="module")
def folder(desk: ResultsDesk) -> Path:
    write_snapshot(desk.context, snapshot_documents())
    return desk.path.parent / "snapshot"


def ask(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    for path in folder.glob("*.parquet"):
        connection.execute(f"CREATE VIEW {path.stem} AS FROM read_parquet('{path}')")
    return connection.execute(sql).fetchall()


@EACH_MART
def test_a_file_has_exactly_the_columns_and_types_of_its_description(folder: Path, mart: Mart) -> None:
    found = [(name, kind) for name, kind, *_ in ask(folder, f"DESCRIBE {mart.name}")]
    assert found == [(column.name, column.kind) for column in mart.columns]


@EACH_MART
def test_what_is_required_has_a_value_and_the_key_is_unique(folder: Path, mart: Mart) -> None:
    required = [column.name for column in mart.columns if column.is_required]
    missing = " + ".join(f"count(*) FILTER ({name} IS NULL)" for name in required)
    keys = f"count(*) - count(DISTINCT ({', '.join(mart.key)}))"
    assert ask(folder, f"SELECT {missing}, {keys}, count(*) > 0 FROM {mart.name}") == [(0, 0, True)]


def test_the_figures_are_those_of_the_store(folder: Path) -> None:
    counts = "message_count, accepted_count, delivered_count, replied_count, opted_out_count, planned, charged"
    assert ask(folder, f"SELECT title, cost_centre, {counts} FROM campaigns WHERE name = 'soldes'") == [
        ("Soldes d'hiver", "ventes", 3, 3, 2, 2, 1, *map(Decimal, ("0.15", "0.20")))
    ]
    assert ask(folder, "SELECT state, charged FROM messages ORDER BY 1, 2") == [
        ("accepted", Decimal("0.05")),
        ("delivered", Decimal("0.05")),
        ("delivered", Decimal("0.10")),
    ]
    assert ask(folder, "SELECT max(seconds_to_delivery) FROM messages") == [(4.0,)]
    assert ask(folder, "SELECT month_on::TEXT, kind, message_count, charged FROM costs") == [
        ("2026-11-01", "marketing", 3, Decimal("0.20"))
    ]
    quality = "source, row_count, accepted_count, rejected_count"
    assert ask(folder, f"SELECT {quality} FROM list_quality") == [("clients_#.csv", 3, 2, 1)]
    assert ask(folder, "SELECT verdict, text_length FROM replies ORDER BY reply_id") == [("other", 29), ("stop", 4)]


def test_a_person_is_joined_by_a_pseudonym_that_stays(desk: ResultsDesk, folder: Path) -> None:
    joined = "SELECT person_key, state FROM messages JOIN replies USING (person_key, campaign_id) ORDER BY reply_id"
    found = ask(folder, joined)
    assert [state for _, state in found] == ["delivered", "accepted"]
    assert len({key for key, _ in found}) == 2
    write_snapshot(desk.context, {})
    assert ask(folder, joined) == found


def test_no_number_and_no_text_is_in_the_files(folder: Path) -> None:
    numbers = [str(number_of(person))[2:] for person in (1, 2, 3)]
    for mart in MARTS:
        texts = [column.name for column in mart.columns if column.kind == TEXT]
        rows = ask(folder, f"SELECT {', '.join(texts)} FROM {mart.name}")
        shown = "\n".join(str(cell) for row in rows for cell in row)
        assert not [number for number in numbers if number in shown]
        assert "Bonjour" not in shown
        assert not re.search(r"(?<![0-9a-f])0?612345678(?![0-9a-f])", shown)
        assert all(row[texts.index("number")] is None for row in rows if "number" in texts)


def test_numbers_are_masked_if_the_setting_says_so(desk: ResultsDesk, folder: Path) -> None:
    masked = ResultsDesk(desk.path, snapshot_numbers="masked")
    write_snapshot(masked.context, {})
    expected = sorted(mask_number(f"+{number_of(person)}") for person in (1, 2, 3))
    assert sorted(number for (number,) in ask(folder, "SELECT number FROM messages")) == expected
    assert {number for (number,) in ask(folder, "SELECT number FROM replies")} <= set(expected)


def test_numbers_of_any_length_are_masked_as_everywhere_else(store: Path) -> None:
    desk = ResultsDesk(store, snapshot_numbers="masked")
    numbers = [1_234_567, 12_345_678, 123_456_789, 123_456_789_012_345]
    with desk.tx() as tx:
        rows = [[f"r{number}", f"+{number}", number, "Merci", "other", desk.clock.at] for number in numbers]
        add_replies(tx, "sandbox", pd.DataFrame(rows, columns=list(duckdb_types("IncomingReplies"))))
    write_snapshot(desk.context, {})
    found = ask(store.parent / "snapshot", "SELECT number FROM replies ORDER BY reply_id")
    assert [number for (number,) in found] == [mask_number(f"+{number}") for number in numbers]


def test_all_tables_are_of_one_moment(folder: Path) -> None:
    moments = " UNION ".join(f"SELECT snapshot_at FROM {mart.name}" for mart in MARTS)
    assert len(ask(folder, moments)) == 1


def test_the_folder_has_its_documents_and_only_its_owner_reads_it(folder: Path) -> None:
    names = {f"{mart.name}.parquet" for mart in MARTS} | set(snapshot_documents())
    assert {path.name for path in folder.iterdir()} == names
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_snapshot_that_fails_leaves_the_last_one_whole(
    desk: ResultsDesk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr("campanile.services.snapshot.write_mart", fail_at_costs)
    with pytest.raises(OSError, match="disk full"):
        write_snapshot(desk.context, {"data-dictionary.md": "half"})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def fail_at_costs(scratch: object, mart: Mart, path: Path) -> int:
    path.write_text("half")
    if mart.name == "costs":
        raise OSError("disk full")
    return 0


def test_an_empty_store_has_a_snapshot_too(store: Path) -> None:
    desk = ResultsDesk(store)
    line = write_snapshot(desk.context, {})
    assert line.endswith("rows of campaigns 0, messages 0, replies 0, costs 0, list_quality 0")
