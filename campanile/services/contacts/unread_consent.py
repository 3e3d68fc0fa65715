"""Lint findings of a recap on columns that look like consent and that no rule reads."""

from collections.abc import Sequence

from campanile.files.parsing.consent_columns import unread_consent_columns, unread_words
from campanile.sms.text.lint_finding import LintFinding
from campanile.store.contacts.lists import column_map
from campanile.store.db.database import Transaction


def unread_consent(tx: Transaction, lists: Sequence[str]) -> list[LintFinding]:
    """Return one finding a list whose files have a column that looks like consent and is not known."""
    found = {name: unread_consent_columns(column_map(tx, name)) for name in lists}
    return [
        LintFinding("unread_consent", "advice", unread_words(f"list {name}", columns))
        for name, columns in found.items()
        if columns
    ]
