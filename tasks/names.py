"""Names of campaigns and lists: one pattern, so that they can stand in folders, keys and addresses."""

import re

from schemas.draft import NAME_PATTERN
from sms.errors import CampaignError


def check_name(name: str, what: str) -> str:
    """Return a name that is well formed.

    Raises:
        CampaignError: it is not; tells what a name may be.
    """
    if not is_name(name):
        raise CampaignError(f"{what} name {name!r} is not one: 2 to 60 lower-case letters, digits and dashes")
    return name


def is_name(name: str) -> bool:
    """Tell whether a name is well formed."""
    return re.fullmatch(NAME_PATTERN, name) is not None
