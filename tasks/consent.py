"""What a recap says of the columns that look like consent and that no rule reads."""

from collections.abc import Sequence

from files.consent import unread_consent_columns
from sms.lint_subject import Finding
from store.database import Transaction
from store.lists import column_map


def unread_consent(visit: Transaction, lists: Sequence[str]) -> list[Finding]:
    """Return one finding a list whose files have a column that looks like consent and is not known."""
    found = {name: unread_consent_columns(column_map(visit, name)) for name in lists}
    return [
        Finding("unread_consent", "advice", unread_words(f"list {name}", columns))
        for name, columns in found.items()
        if columns
    ]


def unread_words(subject: str, columns: Sequence[str]) -> str:
    """Return what to do about such columns of a file or a list."""
    listed = ", ".join(map(repr, columns))
    return (
        f"Columns of {subject} that look like consent and are not known, so they are not read: {listed}. People who "
        "say no there get marketing. If one says who agreed, or who wants no messages, import the file with "
        "columns={'sms_consent': '…'} or columns={'sms_opt_out': '…'}."
    )
