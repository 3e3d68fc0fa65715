"""The clocks of the world: the tz database in the package ``tzdata``, so that an hour is the same on every machine.

The system's own database is not asked: it is missing in a slim image, and old on a machine that nobody updates.
"""

import zoneinfo
from functools import cache
from importlib import import_module
from zoneinfo import ZoneInfo

from campanile.sms.errors import ConfigurationError

#: Before it, windows in western Canada are an hour off from November 2026 on.
OLDEST_DATABASE = "2026f"
_REMEDY = "no hour of any recipient is known; install it again as requirements.lock says (make setup)"


zoneinfo.reset_tzpath(to=())
ZoneInfo.clear_cache()  # what other libraries have read from the system's database


def database_version() -> str:
    """Return the version of the tz database, such as 2026f.

    Raises:
        ConfigurationError: there is none, or one that is too old to go by.
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
        ConfigurationError: there is no such zone; or no tz database, or one that is too old to go by.

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
