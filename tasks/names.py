"""Names of campaigns and lists: one pattern, so that they can stand in folders, keys and addresses."""

import re

from schemas.draft import NAME_PATTERN
from sms.errors import CampaignError

ATTACHED = "draft-"  # before a campaign's name: the list that holds the file of its draft


def check_name(name: str, what: str) -> str:
    """Return a name that is well formed.

    Raises:
        CampaignError: it is not; tells what a name may be.
    """
    if not is_name(name):
        raise CampaignError(f"{what} name {name!r} is not one: 2 to 60 lower-case letters, digits and dashes")
    return name


def check_list_name(name: str) -> str:
    """Return the name of a list that people keep.

    Raises:
        CampaignError: it is not well formed, or kept for the file of a campaign's draft.
    """
    if name.startswith(ATTACHED):
        raise CampaignError(f"list name {name!r} is kept for the file of a campaign's draft; choose another one")
    return check_name(name, "list")


def is_name(name: str) -> bool:
    """Tell whether a name is well formed."""
    return re.fullmatch(NAME_PATTERN, name) is not None
