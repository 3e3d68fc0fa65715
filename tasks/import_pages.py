"""What people read of an import: how the file was read, what became of its rows, and why."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from files.opening import size_text
from files.records import DELIMITERS
from files.rejects import REJECT_WORDS
from files.staging import StagedFile
from sms.masking import escape_markdown, mask_numbers
from sms.places import key_name
from store.changes import Preview
from store.imports import ImportSummary
from tasks.consent import unread_words
from tasks.links import RunLink, draw_links
from tasks.pages import local_time, table, user_text

_FATE_WORDS = {
    "accepted": "new people",
    "updated": "known people with newer fields",
    "duplicate": "known people, nothing new",
    "rejected": "cannot be used; see below",
}
_CONSENT_WORDS = (
    "Who says no in one of them gets no marketing (reason consent_refused in the recap); an alert is not marketing. An "
    "empty cell is no consent, and no opt-out. This is no STOP for other lists: for that, use import-opt-outs."
)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file, how it was read, and in how many seconds; a preview changed nothing."""

    summary: ImportSummary
    staged: StagedFile
    seconds: float
    is_preview: bool


def import_page(
    subject: str,
    reports: Sequence[ImportReport],
    refusals: Sequence[str],
    basis: Sequence[RunLink] = (),
) -> str:
    """Return what became of the files of an import run; ``basis``: how to declare the legal basis that is missing."""
    parts = [f"# Import into {escape_markdown(subject)}", *basis_parts(basis)]
    for report in reports:
        parts += [f"## {user_text(report.staged.file_name)}", *_file_parts(subject, report)]
    parts += [f"**Refused:** {user_text(refusal)}" for refusal in refusals]
    return "\n\n".join(parts) + "\n"


def basis_parts(links: Sequence[RunLink]) -> list[str]:
    """Return that a list has no legal basis, and how to declare it; nothing where it has one."""
    why = "⚠ **No legal basis is declared for this list:** nobody on it gets marketing before somebody declares it."
    return [why, *draw_links(links)] if links else []


def import_rows(reports: Iterable[ImportReport]) -> list[dict[str, Any]]:
    """Return the same as a table: one row a file and fate, rejected ones by reason."""
    return [
        {"file": report.staged.file_name, "import_id": report.summary.import_id, "fate": fate, "rows": count}
        for report in reports
        for fate, count in (
            report.summary.fates | {f"rejected: {code}": n for code, n in report.summary.reject_reasons.items()}
        ).items()
    ]


def change_page(title: str, preview: Preview, is_preview: bool) -> str:
    """Return what taking a file out of a list, or emptying it, does to people and campaigns."""
    note = "*A preview: nothing was changed. Run it again with preview off to do it.*" if is_preview else "*Done.*"
    return "\n\n".join([f"# {escape_markdown(title)}", note, *_change_parts(preview)]) + "\n"


