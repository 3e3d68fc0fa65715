"""Compare the invoice of a provider with the messages of a month, line by line."""

from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from campanile.files.atomic_write import written_whole
from campanile.files.exports import convert_to_csv
from campanile.files.invoice_aliases import format_of
from campanile.files.invoices import MakeId, read_invoice
from campanile.gateways.ovhcloud.answers import message_id
from campanile.pages.result_views import InvoiceView
from campanile.services.billing.months import month_bounds
from campanile.services.context import Context
from campanile.services.user_paths import given_file
from campanile.sms.errors import ContactFileError
from campanile.sms.rules.invoice_categories import InvoiceCategory
from campanile.store.billing.invoices import stage_comparison
from schemas.result_rows import InvoiceCount

#: How an id of ours is made of the columns in ``InvoiceFormat.key``.
_MAKE_ID: dict[str, MakeId] = {"ovhcloud": lambda cells: message_id(*cells)}


def compare_invoice(context: Context, month: str, path: str, gateway: str, folder: Path) -> InvoiceView:
    """Return the lines of an invoice by category, and write all differences to files.

    Raises:
        ContactFileError: the file cannot be read, or has no columns with an id and a price.
        ConfigurationError: the path is not allowed, or there is no such gateway.
    """
    layout, unit, file = format_of(gateway), context.manifest(gateway).unit, given_file(context, path)
    try:
        lines = read_invoice(file, layout, _MAKE_ID.get(gateway), context.settings.max_file_mb * 1024 * 1024)
    except ContactFileError as error:
        raise ContactFileError(f"invoice {file.name}: {error}") from None
    zone = ZoneInfo(layout.zone) if layout.zone else context.settings.zone
    begins_at, ends_at = month_bounds(month, zone)
    parquet = folder / "invoice_differences.parquet"
    with (
        context.transaction(read_only=True) as tx,
        stage_comparison(tx, lines, gateway=gateway, unit=unit, begins_at=begins_at, ends_at=ends_at) as compared,
        written_whole(parquet) as temporary,
    ):
        counts = compared.counts()
        compared.write_differences(temporary)
    differences = [convert_to_csv(parquet, parquet.with_suffix(".csv")), parquet]
    by_category = {count.category: count for count in counts}
    none = Decimal(0)
    rows = [by_category.get(each, InvoiceCount(each, 0, none, none)) for each in InvoiceCategory]
    return InvoiceView(file.name, gateway, unit, zone.key, len(lines), rows, differences)
