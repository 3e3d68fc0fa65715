"""What the forms of the flows take."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from schemas.form import CampaignName


@pytest.mark.process
def test_a_flow_takes_a_campaign_by_its_title_too() -> None:
    flows = [path.stem for path in (Path(__file__).parents[2] / "flows").glob("[a-z]*.py")]
    found = {stem: getattr(import_module(f"flows.{stem}"), stem).fn for stem in flows}
    annotations = {
        stem: inspect.signature(fn).parameters["campaign"].annotation
        for stem, fn in found.items()
        if "campaign" in inspect.signature(fn).parameters
    }
    assert len(annotations) >= 9
    assert set(annotations.values()) == {CampaignName}
    assert TypeAdapter(CampaignName).validate_python(" Noël 2026 ") == "noel-2026"
    assert TypeAdapter(CampaignName).validate_python("!") == "!", "to be refused as it was typed"
