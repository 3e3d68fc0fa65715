"""The names by which the columns of a provider's invoice are found, by gateway, as ``field_name`` writes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ID, PRICE, UNIT, SEGMENTS, TAG, RECEIVER = "id", "price", "unit", "segments", "tag", "receiver"

_COMMON: Mapping[str, Sequence[str]] = {
    ID: ("gateway_message_id", "message_id", "messageid", "id", "sms_id", "id_message", "id_sms", "reference"),
    PRICE: ("price", "amount", "cost", "total", "total_price", "prix", "montant", "cout", "prix_total", "montant_ht"),
    UNIT: ("unit", "currency", "price_unit", "devise", "unite", "monnaie"),
    SEGMENTS: ("segments", "segment_count", "num_segments", "parts", "nb_segments", "nombre_de_sms", "nb_sms"),
}


@dataclass(frozen=True, slots=True)
class InvoiceFormat:
    """What is special about the invoices of a gateway.

    ``aliases``: more names of columns, tried before the common ones. ``key``: the columns that an id is made of if the
    invoice has no id of ours. ``zone``: the clock of its months; None: the team's.
    """

    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    key: Sequence[str] = ()
    zone: str | None = None

    def names(self, column: str) -> Sequence[str]:
        """Return the names of a column, the most special first."""
        return (*self.aliases.get(column, ()), *_COMMON.get(column, ()))


FORMATS: Mapping[str, InvoiceFormat] = {
    "twilio": InvoiceFormat({ID: ("sid", "message_sid"), UNIT: ("priceunit",), SEGMENTS: ("numsegments",)}, zone="UTC"),
    # OVHcloud's own ids are of no use: ours are made of the tag of a job and the receiver (``ovhcloud.answers``).
    "ovhcloud": InvoiceFormat(
        {PRICE: ("credits", "nb_credits", "credit"), SEGMENTS: ("number_of_sms", "numberofsms"), TAG: ("tag",),
         RECEIVER: ("receiver", "recipient", "destinataire", "numero")},
        key=(TAG, RECEIVER),
    ),
}  # fmt: skip


def format_of(gateway: str) -> InvoiceFormat:
    """Return the format of a gateway's invoices; one without a format of its own has the common names."""
    return FORMATS.get(gateway, InvoiceFormat())
