"""Which gateways can call back, by their name."""

from collections.abc import Mapping

from campanile.gateways.callbacks.table import CallbackTable
from campanile.gateways.kannel.callbacks import CALLBACKS as KANNEL
from campanile.gateways.ovhcloud.callbacks import CALLBACKS as OVHCLOUD
from campanile.gateways.sandbox.callbacks import CALLBACKS as SANDBOX
from campanile.gateways.twilio.callbacks import CALLBACKS as TWILIO
from campanile.sms.errors import ConfigurationError

TABLES: Mapping[str, CallbackTable] = {
    "sandbox": SANDBOX,
    "twilio": TWILIO,
    "ovhcloud": OVHCLOUD,
    "kannel": KANNEL,
}


def configured(settings: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """Return the settings of each gateway that can call back under these (``SMS_KANNEL_CALLBACK_SECRET``, …).

    The settings of a gateway are named without its name: ``callback_secret``.

    Raises:
        ConfigurationError: no gateway can, or a setting cannot be right; names the variables.
    """
    found: dict[str, Mapping[str, str]] = {}
    for gateway, table in TABLES.items():
        prefix = f"SMS_{gateway}_".upper()
        options = {
            name.removeprefix(prefix).lower(): value
            for name, value in settings.items()
            if name.startswith(prefix) and value
        }
        if options.keys() >= set(table.needed):
            _check(gateway, table, options)
            found[gateway] = options
    if not found:
        ways = [
            " and ".join(f"SMS_{gateway}_{name}".upper() for name in table.needed) for gateway, table in TABLES.items()
        ]
        raise ConfigurationError(f"no gateway can call back: set {', or '.join(ways)}")
    return found


def _check(gateway: str, table: CallbackTable, options: Mapping[str, str]) -> None:
    try:
        table.check(options)
    except ConfigurationError as error:
        raise ConfigurationError(f"gateway {gateway}: {error}") from None
