"""What Prefect keeps of people: the runs of each flow that takes numbers are deleted."""

import inspect
from importlib import import_module
from pathlib import Path

from tasks.prefect_traces import NUMBER_FLOWS

FLOWS = Path(__file__).parents[2] / "flows"
#: Parameters of flows that may contain a person's number.
TAKE_NUMBERS = {"number", "numbers", "draft"}


def test_each_flow_that_takes_numbers_is_known() -> None:
    names = [path.stem for path in FLOWS.glob("[a-z]*.py")]
    parameters = {name: inspect.signature(getattr(import_module(f"flows.{name}"), name)).parameters for name in names}
    taking = {name.replace("_", "-") for name, given in parameters.items() if TAKE_NUMBERS & given.keys()}
    assert taking <= set(NUMBER_FLOWS)
    assert len(taking) > 4
