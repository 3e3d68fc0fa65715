"""The documents of the tables for analysts: generated, complete, and in the form that their readers expect."""

from pathlib import Path

import pytest
import yaml

from campanile.pages.data_dictionary import dbt_sources, odcs_contract, snapshot_documents
from schemas.marts import MARTS
from scripts.data_dictionary import documents

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_document_is_what_the_script_writes(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == documents()[path], "run python -m scripts.data_dictionary"


def test_each_column_is_described_once_and_in_every_document() -> None:
    for text in snapshot_documents().values():
        for mart in MARTS:
            names = [column.name for column in mart.columns]
            assert len(names) == len(set(names))
            assert all(name in text for name in names)
    assert all(column.meaning.strip() for mart in MARTS for column in mart.columns)
    assert all(set(mart.key) <= {column.name for column in mart.columns if column.is_required} for mart in MARTS)


def test_dbt_finds_a_file_for_each_table() -> None:
    (source,) = yaml.safe_load(snapshot_documents()["sources.yml"])["sources"]
    assert source == dbt_sources()["sources"][0]
    location = source["meta"]["external_location"]
    assert [location.format(name=table["name"]) for table in source["tables"]] == [
        f"data/snapshot/{mart.name}.parquet" for mart in MARTS
    ]
    assert all(
        source["loaded_at_field"] in [column["name"] for column in table["columns"]] for table in source["tables"]
    )


def test_the_contract_has_what_its_standard_requires() -> None:
    contract = odcs_contract()
    assert {"apiVersion", "kind", "id", "version", "status"} <= contract.keys()
    assert (contract["kind"], contract["apiVersion"]) == ("DataContract", "v3.0.2")
    logical = {"string", "date", "number", "integer", "object", "array", "boolean"}
    for table, mart in zip(contract["schema"], MARTS, strict=True):
        keys = [found for found in table["properties"] if found.get("primaryKey")]
        assert sorted(found["primaryKeyPosition"] for found in keys) == list(range(1, len(mart.key) + 1))
        for found in table["properties"]:
            assert found["logicalType"] in logical
            assert found["classification"] in {"internal", "restricted"}
