"""Pages of imports and lists: how a file was read, the result of each row, and the reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from campanile.files.parsing.consent_columns import unread_words
from campanile.files.parsing.csv_record import DELIMITERS
from campanile.files.parsing.source_bytes import size_text
from campanile.pages.environment import render
from campanile.pages.import_views import ImportReport
from campanile.pages.run_links import RunLink
from campanile.store.contacts.impact import Preview
from schemas.contact_rows import ListCard, ListSummary


@dataclass(frozen=True, slots=True)
class _File:
    """One file of the page, with values computed from its report; ``valid_count``: rows that were not rejected."""

    report: ImportReport
    size: str
    cells: str
    valid_count: int
    unreadable: Sequence[str]
    unread_words: str


def import_page(
    subject: str,
    reports: Sequence[ImportReport],
    refusals: Sequence[str],
    basis: Sequence[RunLink] = (),
) -> str:
    """Return the page of an import run; ``basis``: how to declare the legal basis that is missing."""
    return render("import", subject=subject, files=list(map(_file, reports)), refusals=refusals, steps=basis)


def import_rows(reports: Iterable[ImportReport]) -> list[dict[str, Any]]:
    """Return the same as a table: one row for each file and result, rejected rows by reason."""
    return [
        {"file": report.staged.file_name, "import_id": report.summary.import_id, "result": result, "rows": count}
        for report in reports
        for result, count in (
            dict(report.summary.result_counts)
            | {f"rejected: {code}": n for code, n in report.summary.reject_reasons.items()}
        ).items()
    ]


def change_page(title: str, preview: Preview, is_preview: bool) -> str:
    """Return the page of removing a file from a list, or emptying it: the effect on people and campaigns."""
    return render("change", title=title, preview=preview, is_preview=is_preview)


def lists_page(lists: Sequence[ListSummary], zone: ZoneInfo) -> str:
    """Return the page of all lists."""
    return render("lists", lists=lists, zone=zone)


def list_page(
    card: ListCard, zone: ZoneInfo, exports: Sequence[object] = (), basis_links: Sequence[RunLink] = ()
) -> str:
    """Return the page of one list."""
    return render("list", card=card, exports=exports, steps=basis_links, zone=zone)


def _file(report: ImportReport) -> _File:
    summary, staged = report.summary, report.staged
    separator = DELIMITERS.get(staged.delimiter or "", "")
    return _File(
        report,
        size=size_text(staged.size_bytes),
        cells=f"cells separated by {separator}" if len(staged.header) > 1 else "one column",
        valid_count=summary.row_count - sum(summary.reject_reasons.values()),
        unreadable=[repr(value) for count in staged.consent for value in count.unreadable_examples],
        unread_words=unread_words("this file", staged.unread_consent) if staged.unread_consent else "",
    )
