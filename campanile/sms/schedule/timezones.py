"""Time zones from the package ``tzdata``, so that a local time is the same on every machine.

The system's own database is not used: it may be missing in a slim image, or be out of date.
"""

import zoneinfo
from functools import cache
from importlib import import_module
from zoneinfo import ZoneInfo

from campanile.sms.errors import ConfigurationError

#: With an older database, windows in western Canada are wrong by one hour from November 2026 on.
OLDEST_DATABASE = "2026f"
_REMEDY = "no hour of any recipient is known; install it again as requirements.lock says (make setup)"


zoneinfo.reset_tzpath(to=())
ZoneInfo.clear_cache()  # forget what other libraries have read from the system's database


def database_version() -> str:
    """Return the version of the tz database, such as 2026f.

    Raises:
        ConfigurationError: there is none, or it is too old.
    """
    try:
        version = str(import_module("tzdata").IANA_VERSION)
    except ImportError:
        raise ConfigurationError(f"the tz database is missing (package tzdata): {_REMEDY}") from None
    if version < OLDEST_DATABASE:
        raise ConfigurationError(
            f"the tz database is {version}, older than {OLDEST_DATABASE} (package tzdata): {_REMEDY}"
        )
    return version


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        ConfigurationError: there is no such zone, or the tz database is missing or too old.

    >>> zone_of("Indian/Reunion").key
    'Indian/Reunion'
    """
    version = database_version()
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        raise ConfigurationError(
            f"there is no time zone {name!r} in the tz database {version}; it must be an IANA name such as Europe/Paris"
        ) from None
