"""Publish the tables for analysts: Parquet files of one moment, so that nobody opens the store itself."""

import json
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from campanile.files.atomic_write import written_whole
from campanile.services.context import Context
from campanile.sms.text.formatting import grouped
from campanile.store.db.database import Transaction, scratch_tables
from campanile.store.db.marts import stage_marts, write_mart
from schemas.billing_rows import OperatorSetting
from schemas.marts import MARTS

#: The setting with the key of the pseudonyms: it is made once for a store, so that they stay the same.
_KEY = "snapshot_key"


def write_snapshot(context: Context, documents: Mapping[str, str]) -> str:
    """Write each table to a file, all read in one transaction, and return one line.

    Files are written under temporary names and renamed when all are complete: a reader never sees a half of one, and an
    error leaves the files of the last snapshot.

    Args:
        context: the context.
        documents: the content of other files for the folder, by their names.
    """
    folder, key = context.data_path("snapshot"), _pseudonym_key(context)
    with scratch_tables() as scratch:
        with context.transaction(read_only=True) as tx:
            stage_marts(tx, _parameters(context, tx, key))
        with ExitStack() as files:
            for name, text in documents.items():
                _temporary(files, folder / name).write_text(text, encoding="utf-8")
            counts = {
                mart.name: write_mart(scratch, mart, _temporary(files, folder / f"{mart.name}.parquet"))
                for mart in MARTS
            }
    rows = ", ".join(f"{name} {grouped(count)}" for name, count in counts.items())
    line = f"snapshot in {folder}: rows of {rows}"
    context.log.info(line)
    return line


def _temporary(files: ExitStack, path: Path) -> Path:
    return files.enter_context(written_whole(path))


def _parameters(context: Context, tx: Transaction, key: str) -> dict[str, object]:
    gateways = [str(name) for name in tx.values("campaign.gateways")]
    return {
        "at": tx.at,
        "key": key,
        "is_masked": context.settings.snapshot_numbers == "masked",
        "zone": context.settings.team_zone,
        "gateways": gateways,
        "units": [context.manifest(name).unit for name in gateways],
    }


def _pseudonym_key(context: Context) -> str:
    """Return the key of the pseudonyms; the first snapshot makes it."""
    with context.transaction(read_only=True) as tx:
        found = tx.find(OperatorSetting, "setting.get", name=_KEY)
    if found is None:
        with context.transaction() as tx:
            found = tx.find(OperatorSetting, "setting.get", name=_KEY)
            if found is None:
                value = json.dumps(secrets.token_hex(32))
                tx.run("setting.put", name=_KEY, value=value, actor="publish-snapshot", at=tx.at)
                found = tx.get(OperatorSetting, "setting.get", name=_KEY)
    return str(json.loads(found.value))
