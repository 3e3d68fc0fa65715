"""Named statements: each fits the tables, each name that is used exists, and each one is used."""

import ast
import re
from pathlib import Path

import pytest

from campanile.sms.errors import StoreError
from campanile.store.db import migrate as migrate_module
from campanile.store.db.migrate import check_statements
from campanile.store.db.queries import STATEMENTS, Statements, parse_statements

ROOT = Path(__file__).parents[2]
ENTITIES = {name.partition(".")[0] for name in STATEMENTS}
SHAPED = re.compile(r"[a-z_]+\.[a-z_0-9]+")


def names_used(source: str) -> set[str]:
    """Return the literals of a source that look like a statement of the store."""
    texts = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    shaped = {text for text in texts if isinstance(text, str) and SHAPED.fullmatch(text)}
    return {text for text in shaped if text.partition(".")[0] in ENTITIES}


USED = {
    name: str(file.relative_to(ROOT))
    for room in ("campanile", "tasks", "flows")
    for file in sorted((ROOT / room).rglob("*.py"))
    for name in names_used(file.read_text())
}


def test_each_file_holds_one_entity() -> None:
    for path in sorted((ROOT / "campanile" / "store" / "sql").glob("*.sql")):
        entities = {name.partition(".")[0] for name in parse_statements(path.read_text(), path.name)}
        assert entities == {"invariant" if path.stem == "invariants" else path.stem}


def test_every_statement_fits_the_tables() -> None:
    check_statements()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nmae FROM campaign",
        "SELECT 1 FROM campain",
        "UPDATE campaign SET state = $state WHERE campaign_idd = 1",
        "INSERT INTO lease SELECT 1, 2",
        "SELCT 1",
        "-- staged_rows: number_id BIGINT\nSELECT msisdn FROM staged_rows",
    ],
)
def test_statement_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    monkeypatch.setattr(migrate_module, "STATEMENTS", Statements({**STATEMENTS, "campaign.misspelt": sql}))
    with pytest.raises(StoreError, match=r"^statement campaign\.misspelt: [^\n]+$"):
        check_statements()


def test_unknown_name_lists_those_of_its_entity() -> None:
    with pytest.raises(StoreError) as caught:
        _ = STATEMENTS["lease.steal"]
    assert str(caught.value) == "no statement lease.steal; lease has lease.end_now, lease.get, lease.take, lease.extend"
    with pytest.raises(StoreError, match=r"^no statement ghost\.get; ghost has none$"):
        _ = STATEMENTS["ghost.get"]


def test_every_name_that_is_used_exists() -> None:
    assert {name: file for name, file in USED.items() if name not in STATEMENTS} == {}


def test_every_statement_is_used() -> None:
    unused = set(STATEMENTS) - set(USED)
    assert {name for name in unused if not name.startswith("invariant.")} == set()


def test_misspelt_use_is_seen() -> None:
    assert names_used("transaction.rows('campaign.fnid', name='x.y'); log('store.lock')") == {"campaign.fnid"}


@pytest.mark.parametrize(
    "text",
    ["SELECT 1", "", "SELECT 1\n-- name: a.b\nSELECT 2", "-- name: a.b\nSELECT 1\n-- name: a.b\nSELECT 2"],
)
def test_badly_formed_file_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match=r"^bad\.sql: "):
        parse_statements(text, "bad.sql")


def test_statements_of_a_file_are_found() -> None:
    text = "-- About.\n\n-- name: a.b\n-- staged_rows: x BIGINT\nSELECT 1;\n\n-- name: a.c_2\nSELECT\n  2\n"
    assert parse_statements(text, "good.sql") == {"a.b": "-- staged_rows: x BIGINT\nSELECT 1", "a.c_2": "SELECT\n  2"}
