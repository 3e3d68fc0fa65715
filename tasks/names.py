"""What people type: names of campaigns and lists, that can stand in folders, keys and addresses; and numbers."""

import re

from schemas.draft import NAME_PATTERN
from sms.errors import CampaignError, InvalidNumber
from sms.masking import mask_number
from sms.msisdn import Number, parse_number
from sms.typed import name_key
from tasks.settings import settings

ATTACHED = "draft-"  # before a campaign's name: the list that holds the file of its draft


def check_name(name: str, what: str) -> str:
    """Return a name that is well formed.

    Raises:
        CampaignError: it is not; tells what a name may be.
    """
    if not is_name(name):
        hint = f"; write {key}" if (key := name_key(name)) else ""
        raise CampaignError(f"{what} name {name!r} is not one: 2 to 60 lower-case letters, digits and dashes{hint}")
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


def typed_number(position: int, raw: str, what: str = "number") -> Number:
    """Return a number typed by hand, read by the same rules as those of files.

    Args:
        position: where it stands among those typed, from 1.
        raw: as it was typed.
        what: what the error calls it.

    Raises:
        CampaignError: it cannot get an SMS; tells which one, masked, and why.
    """
    try:
        return parse_number(raw, settings().region, settings().allowed_countries)
    except InvalidNumber as error:
        raise CampaignError(f"{what} {position} ({mask_number(raw)}) cannot get an SMS: {error}") from error


def signed(name: str, field: str = "name") -> str:
    """Return the name of who does something, as it goes into the history; ``field`` is what the form calls it.

    Raises:
        CampaignError: it is empty.
    """
    if not name.strip():
        raise CampaignError(f"this needs the name of who does it: give {field}")
    return name.strip()


def reasoned(reason: str) -> str:
    """Return why somebody does something, as it goes into the history.

    Raises:
        CampaignError: it is empty.
    """
    if not reason.strip():
        raise CampaignError("this needs a reason, for the history: give reason")
    return reason.strip()
