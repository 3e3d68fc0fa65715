"""The report of a month: campaigns, volumes, costs, and the invoice of the provider."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from campanile.files.atomic_write import written_whole
from campanile.files.exports import write_cells
from campanile.pages.result_views import MonthView
from campanile.services.billing.invoice import compare_invoice
from campanile.services.billing.months import month_bounds
from campanile.services.context import Context
from campanile.sms.errors import CampaignError
from schemas.result_rows import MonthRow

_ROW_COLUMNS = (
    "kind", "campaign", "cost_centre", "gateway", "messages", "segments", "delivered", "planned", "captured", "charged",
    "unit",
)  # fmt: skip


def read_month(context: Context, month: str, invoice: str = "", gateway: str = "") -> MonthView:
    """Return everything that the report of a month shows, and write its CSV files.

    Args:
        context: the context.
        month: such as 2026-11, on the team's clock.
        invoice: the path of the provider's invoice; empty: none.
        gateway: the gateway of the invoice; empty: the one in the settings.

    Raises:
        CampaignError: it is no month, or it has not begun.
        ContactFileError: the invoice cannot be read.
        ConfigurationError: the path of the invoice is not allowed, or there is no such gateway.
    """
    zone = context.settings.zone
    begins_at, ends_at = month_bounds(month, zone)
    if begins_at > context.now():
        raise CampaignError(f"month {month} has not begun; give an earlier one, such as {context.now():%Y-%m}")
    folder = context.data_path("exports", "months", month)
    compared = (
        compare_invoice(context, month, invoice, gateway or context.settings.gateway, folder) if invoice else None
    )
    with context.transaction(read_only=True) as tx:
        rows = tx.select(MonthRow, "month.rows", begins_at=begins_at, ends_at=ends_at)
        read_at = tx.at
    units = {row.gateway: context.manifest(row.gateway).unit for row in rows}
    view = MonthView(month, read_at, rows, units, compared, folder / "costs.html", [])
    exports = [_write_rows(view, folder / "costs.csv"), *(compared.differences if compared else [])]
    return replace(view, exports=exports)


def write_month_page(view: MonthView, page: str) -> Path:
    """Write the HTML file of a month, and return its path."""
    with written_whole(view.page) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return view.page


def _write_rows(view: MonthView, path: Path) -> Path:
    return write_cells(path, _ROW_COLUMNS, (_cells(row, view.units[row.gateway]) for row in view.rows))


def _cells(row: MonthRow, unit: str) -> Sequence[object]:
    return (
        row.kind, row.name or "", row.cost_centre or "", row.gateway, row.message_count, row.segment_count,
        row.delivered_count, "" if row.planned is None else row.planned, row.captured, row.charged, unit,
    )  # fmt: skip
