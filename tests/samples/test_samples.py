"""The samples are what the script says, and become what the script says, row by row."""

import importlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import pytest
import yaml

from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file
from campanile.sms.numbers.msisdn import parse_number
from campanile.sms.text.segments import count_segments
from schemas.draft import CampaignDraft

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "data" / "samples"
EXPECTED: dict[str, Any] = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
NAMES = ["clients_magasin.csv", "newsletter.csv", "salon.xlsx", "opt_outs.csv"]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return importlib.import_module("scripts.make_samples")


@pytest.fixture(scope="module")
def samples(script: ModuleType) -> dict[str, Any]:
    return {sample.name: sample for sample in script.build_samples()}


class Row(NamedTuple):
    number: str | None
    reason: str | None
    fields: dict[str, str]


Staged = dict[str, tuple[StagedFile, list[Row]]]


def stage(name: str) -> tuple[StagedFile, list[Row]]:
    """Return what a sample is, and its rows in order."""
    with TemporaryDirectory() as folder, duckdb.connect(":memory:") as engine:
        allowed = tuple(EXPECTED["allowed_territories"])
        staged = stage_contact_file(StagingRequest(SAMPLES / name, Path(folder), "FR", allowed))
        valid = engine.read_parquet(str(staged.rows)).fetchall()
        rejected = engine.read_parquet(str(staged.rejected)).fetchall()
    rows = {row_number: Row(f"+{number_id}", None, json.loads(fields)) for row_number, number_id, _, fields in valid}
    rows |= {row_number: Row(None, reason, {}) for row_number, reason, _ in rejected}
    return staged, [rows[row_number] for row_number in sorted(rows)]


def judge(rows: list[Row]) -> list[tuple[str | None, str]]:
    """Return (number, result or reason) of each row: each row has one result."""
    known: dict[str, dict[str, str]] = {}
    results: list[tuple[str | None, str]] = []
    for row in rows:
        if row.number is None:
            results.append((None, str(row.reason)))
            continue
        is_new, old = row.number not in known, known.get(row.number, {})
        known[row.number] = old | row.fields
        results.append((row.number, "accepted" if is_new else "duplicate" if known[row.number] == old else "updated"))
    return results


@pytest.fixture(scope="module")
def staged() -> Staged:
    return {name: stage(name) for name in NAMES}


@pytest.fixture(scope="module")
def judged(staged: Staged) -> dict[str, list[tuple[str | None, str]]]:
    return {name: judge(rows) for name, (_, rows) in staged.items()}


