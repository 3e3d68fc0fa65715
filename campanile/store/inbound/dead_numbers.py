"""Dead numbers: how reports make them, how a fresh consent ends them, and their history.

``dead_number`` has the numbers that are dead now, ``dead_number_event`` their history, ``absence`` the numbers that
were absent when last tried.
"""

import pandas as pd

from campanile.sms.rules.dead_numbers import DeadRules
from campanile.sms.states import MessageState
from campanile.store.db.database import Transaction
from schemas.report_words import ReportReason


def note_reports(tx: Transaction, gateway: str, moves: pd.DataFrame, rules: DeadRules) -> int:
    """Record the numbers that reports make dead; return how many rows of evidence there were.

    Args:
        tx: the open transaction.
        gateway: the gateway that reports.
        moves: one row a message whose state the reports changed, in the order of the reports: ``number_id``,
            ``msisdn``, ``event``, ``reason``, ``cause``, ``is_permanent``, ``word``.
        rules: how many absences make a number dead.
    """
    permanent = moves[moves["is_permanent"].astype(bool)].drop_duplicates("number_id")
    dead = pd.DataFrame({
        "number_id": permanent["number_id"],
        "msisdn": permanent["msisdn"],
        "reason": permanent["reason"].fillna("unknown"),
        "evidence": [f"a report of gateway {gateway}: {word}" for word in permanent["word"].fillna("no word")],
    })  # fmt: skip
    absent = _note_absences(tx, gateway, moves, rules)
    found = pd.concat([dead, absent]).drop_duplicates("number_id")
    tx.run_staged("dead_number.note_deaths", found, at=tx.at)
    tx.run_staged("dead_number.add", found, at=tx.at)
    return len(found)


def forget_absences(tx: Transaction, number_ids: pd.Series) -> None:
    """End the row of absences of people who wrote."""
    tx.run_staged("absence.forget", pd.DataFrame({"number_id": number_ids.dropna()}))


def revive_consenting(tx: Transaction, import_id: int) -> int:
    """Bring back the dead numbers for which rows of an import have a newer consent; return how many."""
    found = tx.frame("dead_number.consenting", import_id=import_id, at=tx.at)
    if found.empty:
        return 0
    rows = found[["number_id", "row_number"]].assign(
        evidence=[
            f"a consent of {day:%Y-%m-%d}, in row {row_number} of import {import_id}"
            for day, row_number in zip(found["given_on"], found["row_number"], strict=True)
        ]
    )
    tx.run_staged("dead_number.note_revivals", rows, import_id=import_id, at=tx.at)
    ids = found[["number_id"]]
    tx.run_staged("dead_number.remove", ids)
    tx.run_staged("absence.forget", ids)
    return len(found)


def undo_revivals(tx: Transaction, import_id: int) -> None:
    """Make the numbers dead again that only rows of an import brought back, with the date of their death."""
    found = tx.frame("dead_number.revived_by", import_id=import_id)
    evidence = f"import {import_id}, whose consent had brought it back, was undone"
    tx.run_staged("dead_number.note_put_back", found, evidence=evidence, at=tx.at)
    tx.run_staged("dead_number.put_back", found)


def _note_absences(tx: Transaction, gateway: str, moves: pd.DataFrame, rules: DeadRules) -> pd.DataFrame:
    """Count absences in a row; return the numbers that they make dead, as ``DeadNumbers``."""
    reached = moves["event"] == MessageState.DELIVERED
    absent = (moves["event"] == MessageState.UNDELIVERED) & (moves["cause"] == ReportReason.ABSENT)
    # Within one reading, a delivered message ends the row before it: only the absences after the last one count.
    seen = moves.assign(is_reached=reached, is_absent=absent)[reached | absent]
    seen["reached_count"] = seen.groupby("number_id")["is_reached"].cumsum()
    last = seen.groupby("number_id")["reached_count"].transform("max")
    tail = seen[seen["reached_count"] == last].groupby("number_id", sort=False)
    counted = tail.agg(
        new_count=("is_absent", "sum"),
        reached=("reached_count", "max"),
        msisdn=("msisdn", "first"),
        word=("word", "last"),
    )
    counted = counted.reset_index()
    ids = counted[["number_id"]]
    if ids.empty:
        return pd.DataFrame(columns=["number_id", "msisdn", "reason", "evidence"])
    with tx.staged("absence.of", staged_rows=ids):
        known = tx.frame("absence.of").astype({"number_id": "int64"})
    rows = counted.merge(known, on="number_id", how="left")
    goes_on = (rows["reached"] == 0) & rows["absence_count"].notna()
    rows["count"] = rows["new_count"] + rows["absence_count"].where(goes_on, 0).astype("int64")
    rows["first_at"] = [at if goes else tx.at for at, goes in zip(rows["first_at"], goes_on, strict=True)]
    rows["is_dead"] = [
        rules.is_dead(int(count), at, tx.at) for count, at in zip(rows["count"], rows["first_at"], strict=True)
    ]
    stays = (rows["count"] > 0) & ~rows["is_dead"]
    tx.run_staged("absence.forget", rows.loc[~stays & rows["absence_count"].notna(), ["number_id"]])
    kept = rows.loc[stays, ["number_id", "count", "first_at"]].rename(columns={"count": "absence_count"})
    tx.run_staged("absence.put", kept, at=tx.at)
    dead = rows[rows["is_dead"]]
    return pd.DataFrame({
        "number_id": dead["number_id"],
        "msisdn": dead["msisdn"],
        "reason": str(ReportReason.ABSENT),
        "evidence": [
            f"{count} absences in a row from {first_at:%Y-%m-%d} to {tx.at:%Y-%m-%d}, the last one reported by gateway "
            f"{gateway}: {word}"
            for count, first_at, word in zip(dead["count"], dead["first_at"], dead["word"], strict=True)
        ],
    })  # fmt: skip
