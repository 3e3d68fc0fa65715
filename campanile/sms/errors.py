"""All errors that a user can see, as one class tree.

SmsError
├── ConfigurationError      a setting, a policy or a tariff is missing or wrong
├── ContactFileError        a file cannot be read as a whole (a bad row is data, never an exception)
├── InvalidNumber           a text is no number that can get an SMS (``reason`` is a code)
├── TemplateError           a text names a merge field that does not exist, or is badly formed
│   └── MissingField        a person has no value for a merge field, and the text gives no default
├── CampaignError           the request is not possible for this campaign, or there is no such campaign
├── MailError               the mail server did not take a mail to the team
├── FrameError              rows are not what their frame in ``schemas`` says: a defect, and nothing of them is stored
├── StoreError              the store cannot be used
│   ├── StoreBusy           another process holds it (names the process)
│   └── StoreTooNew         a newer version of Campanile wrote it
└── GatewayError            the provider did not carry out a request
    ├── GatewayUnreachable  nothing was sent: no connection was made
    ├── GatewayThrottled    nothing was accepted: asked to slow down (``retry_after`` seconds)
    ├── GatewayDenied       nothing was accepted: credentials, credit or configuration; a person must act
    │   └── OutOfCredit     the account's credit does not cover the request
    ├── BalanceRefused      the balance cannot be compared with our prices
    └── GatewayAmbiguous    unknown: time-out, reset, 5xx, or an unreadable answer

Each message is one line that names the value received and the values allowed.
"""

from collections.abc import Sequence


class SmsError(Exception):
    """A refusal or a failure of Campanile, in one readable line."""


class ConfigurationError(SmsError):
    """A setting, a policy or a tariff is missing or wrong."""


class ContactFileError(SmsError):
    """A file cannot be read as a whole."""


class InvalidNumber(SmsError):  # noqa: N818 - the name is public and reads as what it is
    """A text is no number that can get an SMS.

    Attributes:
        reason: a code of ``msisdn.REASONS``.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class TemplateError(SmsError):
    """A text is badly formed, or names a merge field that does not exist."""


class MissingField(TemplateError):  # noqa: N818
    """A person has no value for a merge field, and the text gives no default.

    Attributes:
        field: the name of the merge field.
    """

    def __init__(self, field: str) -> None:
        super().__init__(f"no value for {{{field}}}; give one, or write a default such as {{{field}|client}}")
        self.field = field


class CampaignError(SmsError):
    """The request is not possible for this campaign."""


class MailError(SmsError):
    """The mail server did not take a mail to the team, or not for all; ``accepted``: the addresses it was taken for."""

    def __init__(self, message: str, accepted: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.accepted = tuple(accepted)


class FrameError(SmsError):
    """Rows that our own code made are not what their frame says."""


class StoreError(SmsError):
    """The store cannot be used."""


class StoreBusy(StoreError):  # noqa: N818
    """Another process holds the store."""


class StoreTooNew(StoreError):  # noqa: N818
    """A newer version of Campanile wrote the store."""


class GatewayError(SmsError):
    """The provider did not carry out a request."""


class GatewayUnreachable(GatewayError):  # noqa: N818
    """No connection was made, so nothing was sent."""


class GatewayThrottled(GatewayError):  # noqa: N818
    """The provider asked to slow down and accepted nothing.

    Attributes:
        retry_after: seconds to wait, as the provider said, or None.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GatewayDenied(GatewayError):  # noqa: N818
    """The provider refused credentials, credit or configuration, and accepted nothing."""


class OutOfCredit(GatewayDenied):
    """The account's credit does not cover the request; nothing of it was accepted."""


class BalanceRefused(GatewayError):  # noqa: N818
    """The provider gave a balance that cannot be compared with our prices: another unit."""


class GatewayAmbiguous(GatewayError):  # noqa: N818
    """It is unknown whether the provider accepted the request: never send it again blindly."""