def test_writing_them_again_gives_the_same_bytes(script: ModuleType, tmp_path: Path) -> None:
    script.make_samples(tmp_path)
    kept = {path.name: path.read_bytes() for path in SAMPLES.iterdir()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept


@pytest.mark.parametrize("name", NAMES)
def test_each_row_has_the_intended_result(
    name: str, samples: dict[str, Any], judged: dict[str, list[tuple[str | None, str]]]
) -> None:
    sample = samples[name]
    figures = importlib.import_module("scripts.sample_figures")
    meant = [
        (None, row.reason) if row.reason else (f"+{row.person.number}", result)
        for row, result in zip(sample.rows, figures.tell_fates(sample), strict=True)
    ]
    assert judged[name] == meant


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_of_each_file(name: str, judged: dict[str, list[tuple[str | None, str]]]) -> None:
    facts, found = EXPECTED["files"][name], [result for _, result in judged[name]]
    counts = pd.Series(found).value_counts().to_dict()
    assert facts["rows"] == len(found) == sum(facts["fates"].values())
    assert sum(part["rows"] for part in facts["categories"]) == facts["rows"]
    assert facts["rejected_by_reason"] | {f: n for f, n in facts["fates"].items() if n and f != "rejected"} == counts
    assert facts["fates"]["rejected"] == sum(facts["rejected_by_reason"].values())
    assert facts["distinct_numbers"] == facts["fates"]["accepted"]


def test_the_figures_of_the_campaign(judged: dict[str, list[tuple[str | None, str]]]) -> None:
    numbers = {name: {number for number, _ in rows if number} for name, rows in judged.items()}
    shop, newsletter, fair, opt_outs = (numbers[name] for name in NAMES)
    everybody = shop | newsletter | fair
    assert EXPECTED["lists"] == {"magasin": len(shop), "newsletter": len(newsletter), "salon": len(fair)}
    assert EXPECTED["overlaps"] == {
        "magasin+newsletter": len(shop & newsletter),
        "magasin+salon": len(shop & fair),
        "newsletter+salon": len(newsletter & fair),
        "magasin+newsletter+salon": len(shop & newsletter & fair),
    }
    assert EXPECTED["opt_outs"]["in_a_list"] == len(everybody & opt_outs)
    assert EXPECTED["opt_outs"]["in_no_list"] == len(opt_outs - everybody)
    campaign = EXPECTED["campaign"]
    recipients = everybody - opt_outs
    assert (campaign["audience"], campaign["recipients"]) == (len(everybody), len(recipients))
    territories = pd.Series([parse_number(number).territory for number in recipients]).value_counts().to_dict()
    assert campaign["by_territory"] == territories


def test_the_encodings_of_the_campaign(judged: dict[str, list[tuple[str | None, str]]], staged: Staged) -> None:
    text = yaml.safe_load((SAMPLES / "campaign.yaml").read_text("utf-8"))["text"]
    first_names: dict[str, str] = {}
    for name in NAMES[:3]:
        for number, _, fields in staged[name][1]:
            first_name = fields.get("first_name", "")
            if number and first_names.setdefault(number, first_name) == "":
                first_names[number] = first_name
    opted_out = {number for number, _ in judged["opt_outs.csv"]}
    sent = [
        count_segments(text.replace("{first_name|cher client}", first_name or "cher client"))
        for number, first_name in first_names.items()
        if number not in opted_out
    ]
    encodings = pd.Series([segmentation.encoding for segmentation in sent]).value_counts().to_dict()
    assert EXPECTED["campaign"]["by_encoding"] == encodings
    long = [segmentation for segmentation in sent if segmentation.segment_count > 1]
    assert EXPECTED["campaign"]["more_than_one_segment_without_stop_mention"] == len(long)
    assert {segmentation.encoding for segmentation in long} == {"GSM-7", "UCS-2"}


def test_the_postcodes_of_the_shop(staged: Staged) -> None:
    postcodes: dict[str, str] = {}
    for number, _, fields in staged[NAMES[0]][1]:
        if number:
            postcodes[number] = fields.get("postcode") or postcodes.get(number, "")
    mainland = [postcode for number, postcode in postcodes.items() if number.startswith("+33")]
    assert EXPECTED["magasin_postcodes"] == {
        "mainland_57_67_68": sum(postcode.startswith(("57", "67", "68")) for postcode in mainland),
        "mainland_without_postcode": mainland.count(""),
        "97133": list(postcodes.values()).count("97133"),
        "97150": list(postcodes.values()).count("97150"),
    }


def test_what_is_found_in_each_file(staged: Staged) -> None:
    found = {name: file for name, (file, _) in staged.items()}
    assert [(f.encoding, f.delimiter, f.sheet) for f in found.values()] == [
        ("cp1252", ";", None),
        ("utf-8", ",", None),
        (None, None, "Visiteurs"),
        ("utf-8-sig", ";", None),
    ]
    assert list(found["clients_magasin.csv"].column_map.values()) == [
        "n_client", "civilite", "last_name", "first_name", "msisdn", "postcode", "ville", "remarque",
    ]  # fmt: skip
    assert list(found["newsletter.csv"].column_map.values()) == [
        "email", "first_name", "last_name", "msisdn", "consent_at", "consent_source",
    ]  # fmt: skip


def test_the_shop_file_has_every_trap() -> None:
    content = (SAMPLES / "clients_magasin.csv").read_bytes()
    text = content.decode("cp1252")
    assert content.count(b"\r\n") == 2001
    for trap in [
        '="06',
        "'06",
        "\u00a0",
        "6,12E+08",
        "+33 (0)6",
        "0033",
        ".0;",
        '"Appeler le matin\npas',
        '""la Pie""',
    ]:
        assert trap in text, trap


def test_the_page_shows_the_figures_of_the_file() -> None:
    page = (SAMPLES / "README.md").read_text("utf-8")
    for name, facts in EXPECTED["files"].items():
        results = " | ".join(str(rows) for rows in facts["fates"].values())
        assert f"| `{name}` |" in page
        assert f"| {facts['rows']} | {results} | {facts['distinct_numbers']} |" in page
    assert f"| **recipients** | {EXPECTED['campaign']['recipients']} |" in page


def test_the_draft_is_one() -> None:
    draft = yaml.safe_load((SAMPLES / "campaign.yaml").read_text("utf-8"))
    assert CampaignDraft.model_validate(draft).name == "soldes-hiver"
    assert draft["lists"] == ["magasin", "newsletter", "salon"]
    assert "{first_name|cher client}" in draft["text"]
