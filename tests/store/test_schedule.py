"""When each scheduled flow last did its work, and which of them are late."""

from datetime import timedelta

import pytest

from campanile.store.db.flow_schedule import Liveness, begin_run, end_run, flow_ages

EVERY = {"hourly": timedelta(hours=1), "often": timedelta(minutes=1), "replies": timedelta(minutes=1)}


@pytest.fixture
def run(desk):
    """Run a flow now, ``minutes`` after the run before."""

    def run_flow(flow: str, minutes: float = 0, error: str | None = None, *, ends: bool = True) -> None:
        desk.clock.forward(minutes=minutes)
        with desk.tx() as tx:
            begin_run(tx, flow, EVERY, tx.at)
            if ends:
                end_run(tx, flow, tx.at, error)

    return run_flow


def liveness(desk) -> dict[str, str]:
    with desk.tx() as tx:
        return {age.flow: age.liveness.name for age in flow_ages(tx, EVERY, tx.at)}


def test_before_the_first_run_nothing_is_late(desk) -> None:
    assert set(liveness(desk).values()) == {"NEVER_RUN"}


def test_what_has_not_run_for_three_intervals_is_late_and_well_when_it_runs_again(desk, run) -> None:
    run("often")
    run("replies")
    for _ in range(3):
        run("often", minutes=1)
    assert liveness(desk) == {"hourly": "WAITED_FOR", "often": "WELL", "replies": "WELL"}
    run("often", minutes=1)
    assert liveness(desk) == {"hourly": "WAITED_FOR", "often": "WELL", "replies": "LATE"}
    run("replies")
    assert liveness(desk)["replies"] == "WELL"


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        pytest.param("no connection", True, id="each run fails"),
        pytest.param(None, False, id="each run is killed"),
    ],
)
def test_a_run_that_did_not_end_well_did_not_do_its_work(desk, run, error, ends) -> None:
    run("often")
    for _ in range(4):
        run("often", minutes=1)
        run("replies", error=error, ends=ends)
    assert liveness(desk)["replies"] == "LATE"
    with desk.tx() as tx:
        (found,) = [age for age in flow_ages(tx, EVERY, tx.at) if age.flow == "replies"]
    assert (found.age, found.error) == (None, error)


def test_a_run_reports_the_other_flows_that_are_late(desk, run) -> None:
    run("hourly")
    run("hourly", minutes=60)
    assert liveness(desk) == {"hourly": "WELL", "often": "LATE", "replies": "LATE"}


def test_a_machine_that_was_off_blames_no_flow_for_it(desk, run) -> None:
    run("often")
    run("replies")
    run("often", minutes=12 * 60)
    assert liveness(desk) == {"hourly": "WAITED_FOR", "often": "WELL", "replies": "WAITED_FOR"}
    for _ in range(4):
        run("often", minutes=1)
    assert liveness(desk)["replies"] == Liveness.LATE.name
