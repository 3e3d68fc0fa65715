"""Lists: what there is, what stands in them, on what ground; and which partner sends what."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from campanile.sms.errors import CampaignError
from campanile.store.contacts.lists import declare_legal_basis, export_contacts, find_list, list_card, lists
from campanile.store.contacts.undo import delete_list, undo_import
from campanile.store.db.database import Transaction
from schemas.contact_rows import ListSummary
from tests.stores import IN_BOTH_MODES


@IN_BOTH_MODES
def test_lists_are_shown_with_their_counts(desk) -> None:
    desk.take_in("north", (1, {"town": "Lille"}), (2, {}))
    desk.take_in("north", (2, {}), (3, {}))
    desk.take_in("south", (9, {}), is_sample=True)
    desk.opt_out(1, 9)
    with desk.tx() as tx:
        undo_import(tx, 2, "camille")
        declare_legal_basis(tx, "north", "consent", "J'accepte de recevoir des SMS", "camille")
        north, south = lists(tx)
    assert north == ListSummary(
        list_name="north",
        is_sample=False,
        legal_basis="consent",
        wording="J'accepte de recevoir des SMS",
        contact_count=2,
        opted_out_count=1,
        import_count=1,
        last_import_at=desk.clock.at,
    )
    assert (south.list_name, south.is_sample, south.opted_out_count) == ("south", True, 1)


def test_an_empty_list_is_reported_too(desk) -> None:
    desk.take_in("empty")
    with desk.tx() as tx:
        (found,) = lists(tx)
        card = list_card(tx, "empty")
    assert (found.contact_count, found.import_count) == (0, 1)
    assert (card.fields, card.territories) == ({}, {})


def test_the_card_of_a_list_says_what_stands_in_it(desk) -> None:
    desk.take_in("north", (1, {"town": "Lille", "first_name": "Ana"}), (2, {"town": "Lyon"}), "letters")
    for _ in range(11):
        desk.take_in("north", (1, {}))
    with desk.tx() as tx:
        undo_import(tx, 12, "camille")
        declare_legal_basis(tx, "north", "service", None, "dominique")
        card, found = list_card(tx, "north"), find_list(tx, "north")
    assert card.fields == {"town": 2, "first_name": 1}
    assert card.territories == {"FR": 2}
    assert [file.import_id for file in card.imports] == list(range(12, 2, -1))
    assert (card.imports[0].undone_by, card.imports[1].duplicate_count) == ("camille", 1)
    assert (card.legal_basis, found.declared_by, found.declared_at) == ("service", "dominique", desk.clock.at)


def test_a_legal_basis_is_one_of_three(desk) -> None:
    desk.take_in("north", (1, {}))
    line = r"^legal basis 'because' is unknown; give one of consent, customer, service$"
    with pytest.raises(CampaignError, match=line), desk.tx() as tx:
        declare_legal_basis(tx, "north", "because", None, "camille")


@pytest.mark.parametrize("act", ["card", "declare", "delete", "export"])
def test_a_list_that_is_not_there_is_named(desk, act: str, tmp_path: Path) -> None:
    desk.take_in("north", (1, {}))
    acts = {
        "card": lambda tx: list_card(tx, "nroth"),
        "declare": lambda tx: declare_legal_basis(tx, "nroth", "consent", None, "camille"),
        "delete": lambda tx: delete_list(tx, "nroth", "camille"),
        "export": lambda tx: export_contacts(tx, "nroth", tmp_path / "a.parquet"),
    }
    with pytest.raises(CampaignError, match=r"^no list 'nroth'; lists are: north$"), desk.tx() as tx:
        acts[act](tx)


@IN_BOTH_MODES
def test_a_list_is_exported_with_its_fields_as_columns(desk, tmp_path: Path) -> None:
    desk.take_in("north", "letters", (1, {"town": "L'Haÿ", 'a "b"/c': "x", "territory": "west"}))
    desk.take_in("north", (2, {"town": "Lyon"}), file_name="mars.csv")
    desk.take_in("south", (3, {"town": "Nice"}))
    desk.opt_out(2)
    path = tmp_path / "north's [list].parquet"
    with desk.tx(read_only=True) as tx:
        assert export_contacts(tx, "north", path) == 2
    found = duckdb.read_parquet(str(tmp_path / "north*.parquet"))
    assert found.columns == [
        "msisdn", "territory", 'a "b"/c', "field_territory", "town", "source_file", "source_row", "is_opted_out",
    ]  # fmt: skip
    assert found.fetchall() == [
        ("+33639980001", "FR", "x", "west", "L'Haÿ", "north.csv", 2, False),
        ("+33639980002", "FR", None, None, "Lyon", "mars.csv", 1, True),
    ]


def test_a_list_is_exported_under_the_names_of_its_files_columns(desk, tmp_path: Path) -> None:
    columns = {"Téléphone": "msisdn", "N° client": "n_client", "Prenom": "first_name", "Territory": "territory_2"}
    desk.take_in("north", (1, {"n_client": "C-17", "first_name": "Zoé"}), column_map=columns)
    newer = {"Mobile": "msisdn", "N° client": "n_client", "Prénom": "first_name", "TERRITORY": "territory_2"}
    desk.take_in("north", (2, {"n_client": "C-18", "territory_2": "west", "nom": "x"}), column_map=newer)
    with desk.tx(read_only=True) as tx:
        assert export_contacts(tx, "north", tmp_path / "north.parquet") == 2
    found = duckdb.read_parquet(str(tmp_path / "north.parquet"))
    assert found.columns[2:6] == ["Prénom", "N° client", "nom", "territory_2"]
    assert [row[2:6] for row in found.fetchall()] == [("Zoé", "C-17", None, None), (None, "C-18", "x", "west")]


def test_an_empty_list_is_exported(desk, tmp_path: Path) -> None:
    desk.take_in("empty")
    with desk.tx(read_only=True) as tx:
        assert export_contacts(tx, "empty", tmp_path / "empty.parquet") == 0
    assert duckdb.read_parquet(str(tmp_path / "empty.parquet")).fetchall() == []


# --- who sends what --------------------------------------------------------------------------------------------


def records(tx: Transaction, sql: str) -> list[dict[str, Any]]:
    found = tx.execute(sql)
    columns = [column[0] for column in found.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


@IN_BOTH_MODES
def test_what_became_of_the_people_a_file_brought(desk) -> None:
    desk.opt_out(1)  # known before the file: no fault of it
    desk.clock.forward(days=1)
    desk.take_in("north", (1, {}), (2, {}), (2, {}), (3, {}), "letters", file_name="partner_2026-11.csv")
    desk.take_in("north", (2, {}), (4, {}), file_name="shop.csv")
    desk.clock.forward(days=1)
    desk.opt_out(2, 4)
    desk.sql("INSERT INTO dead_number VALUES (33639980003, '+33639980003', 'unknown', TIMESTAMPTZ '2026-11-27')")
    with desk.tx(read_only=True) as tx:
        partner, shop = records(tx, "FROM import_quality WHERE list_name = 'north' ORDER BY import_id")
        assert records(tx, "FROM import_quality WHERE list_name = 'south'") == []
    assert (partner["source"], partner["row_count"]) == ("partner_#-#.csv", 5)
    assert (partner["rejected_share"], partner["duplicate_share"]) == (0.2, 0.2)
    assert (partner["opted_out_later"], partner["dead_later"]) == (1, 1)
    assert (shop["opted_out_later"], shop["dead_later"], shop["duplicate_share"]) == (1, 0, 0.5)


def test_a_partners_files_are_one_source_a_month(desk) -> None:
    desk.take_in("north", (1, {}), "letters", file_name="partner_47.csv")
    desk.take_in("north", (2, {}), (3, {}), file_name="partner_48.csv")
    desk.clock.forward(days=10)
    desk.take_in("north", file_name="partner_49.csv")
    with desk.tx() as tx:
        undo_import(tx, 2, "camille")
        november, december = records(tx, "FROM source_quality ORDER BY month_on")
    assert str(november.pop("month_on")) == "2026-11-01"
    assert november == {
        "list_name": "north",
        "source": "partner_#.csv",
        "file_count": 2,
        "undone_count": 1,
        "row_count": 4,
        "rejected_share": 0.25,
        "duplicate_share": 0.0,
        "opted_out_later": 0,
        "dead_later": 0,
    }
    assert (str(december["month_on"]), december["row_count"], december["rejected_share"]) == ("2026-12-01", 0, None)
