"""The kill test in short: ``make kill-test`` is the long one."""

from pathlib import Path

import pytest

from schemas.gateway import Resolution
from tests.sending.kills import kill_senders

CLASSES = [pytest.param(resolution, id=resolution.value) for resolution in Resolution]


@pytest.mark.parametrize("resolution", CLASSES)
def test_a_handful_of_kills(fork_server: Path, resolution: Resolution) -> None:
    """F01: nothing billed twice, nothing lost, the ledger equal to the cent."""
    counts = kill_senders(fork_server, resolution, 5, messages=300, seed=5)
    assert counts.bill.wrong() == {}
    assert (counts.bill.unknown > 0) == (resolution is Resolution.NEITHER)
    assert counts.kills >= 5


@pytest.mark.parametrize("resolution", [pytest.param(Resolution.LOOK_UP, id="look_up")])
def test_the_kill_test_bites(fork_server: Path, resolution: Resolution) -> None:
    """The control: what is not marked as sent is sent again, as most tools do, and people get it twice."""
    counts = kill_senders(fork_server, resolution, 2, messages=300, seed=5, accidents=[["resend_blindly"]])
    assert counts.bill.wrong()["duplicates"] > 0


@pytest.mark.soak
@pytest.mark.parametrize("resolution", CLASSES)
def test_many_kills(fork_server: Path, resolution: Resolution) -> None:
    counts = kill_senders(fork_server, resolution, 100, seed=6)
    assert counts.bill.wrong() == {}
