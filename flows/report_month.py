"""Publish the costs of a month, and compare the provider's invoice with the messages."""

from schemas.form import OptionalText
from tasks.billing import publish_month, read_month
from tasks.refusals import flow


@flow(name="report-month")
def report_month(month: str, invoice: OptionalText = "", gateway: OptionalText = "") -> str:
    """Publish campaigns, volumes and costs of a month, and write them to `data/exports/months/<month>/`.

    Args:
        month: Year and month, such as 2026-11.
        invoice: The path of the provider's invoice (CSV), in the data folder or a folder of SMS_FILE_DIRS. Each line is
            compared with its message. Empty: no invoice.
        gateway: The gateway of the invoice. Empty: the one in the settings.
    """
    return publish_month(read_month(month, invoice, gateway))
