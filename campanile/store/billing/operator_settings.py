"""Operator settings: what operators change while the program runs, with its history."""

import json
from typing import Any

from campanile.store.db.database import Transaction
from schemas.billing_rows import OperatorSetting


def put_setting(tx: Transaction, name: str, value: object, actor: str) -> None:
    """Set a setting; the previous value stays in the history."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    tx.run("setting.put", name=name, value=text, actor=actor, at=tx.at)


def get_setting(tx: Transaction, name: str) -> Any:
    """Return the setting in force, or None."""
    found = tx.find(OperatorSetting, "setting.get", name=name)
    return None if found is None else json.loads(found.value)
