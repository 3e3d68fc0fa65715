"""The forms that Prefect makes from the flows."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema

FLOWS = sorted(path.stem for path in (Path(__file__).parents[2] / "flows").glob("[a-z]*.py"))
#: Words for who acts that no form uses.
OTHER_WORDS = {"name", "author", "approver", "changed_by"}


def boxes(stem: str) -> dict[str, Any]:
    """Return the boxes of a form as ``prefect deploy`` makes them: it reads the signature of the flow again."""
    found = getattr(import_module(f"flows.{stem}"), stem)
    deployed = parameter_schema(found)
    assert deployed == found.parameters
    return deployed.properties


@pytest.mark.parametrize("stem", FLOWS)
def test_the_actor_has_the_same_title_everywhere(stem: str) -> None:
    found = boxes(stem)
    assert found.keys() & OTHER_WORDS == set()
    assert found.get("actor", {"title": "Your name"})["title"] == "Your name"


def test_flows_ask_who_acts() -> None:
    assert sum("actor" in boxes(stem) for stem in FLOWS) > 10
