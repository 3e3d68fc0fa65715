"""Count on scratch tables what the messages of a campaign contain by mistake, such as placeholders and HTML."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np

from campanile.sms.text.leftovers import leftover_patterns, without_invisible
from campanile.sms.text.lint_finding import Leftover, Saving
from campanile.sms.text.segment_column import scan_column
from campanile.sms.text.template import Template
from campanile.store.db.statement_runner import StatementRunner


class _LeftoverCount(NamedTuple):
    field_no: int
    message_count: int
    price: Decimal
    example: str


def leftovers_of(scratch: StatementRunner, template: Template) -> list[Leftover]:
    """Return what the cells of merge fields contain by mistake: one row a field and kind."""
    patterns, fields = leftover_patterns(), template.fields
    if not fields:
        return []
    any_kind = "|".join(f"(?:{pattern})" for pattern in patterns.values())
    scratch.run("plan.stage_leftovers", pattern=any_kind, field_count=len(fields))
    return [
        Leftover(kind, fields[row.field_no - 1], row.example, row.message_count, row.price)
        for kind, pattern in patterns.items()
        for row in scratch.select(_LeftoverCount, "plan.leftovers", pattern=pattern)
    ]


def invisible_saving(scratch: StatementRunner) -> Saving:
    """Return how many messages contain invisible characters, and what removing them would save."""
    found = scratch.columns("plan.texts_with", pattern=leftover_patterns()["invisible"])
    texts = found["text"].tolist()
    if not texts:
        return Saving(0, 0, Decimal())
    scan = scan_column([without_invisible(text) for text in texts], levels=())
    saved = np.asarray(found["segment_count"]) - scan.segment_count
    price = sum(
        (Decimal(each) * int(count) for each, count in zip(found["segment_price"], saved, strict=True)), Decimal()
    )
    return Saving(len(texts), int(saved.sum()), price)
