"""How much goes out at once, and in which requests."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from gateways.registry import manifest_of
from schemas.gateway import OutgoingMessage, Resolution
from store.claims import Claim
from tasks.house import claim_rules
from tasks.house import manifest_of as manifest_here
from tasks.pacing import Pace, batches_of, pace_of
from tasks.settings import settings

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
MANIFEST = replace(manifest_of("sandbox"), batch_size=500, concurrency=4, segments_per_second=100.0)


@pytest.fixture(autouse=True)
def fresh_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SMS_SLICE_SIZE", "500")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize(
    ("variables", "manifest", "pace"),
    [
        pytest.param({}, {}, Pace(500, 4, 4, 100.0), id="what the manifest says"),
        pytest.param({"CONCURRENCY": 2, "SEGMENTS_PER_SECOND": 7}, {}, Pace(500, 2, 2, 7.0), id="what the team says"),
        pytest.param({"SLICE_SIZE": 50}, {"batch_size": 1}, Pace(50, 4, 4, 100.0), id="one message a request"),
        pytest.param(
            {"SEGMENTS_PER_SECOND": 10}, {"batch_size": 1}, Pace(20, 4, 4, 10.0), id="no more than two seconds a slice"
        ),
        pytest.param({"SEGMENTS_PER_SECOND": 0.1}, {"batch_size": 1}, Pace(1, 4, 4, 0.1), id="one at least"),
        pytest.param({}, {"resolution": Resolution.NEITHER}, Pace(4, 1, 4, 100.0), id="nothing settles an unknown"),
        pytest.param(
            {"SLICE_SIZE": 1, "CONCURRENCY": 9}, {"resolution": Resolution.NEITHER}, Pace(1, 4, 4, 100.0),
            id="four in flight at most, one a slice",
        ),
        pytest.param(
            {"SLICE_SIZE": 3}, {"resolution": Resolution.NEITHER}, Pace(3, 1, 4, 100.0), id="a slice of three, once"
        ),
    ],
)  # fmt: skip
def test_pace(monkeypatch, variables: dict, manifest: dict, pace: Pace) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"SMS_{name}", str(value))
    settings.cache_clear()
    found = pace_of(replace(MANIFEST, **manifest))
    assert found == pace
    if manifest.get("resolution") is Resolution.NEITHER:
        assert found.slices * found.slice_size <= 4


@pytest.mark.parametrize("resolution", [Resolution.LOOK_UP, Resolution.NEITHER])
def test_all_that_ask_for_the_sandbox_see_the_class_it_is_set_to(monkeypatch, resolution: Resolution) -> None:
    monkeypatch.setenv("SMS_SANDBOX_RESOLUTION", resolution)
    settings.cache_clear()
    found = manifest_here("sandbox")
    assert (found.resolution, found.key_life_seconds) == (resolution, 0)
    assert (pace_of(found).slices * pace_of(found).slice_size <= 4) is (resolution is Resolution.NEITHER)


@pytest.mark.parametrize(
    ("gateway", "variables", "seconds"),
    [
        pytest.param("sandbox", {}, 60, id="a lag that is not set: the safe default"),
        pytest.param("sandbox", {"SANDBOX_LOOK_UP_LAG": 0}, 5, id="no lag: as the setting ships"),
        pytest.param("sandbox", {"SANDBOX_LOOK_UP_LAG": 30}, 30, id="the lag"),
        pytest.param("sandbox", {"SANDBOX_LOOK_UP_LAG": 30, "SETTLE_SECONDS": 1}, 30, id="the setting cannot lower it"),
        pytest.param("twilio", {"SETTLE_SECONDS": 1}, 60, id="nor what an adapter states"),
        pytest.param("twilio", {"SETTLE_SECONDS": 200}, 200, id="it can raise it"),
        pytest.param("ovhcloud", {}, 120, id="an adapter that states more than the default"),
    ],
)
def test_settling_time(monkeypatch, gateway: str, variables: dict, seconds: float) -> None:
    monkeypatch.setenv("SMS_SANDBOX_RESOLUTION", "look_up")
    for name, value in variables.items():
        monkeypatch.setenv(f"SMS_{name}", str(value))
    settings.cache_clear()
    assert claim_rules(manifest_here(gateway)).settle_seconds == seconds


def test_nobody_above_the_house_asks_the_registry_past_the_settings() -> None:
    sources = {path.name: path.read_text() for path in (Path(__file__).parents[2] / "tasks").glob("*.py")}
    assert [name for name, source in sources.items() if "gateways.registry" in source] == []


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
