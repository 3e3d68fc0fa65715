"""Check what users type: names of campaigns and lists, which folders and URLs contain; numbers; actor and reason."""

import re

from campanile.services.context import Context
from campanile.sms.errors import CampaignError, InvalidNumber
from campanile.sms.numbers.msisdn import Number, parse_number
from campanile.sms.text.masking import mask_number
from campanile.sms.text.typed_values import name_key
from schemas.draft import NAME_PATTERN

ATTACHED = "draft-"  # before a campaign's name: the list that holds the file of its draft


def check_name(name: str, what: str) -> str:
    """Return a name that is well formed.

    Raises:
        CampaignError: it is not; the error says what a name may be.
    """
    if not is_name(name):
        hint = f"; write {key}" if (key := name_key(name)) else ""
        raise CampaignError(
            f"{what} name {name!r} is not valid: give 2 to 60 lower-case letters, digits and dashes{hint}"
        )
    return name


def check_list_name(name: str) -> str:
    """Return the name of a list that users manage.

    Raises:
        CampaignError: it is not well formed, or reserved for the file of a campaign's draft.
    """
    if name.startswith(ATTACHED):
        raise CampaignError(f"list name {name!r} is reserved for the file of a campaign's draft; choose another one")
    return check_name(name, "list")


def is_name(name: str) -> bool:
    """Return whether a name is well formed."""
    return re.fullmatch(NAME_PATTERN, name) is not None


def typed_number(context: Context, position: int, raw: str, what: str = "number") -> Number:
    """Return a number typed by hand, parsed by the same rules as those of files.

    Args:
        context: the context.
        position: its position among the typed numbers, from 1.
        raw: as it was typed.
        what: its name in the error.

    Raises:
        CampaignError: it cannot get an SMS; the error says which one, masked, and why.
    """
    try:
        return parse_number(raw, context.settings.region, context.settings.allowed_countries)
    except InvalidNumber as error:
        raise CampaignError(f"{what} {position} ({mask_number(raw)}) cannot get an SMS: {error}") from error


def require_actor(actor: str) -> str:
    """Return the name of the person who acts, as it is written into the history.

    Raises:
        CampaignError: it is empty.
    """
    if not actor.strip():
        raise CampaignError("actor is empty: give the name of the person who does this")
    return actor.strip()


def require_reason(reason: str) -> str:
    """Return the reason of an action, as it is written into the history.

    Raises:
        CampaignError: it is empty.
    """
    if not reason.strip():
        raise CampaignError("reason is empty: say why, for the history")
    return reason.strip()
