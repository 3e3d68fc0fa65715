"""Each flow ends with a page that says what it did: checked in the sources, because runs would take minutes."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOWS = sorted(path.stem for path in (ROOT / "flows").glob("[a-z]*.py"))
PUBLISHERS = {"publish", "publish_unless_away", "publish_table", "_publish", "_publish_change", "_publish_import"}
#: Flows without a page of their own, each with why.
WITHOUT = {
    "send_due_campaigns": "every minute: a page each time would flood the artifacts, and each run it starts has one",
}


def functions(path: Path) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def called(node: ast.AST) -> set[str]:
    return {call.func.id for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}


TASKS = {name: node for path in (ROOT / "tasks").glob("*.py") for name, node in functions(path).items()}


def pages_of(flow: str) -> set[str]:
    """Return the tasks that a flow calls itself and that publish a page themselves."""
    body = functions(ROOT / "flows" / f"{flow}.py")[flow]
    return {name for name in called(body) if name in TASKS and called(TASKS[name]) & PUBLISHERS}


@pytest.mark.parametrize("flow", [flow for flow in FLOWS if flow not in WITHOUT])
def test_a_flow_ends_with_a_page(flow: str) -> None:
    assert pages_of(flow) != set()


def test_the_exceptions_are_flows_without_a_page() -> None:
    assert {flow: pages_of(flow) for flow in WITHOUT} == {flow: set() for flow in WITHOUT}
