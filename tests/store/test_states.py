"""States and kinds: what Python calls them is what the SQL compares with."""

import re
from pathlib import Path

import pytest

from campanile.sms import states
from campanile.store.billing.alerts import FAILED
from campanile.store.billing.balance_alert import BALANCE_KINDS

ROOT = Path(__file__).parents[2] / "campanile" / "store"
STATEMENTS = "\n".join(path.read_text() for path in sorted((ROOT / "sql").glob("*.sql")))
TESTED = re.compile(r"\b(\w+\.)?(state|event)\b\s*(?:NOT\s+IN|IN|=|<>)\s*(\([^()]*\)|'[^']*')", re.IGNORECASE)
KINDS = re.compile(r"\b(?:campaign\.)?kind\b\s*(?:NOT\s+IN|IN|=|<>)\s*(\([^()]*\)|'[^']*')", re.IGNORECASE)
VALUES = {
    "state": {*states.CampaignState, *states.SliceState, *states.MessageState, FAILED},
    "event": {
        *states.MessageState,
        "approved",
        "approval_withdrawn",
        "prepared",
        "revised",
        "tested",
        "paused",
        "finished",
        "died",
        "revived",
    },
}


def literals(text: str) -> set[str]:
    return set(re.findall(r"'([^']*)'", text))


def used(column: str) -> set[str]:
    """Return the literals that the statements compare a column with."""
    found = (match for match in TESTED.finditer(STATEMENTS) if match[2].lower() == column)
    return {value for match in found for value in literals(match[3])}


@pytest.mark.parametrize("column", ["state", "event"])
def test_the_sql_knows_no_other_states(column: str) -> None:
    assert used(column)
    assert used(column) - VALUES[column] == set()


def test_the_sql_knows_no_other_kinds() -> None:
    known = {
        *states.CampaignKind,
        *states.CreditKind,
        *BALANCE_KINDS,
        "contacts",
        "opt_outs",
        "added",
        "removed",
        "changed",
        "kept",
    }
    found = {value for match in KINDS.finditer(STATEMENTS) for value in literals(match[1])}
    assert found
    assert found - known == set()


@pytest.mark.parametrize(
    "kind", [states.CampaignState, states.SliceState, states.MessageState], ids=lambda kind: kind.__name__
)
def test_each_state_is_in_use(kind: type) -> None:
    sources = STATEMENTS + "\n".join(path.read_text() for path in ROOT.rglob("*.py"))
    assert [
        state for state in kind if f"{kind.__name__}.{state.name}" not in sources and f"'{state}'" not in sources
    ] == []
