"""The report of a month, as a Markdown page and as an HTML file: the same sections, so the same figures."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from campanile.pages import charts
from campanile.pages.environment import render
from campanile.pages.figures import Figure, Money, Plain, Section, Share, filled
from campanile.pages.html import render_html
from campanile.pages.result_views import InvoiceView, MonthView
from campanile.pages.results import KeyFigure
from campanile.sms.rules.invoice_categories import CATEGORY_WORDS, InvoiceCategory
from campanile.sms.states import CampaignKind
from campanile.sms.text.formatting import amount_text, count_text
from campanile.sms.text.masking import mask_numbers
from schemas.result_rows import MonthRow

_KIND_WORDS = {
    CampaignKind.MARKETING: "marketing",
    CampaignKind.ALERT: "alert",
    CampaignKind.AUTO_REPLY: "automatic answers",
    CampaignKind.TEST: "tests",
    CampaignKind.NOTICE: "notices to the team",
}
_NO_CENTRE = "(none)"
_COUNTS = ("messages>", "segments>", "delivered>", "of accepted>")


def month_page(view: MonthView, zone: ZoneInfo) -> str:
    """Return the report of a month as Markdown."""
    return render("month", view=view, key_figures=month_figures(view), sections=month_sections(view), zone=zone)


def month_file(view: MonthView, zone: ZoneInfo, note: str = "") -> str:
    """Return the report of a month as one HTML page that needs no other file; ``note``: a line for its head."""
    sections = month_sections(view)
    return render_html("month", view=view, key_figures=month_figures(view), sections=sections, zone=zone, note=note)


def month_figures(view: MonthView) -> list[KeyFigure]:
    """Return what a reader wants to know first."""
    messages = sum(row.message_count for row in view.rows)
    delivered = sum(row.delivered_count for row in view.rows)
    figures = [
        KeyFigure("Accepted messages", messages, count_text(sum(row.segment_count for row in view.rows), "segment")),
        KeyFigure("Delivered", Share(delivered, messages), "of the accepted messages"),
    ]
    figures += [
        KeyFigure("Charged", Money(_sum(row.charged for row in rows), unit), "for the accepted messages")
        for unit, rows in _by_unit(view)
    ]
    if view.invoice is not None:
        wrong = sum(row.line_count for row in view.invoice.counts if row.category != InvoiceCategory.MATCHED)
        tone = "bad" if wrong else ""
        figures.append(KeyFigure("Differences of the invoice", wrong, "lines or messages to look at", tone))
    return figures


def month_sections(view: MonthView) -> list[Section]:
    """Return the sections of the report; those without rows are left out."""
    sections = [_campaigns(view), _centres(view), _kinds(view)]
    if view.invoice is not None:
        sections.append(_invoice(view.invoice))
    return filled(sections)


def _campaigns(view: MonthView) -> Section:
    rows: list[tuple[Figure, ...]] = [
        (
            Plain(row.name or "—"), _KIND_WORDS[row.kind], row.gateway, *_counts([row]),
            Money(row.planned, view.units[row.gateway]), *_amounts([row], view.units[row.gateway]),
        )
        for row in view.rows
    ]  # fmt: skip
    for unit, found in _by_unit(view):
        rows.append(("all", None, None, *_counts(found), None, *_amounts(found, unit)))
    return Section(
        "Campaigns",
        ["campaign", "kind", "gateway", *_COUNTS, "planned>", "captured>", "charged>"],
        rows if view.rows else [],
        [
            "Planned: the whole campaign, by its recap. Captured: the messages accepted in this month, by the recap. "
            "Charged: the same messages, as the gateway charged them.",
            "Automatic answers and tests stand beside the campaign that they belong to.",
        ],
    )


def _centres(view: MonthView) -> Section:
    rows, bars = [], []
    for unit, found in _by_unit(view):
        total = _sum(row.charged for row in found)
        for centre, group in _grouped(found, lambda row: row.cost_centre or _NO_CENTRE):
            charged = _sum(row.charged for row in group)
            rows.append((centre, *_counts(group)[:2], *_amounts(group, unit)))
            bars.append(charts.Bar(centre, float(charged / total) if total else 0.0, amount_text(charged, unit)))
    return Section(
        "Cost centres",
        ["cost centre", *_COUNTS[:2], "captured>", "charged>"],
        rows,
        ["The cost centre of a draft also pays for the tests of the campaign and for the answers to its replies."],
        charts.bar_chart("Cost centres", "What each cost centre was charged, as a share of all.", bars),
    )


def _kinds(view: MonthView) -> Section:
    return Section(
        "Kinds of messages",
        ["kind", *_COUNTS, "captured>", "charged>"],
        [
            (_KIND_WORDS[CampaignKind(kind)], *_counts(group), *_amounts(group, unit))
            for unit, found in _by_unit(view)
            for kind, group in _grouped(found, lambda row: row.kind)
        ],
    )


def _invoice(invoice: InvoiceView) -> Section:
    rows: list[tuple[Figure, ...]] = [
        (
            row.category, CATEGORY_WORDS[InvoiceCategory(row.category)], row.line_count,
            Money(row.invoiced, invoice.unit), Money(row.charged, invoice.unit),
            Money(row.invoiced - row.charged, invoice.unit),
        )
        for row in invoice.counts
        if row.line_count
    ]  # fmt: skip
    invoiced, charged = (_sum(getattr(row, name) for row in invoice.counts) for name in ("invoiced", "charged"))
    amounts = [Money(amount, invoice.unit) for amount in (invoiced, charged, invoiced - charged)]
    rows.append(("all", None, sum(row.line_count for row in invoice.counts), *amounts))
    return Section(
        "Invoice",
        ["category", "meaning", "lines>", "invoice>", "our amount>", "difference>"],
        rows,
        [
            f"{mask_numbers(invoice.file_name)}: {count_text(invoice.line_count, 'line')} of gateway "
            f"{mask_numbers(invoice.gateway)}. Each line is "
            f"in one category; the last one has messages and no lines. The month is on the clock of {invoice.zone}."
        ],
    )


def _by_unit(view: MonthView) -> list[tuple[str, list[MonthRow]]]:
    """Return the rows of each unit: amounts of different units are never added."""
    return _grouped(view.rows, lambda row: view.units[row.gateway])


def _grouped(rows: Iterable[MonthRow], key: Callable[[MonthRow], str]) -> list[tuple[str, list[MonthRow]]]:
    return [(value, list(group)) for value, group in groupby(sorted(rows, key=key), key)]


def _counts(rows: Iterable[MonthRow]) -> tuple[Figure, ...]:
    found = list(rows)
    messages, delivered = sum(row.message_count for row in found), sum(row.delivered_count for row in found)
    return messages, sum(row.segment_count for row in found), delivered, Share(delivered, messages)


def _amounts(rows: Iterable[MonthRow], unit: str) -> tuple[Figure, ...]:
    found = list(rows)
    return Money(_sum(row.captured for row in found), unit), Money(_sum(row.charged for row in found), unit)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
