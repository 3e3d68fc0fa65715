"""How much goes out at once, and in which requests."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from campanile.gateways.registry import manifest_of
from campanile.services.context import Context
from campanile.services.sending.throughput import Pace, batches_of, pace_of
from campanile.store.ledger.claims import Claim
from schemas.gateway import OutgoingMessage, Resolution

MakeContext = Callable[..., Context]
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
MANIFEST = replace(manifest_of("sandbox"), batch_size=500, concurrency=4, segments_per_second=100.0)


@pytest.mark.parametrize(
    ("settings", "manifest", "pace"),
    [
        pytest.param({}, {}, Pace(500, 4, 4, 100.0), id="what the manifest says"),
        pytest.param({"concurrency": 2, "segments_per_second": 7}, {}, Pace(500, 2, 2, 7.0), id="what the team says"),
        pytest.param({"slice_size": 50}, {"batch_size": 1}, Pace(50, 4, 4, 100.0), id="one message a request"),
        pytest.param(
            {"segments_per_second": 10}, {"batch_size": 1}, Pace(20, 4, 4, 10.0), id="no more than two seconds a slice"
        ),
        pytest.param({"segments_per_second": 0.1}, {"batch_size": 1}, Pace(1, 4, 4, 0.1), id="one at least"),
        pytest.param({}, {"resolution": Resolution.NEITHER}, Pace(4, 1, 4, 100.0), id="nothing settles an unknown"),
        pytest.param(
            {"slice_size": 1, "concurrency": 9}, {"resolution": Resolution.NEITHER}, Pace(1, 4, 4, 100.0),
            id="four in flight at most, one a slice",
        ),
        pytest.param(
            {"slice_size": 3}, {"resolution": Resolution.NEITHER}, Pace(3, 1, 4, 100.0), id="a slice of three, once"
        ),
    ],
)  # fmt: skip
def test_pace(make_context: MakeContext, settings: dict[str, Any], manifest: dict[str, Any], pace: Pace) -> None:
    found = pace_of(make_context(**settings).settings, replace(MANIFEST, **manifest))
    assert found == pace
    if manifest.get("resolution") is Resolution.NEITHER:
        assert found.slices * found.slice_size <= 4


@pytest.mark.parametrize("resolution", [Resolution.LOOK_UP, Resolution.NEITHER])
def test_all_that_ask_for_the_sandbox_see_the_class_it_is_set_to(
    make_context: MakeContext, resolution: Resolution
) -> None:
    context = make_context(sandbox_resolution=resolution)
    found = context.manifest("sandbox")
    assert (found.resolution, found.key_life_seconds) == (resolution, 0)
    pace = pace_of(context.settings, found)
    assert (pace.slices * pace.slice_size <= 4) is (resolution is Resolution.NEITHER)


@pytest.mark.parametrize(
    ("gateway", "settings", "seconds"),
    [
        pytest.param("sandbox", {}, 60, id="a lag that is not set: the safe default"),
        pytest.param("sandbox", {"sandbox_look_up_lag": 0}, 5, id="no lag: as the setting ships"),
        pytest.param("sandbox", {"sandbox_look_up_lag": 30}, 30, id="the lag"),
        pytest.param("sandbox", {"sandbox_look_up_lag": 30, "settle_seconds": 1}, 30, id="the setting cannot lower it"),
        pytest.param("twilio", {"settle_seconds": 1}, 60, id="nor what an adapter states"),
        pytest.param("twilio", {"settle_seconds": 200}, 200, id="it can raise it"),
        pytest.param("ovhcloud", {}, 120, id="an adapter that states more than the default"),
    ],
)
def test_settling_time(make_context: MakeContext, gateway: str, settings: dict[str, Any], seconds: float) -> None:
    context = make_context(sandbox_resolution="look_up", **settings)
    assert context.claim_rules(context.manifest(gateway)).settle_seconds == seconds


def test_only_the_context_asks_the_registry() -> None:
    """Whoever asked it past the settings would see another gateway than the one that is set up."""
    root = Path(__file__).parents[2]
    files = [path for folder in ("campanile/services", "tasks", "flows") for path in (root / folder).rglob("*.py")]
    asking = [path.name for path in files if "campanile.gateways.registry" in path.read_text(encoding="utf-8")]
    asking += [path.name for path in files if "import registry" in path.read_text(encoding="utf-8")]
    assert asking == ["context.py"]


def claim(*texts: str, valid_until: datetime | None = None) -> Claim:
    messages = [
        OutgoingMessage(f"ref{number}", f"+3361234567{number}", text, "GSM-7", "MABOUTIQUE", valid_until)
        for number, text in enumerate(texts)
    ]
    return Claim(7, messages, AT, AT, AT, pd.DataFrame())


@pytest.mark.parametrize(
    ("batch_size", "one_text", "texts", "batches"),
    [
        pytest.param(500, False, "abcab", [["ref0", "ref1", "ref2", "ref3", "ref4"]], id="all in one request"),
        pytest.param(2, False, "abcab", [["ref0", "ref1"], ["ref2", "ref3"], ["ref4"]], id="two a request"),
        pytest.param(1, False, "ab", [["ref0"], ["ref1"]], id="one a request"),
        pytest.param(500, True, "abcab", [["ref0", "ref3"], ["ref1", "ref4"], ["ref2"]], id="one text a request"),
        pytest.param(1, True, "aba", [["ref0"], ["ref2"], ["ref1"]], id="one text, one a request"),
    ],
)
def test_a_claim_is_cut_into_requests(batch_size: int, one_text: bool, texts: str, batches: list[list[str]]) -> None:
    manifest = replace(MANIFEST, batch_size=batch_size, one_text_a_batch=one_text)
    found = batches_of(claim(*texts), manifest)
    assert [[message.client_ref for message in batch.messages] for batch in found] == batches
    assert [batch.request_key for batch in found] == [f"{refs[0]}-7-20261123090000000000" for refs in batches]
    assert batches_of(claim(*texts), manifest) == found, "asked for again, the same under the same keys"
    assert {batch.since for batch in found} == {AT}