def lists_page(lists: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
    """Return every list with what it holds."""
    rows = [
        (
            row["list_name"],
            row["contact_count"],
            row["opted_out_count"],
            row["legal_basis"] or "not declared",
            row["import_count"],
            _on(row["last_import_at"], zone),
        )
        for row in lists
    ]
    header = ["list", "contacts", "opted out among them", "legal basis", "files", f"last file ({zone.key})"]
    return f"# Lists\n\n{table(header, rows) if rows else 'There are no lists yet.'}\n"


def list_page(
    card: Mapping[str, Any], zone: ZoneInfo, exports: Sequence[object] = (), basis_links: Sequence[RunLink] = ()
) -> str:
    """Return what is known of one list; ``card`` is ``store.lists.list_card``'s."""
    basis = card["legal_basis"] or "not declared"
    parts = [
        f"# List {escape_markdown(card['list_name'])}",
        f"**{card['contact_count']} contacts**, {card['opted_out_count']} of them opted out. Legal basis: **{basis}**.",
    ]
    parts += basis_parts(basis_links)
    if card["wording"]:
        parts.append(f"People agreed to:\n\n> {user_text(card['wording'])}")
    if card["is_sample"]:
        parts.append("Made from sample files: only the sandbox may send to it.")
    if card["columns"]:
        columns = [(mask_numbers(name), field) for field, name in json.loads(card["columns"]).items()]
        parts += [
            "## Columns of its files",
            table(["column of the file", "field"], columns),
            "Remembered from an import; change or forget them with action columns.",
        ]
    if card["header_row"]:
        parts.append(
            f"The header of its files is line {card['header_row']}. Remembered from an import; change or forget it "
            "with action header_row."
        )
    if card["fields"]:
        parts += ["## Fields", table(["merge field", "contacts that have it"], card["fields"].items())]
    if card["territories"]:
        parts += ["## Territories", table(["territory", "contacts"], _named(card["territories"]))]
    if card["imports"]:
        rows = [
            (
                row["import_id"],
                user_text(row["file_name"]),
                _on(row["recorded_at"], zone),
                row["row_count"],
                _state(row),
            )
            for row in card["imports"]
        ]
        parts += ["## Files", table(["import", "file", f"on ({zone.key})", "rows", "state"], rows)]
    parts += [f"Exported: {escape_markdown(str(path))}" for path in exports]
    return "\n\n".join(parts) + "\n"


def _file_parts(subject: str, report: ImportReport) -> list[str]:
    summary, staged = report.summary, report.staged
    if summary.same_as:
        return [f"Nothing to do: the same bytes came as {user_text(summary.same_as)}."]
    parts = ["*A preview: nothing was imported.*"] if report.is_preview else []
    number = "" if report.is_preview else f"Import {summary.import_id}. "
    read = f"{_how_it_was_read(staged)} {_count(summary.row_count, 'row')} in {report.seconds:.1f} s."
    parts.append(number + read)
    parts += [user_text(note) for note in staged.notes]
    rows = [(fate, _FATE_WORDS[fate], count, _share(count, summary.row_count)) for fate, count in summary.fates.items()]
    parts.append(table(["fate", "meaning", "rows", "share"], rows))
    valid = summary.row_count - summary.fates["rejected"]
    if valid and summary.known_count:
        parts.append(f"**{_share(summary.known_count, valid)} of its numbers were already known.**")
    if summary.duplicate_examples:
        shown = "; ".join(
            f"row {row} is row {of_row} of {user_text(of)}" for row, of, of_row in summary.duplicate_examples
        )
        parts.append(f"Duplicates, such as: {shown}.")
    if summary.reject_reasons:
        parts.append(_rejects(subject, staged, summary.reject_reasons, report.is_preview))
    if summary.opted_out_count:
        parts.append(f"{summary.opted_out_count} of these people are opted out; campaigns leave them out.")
    if summary.replaced is not None:
        parts += ["### In place of the earlier file", *_change_parts(summary.replaced)]
    columns = [(user_text(name), field) for name, field in staged.column_map.items()]
    parts += ["### Columns", table(["column of the file", "field"], columns)]
    parts += _consent_parts(staged)
    if summary.territories:
        parts += ["### Where", table(["territory", "rows"], _named(summary.territories))]
    return parts


def _how_it_was_read(staged: StagedFile) -> str:
    size = size_text(staged.size_bytes)
    if staged.sheet is not None:
        return f"Sheet {user_text(staged.sheet)}, {size}."
    delimiter = DELIMITERS.get(staged.delimiter or "", "")
    cells = f"cells separated by {delimiter}" if len(staged.header) > 1 else "one column"
    return f"Text in {escape_markdown(str(staged.encoding))}, {cells}, {size}."


def _rejects(subject: str, staged: StagedFile, reasons: Mapping[str, int], is_preview: bool) -> str:
    """Return why rows were rejected, as a list: the UI cuts a table that is wider than its page."""
    lines = []
    for code, count in reasons.items():
        lines.append(f"- **{count}** {escape_markdown(code)}: {escape_markdown(REJECT_WORDS[code])}")
        lines += [f"    - {user_text(example)}" for example in staged.reject_examples.get(code, ())]
    where = (
        f"The rejected rows, each with its reason, are in the data folder under rejects/{escape_markdown(subject)}/. "
        "Correct them there, and import that file."
    )
    return "\n".join(["### Rejected", "", *lines, *([] if is_preview else ["", where])])


def _consent_parts(staged: StagedFile) -> list[str]:
    """Return what the consent and opt-out columns say, and which columns look like one and are not read."""
    if not staged.consent and not staged.unread_consent:
        return []
    parts = ["### Consent"]
    if staged.consent:
        header = ["column", "says", "may get marketing", "may not", "empty", "unreadable"]
        rows = [
            (
                mask_numbers(count.column),
                "who wants no messages" if count.is_opt_out else "who agreed",
                count.may_count,
                count.no_count,
                count.empty_count,
                count.unreadable_count,
            )
            for count in staged.consent
        ]
        parts += [table(header, rows), _CONSENT_WORDS]
    odd = [user_text(repr(value)) for count in staged.consent for value in count.unreadable_examples]
    if odd:
        parts.append(f"Unreadable, so they count as no: {', '.join(odd)}.")
    if staged.unread_consent:
        parts.append(f"⚠ {user_text(unread_words('this file', staged.unread_consent))}")
    return parts


def _change_parts(preview: Preview) -> list[str]:
    rows = [
        ("added", "were not in the list", preview.added),
        ("removed", "are in no other file of the list", preview.removed),
        ("changed", "stay, with other fields", preview.changed),
        ("kept", "stay as they are", preview.kept),
    ]
    parts = [table(["people", "meaning", "count"], rows)]
    if preview.changed_columns:
        parts.append(table(["field", "people for whom it changes"], preview.changed_columns.items()))
    lines = [f"- {kind}: {user_text(line)}" for kind, shown in preview.examples.items() for line in shown]
    parts += ["\n".join(lines)] if lines else []
    if preview.touched:
        touched = [(each.name, each.state, each.people_count, _what_follows(each.state)) for each in preview.touched]
        parts += ["### Campaigns", table(["campaign", "state", "people", "what follows"], touched)]
    return parts


def _what_follows(state: str) -> str:
    return (
        "its recap is stale: prepare again" if state == "prepared" else "sends what was approved; an alert was raised"
    )


def _state(row: Mapping[str, Any]) -> str:
    return f"{row['undone_why']} by {row['undone_by']}" if row["undone_at"] else "in the list"


def _on(at: Any, zone: ZoneInfo) -> str:
    return local_time(at, zone) if at else "never"


def _named(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(key_name(territory), count) for territory, count in counts.items()]


def _share(count: int, whole: int) -> str:
    """Return a share in whole per cent; something is never 0 %, and less than all never 100 %."""
    share = round(100 * count / whole) if whole else 0
    return f"{min(max(share, 1 if count else 0), 100 if count == whole else 99)} %"


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
