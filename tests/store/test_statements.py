"""Named statements: each fits the tables, each name that is used exists, and each one is used."""

import ast
import re
from pathlib import Path

import duckdb
import pytest

from campanile.sms.errors import StoreError
from campanile.store.db import migrate as migrate_module
from campanile.store.db.migrate import check_statements
from campanile.store.db.queries import STATEMENTS, Statements, parse_statements, staged_types
from schemas.frame_checks import FRAMES

#: Values that give a query its types, where NULL does not.
PARAMETERS = {
    "list_ids": [1], "excluded_list_ids": [1], "honours_opt_outs": True, "honours_refusals": True, "sender_id": "X",
    "needs_legal_basis": True, "pointers": ["/a"], "field_count": 1, "pattern": "x", "zone": "UTC", "import_id": 1,
}  # fmt: skip
ROOT = Path(__file__).parents[2]
ENTITIES = {name.partition(".")[0] for name in STATEMENTS}
SHAPED = re.compile(r"[a-z_]+\.[a-z_0-9]+")


def names_used(source: str) -> set[str]:
    """Return the literals of a source that look like a statement of the store."""
    texts = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    shaped = {text for text in texts if isinstance(text, str) and SHAPED.fullmatch(text)}
    return {text for text in shaped if text.partition(".")[0] in ENTITIES}


@pytest.fixture(scope="module")
def used() -> dict[str, str]:
    """The statements that the code names, each with a file that does."""
    return {
        name: str(file.relative_to(ROOT))
        for folder in ("campanile", "tasks", "flows")
        for file in sorted((ROOT / folder).rglob("*.py"))
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
        "-- staged_rows: ContactRows\nSELECT msisdn FROM staged_rows",
        "-- staged_rows: ContactRow\nSELECT number_id FROM staged_rows",
        "-- staged_rows: number_id BIGINT\nSELECT number_id FROM staged_rows",
        "SELECT number_id FROM staged_rows",
    ],
)
def test_statement_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    monkeypatch.setattr(migrate_module, "STATEMENTS", Statements({**STATEMENTS, "campaign.misspelt": sql}))
    with pytest.raises(StoreError, match=r"^statement campaign\.misspelt: [^\n]+$"):
        check_statements()


#: Frames that are validated where they enter, and staged under another name or not at all.
NOT_STAGED = {"DeliveryReports", "IncomingReplies", "TariffRows"}


def test_every_frame_is_read_by_a_statement() -> None:
    read = {
        frame for sql in STATEMENTS.values() for frame in re.findall(r"^-- staged_[a-z]+: (.+)$", sql, re.MULTILINE)
    }
    assert read == set(FRAMES) - NOT_STAGED


def made_tables() -> dict[str, tuple[str, str]]:
    """Return each statement that makes a scratch table: the table, and the SQL of its rows."""
    heads = {name: re.search(r"^CREATE OR REPLACE TEMP TABLE (\w+) AS$", sql, re.M) for name, sql in STATEMENTS.items()}
    return {name: (head[1], STATEMENTS[name][head.end() :]) for name, head in heads.items() if head}


def described(connection: duckdb.DuckDBPyConnection, query: str, parameters: dict | None = None) -> dict[str, str]:
    found = connection.execute(f"DESCRIBE {query}", parameters).fetchall()
    return {column: str(kind) for column, kind, *_ in found}


@pytest.mark.parametrize("name", made_tables())
def test_a_scratch_table_is_made_as_its_frames_say(name: str) -> None:
    table, query = made_tables()[name]
    connection = duckdb.connect(":memory:")
    for _, _, sql in migrate_module.migrations():
        connection.execute(sql)
    for read, types in staged_types(STATEMENTS[name]).items():
        connection.execute(f"CREATE TEMP TABLE {read} ({', '.join(map(' '.join, types.items()))})")
    parameters = {found: PARAMETERS.get(found) for found in re.findall(r"\$([a-z_]+)", query)}
    made = described(connection, query, parameters)
    readers = [types for sql in STATEMENTS.values() if (types := staged_types(sql).get(table))]
    casts = [", ".join(f"CAST(NULL AS {kind}) AS {column}" for column, kind in types.items()) for types in readers]
    assert made in [described(connection, f"SELECT {cast}") for cast in casts]


def test_unknown_name_lists_those_of_its_entity() -> None:
    with pytest.raises(StoreError) as caught:
        _ = STATEMENTS["lease.steal"]
    assert str(caught.value) == "no statement lease.steal; lease has lease.end_now, lease.get, lease.take, lease.extend"
    with pytest.raises(StoreError, match=r"^no statement ghost\.get; ghost has none$"):
        _ = STATEMENTS["ghost.get"]


def test_every_name_that_is_used_exists(used: dict[str, str]) -> None:
    assert {name: file for name, file in used.items() if name not in STATEMENTS} == {}


def test_every_statement_is_used(used: dict[str, str]) -> None:
    unused = set(STATEMENTS) - set(used)
    assert {name for name in unused if not name.startswith("invariant.")} == set()


def test_misspelt_use_is_seen() -> None:
    assert names_used("transaction.run('campaign.fnid', name='x.y'); log('store.lock')") == {"campaign.fnid"}


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
