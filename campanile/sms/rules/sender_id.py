"""Sender IDs: the names and short codes that are allowed in each country.

The rules differ by country: operators block names, replace them or require a registration. The rules are data in
``senders.toml``, each with its source and date.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from campanile.sms.errors import CampaignError

_LENGTHS = (3, 11)
_LOOKALIKES = str.maketrans("0134578", "OIEASTB")


@dataclass(frozen=True)
class SenderIdRule:
    """One entry of ``senders.toml``, which says what each key means."""

    territories: tuple[str, ...]
    takes_names: bool
    signs: str
    short_code: str
    short_code_words: str
    source: str
    valid_from: date
    generic: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset()
    name_note: str | None = None


@cache
def load_sender_rules() -> dict[str, SenderIdRule]:
    """Return the rules by territory, and the rule of all others under ``default``.

    >>> load_sender_rules()["RE"] is load_sender_rules()["FR"]
    True
    """
    data = tomllib.loads(files("campanile.sms.rules").joinpath("senders.toml").read_text(encoding="utf-8"))
    rules = [_build_rule(data["default"] | {"territories": [country]} | entry) for country, entry in data.items()]
    return {territory: rule for rule in rules for territory in rule.territories}


def _build_rule(entry: dict[str, Any]) -> SenderIdRule:
    names = {key: frozenset(map(_bare, entry.get(key, ()))) for key in ("generic", "reserved")}
    return SenderIdRule(**entry | names | {"territories": tuple(entry["territories"])})


def check_sender_id(sender_id: str, territories: Iterable[str] = ("FR",)) -> None:
    """Refuse a sender that operators would block in one of the territories that a campaign goes to.

    While the territories are not known, give none: then only senders that no country allows are refused.

    Raises:
        CampaignError: one line that names the territories, their rule, and what is wrong.

    >>> check_sender_id("Campanile")
    >>> check_sender_id("Campanile", ["FR", "US"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    campanile.sms.errors.CampaignError: sender_id 'Campanile' is not allowed in US: operators take a short code ...
    """
    rules = load_sender_rules()
    bound = _by_rule(territories)
    if not bound and all(_refusal(sender_id, rule) for rule in rules.values()):
        bound = {rules["default"]: ["any country"]}
    for rule, where in bound.items():
        refusal = _refusal(sender_id, rule)
        if refusal is not None:
            raise CampaignError(f"sender_id {sender_id[:40]!r} is not allowed in {', '.join(where)}: {refusal}")


def sender_notes(sender_id: str, territories: Iterable[str]) -> list[str]:
    """Return notes on an allowed sender in the territories of a campaign: one sentence for each country.

    >>> sender_notes("Campanile", ["FR", "BE"])
    ['operators in Belgium put a number of their own in the place of a name']
    """
    if sender_id.isdigit():
        return []
    return [rule.name_note for rule in _by_rule(territories) if rule.name_note is not None]


def _by_rule(territories: Iterable[str]) -> dict[SenderIdRule, list[str]]:
    """Return each rule with its territories, both in order of code."""
    rules = load_sender_rules()
    found: dict[SenderIdRule, list[str]] = {}
    for territory in sorted(set(territories)):
        found.setdefault(rules.get(territory, rules["default"]), []).append(territory)
    return found


def _refusal(sender_id: str, rule: SenderIdRule) -> str | None:
    """Return why a rule refuses a sender, as a text; None when it does not."""
    if sender_id.isdigit():
        return None if re.fullmatch(rule.short_code, sender_id) else _what_passes(rule)
    if not (rule.takes_names and _is_name(sender_id, rule.signs)):
        return _what_passes(rule)
    if _bare(sender_id) in rule.generic:
        return "operators block a name that does not say who writes; sign with your brand"
    if _bare(sender_id) in rule.reserved:
        return "operators block it for all but its owner; sign with your brand"
    return None


def _is_name(sender_id: str, signs: str) -> bool:
    shortest, longest = _LENGTHS
    is_clean = re.fullmatch(f"[A-Za-z0-9{re.escape(signs)}]{{{shortest},{longest}}}", sender_id) is not None
    has_letter = re.search("[A-Za-z]", sender_id) is not None
    return is_clean and has_letter and " ".join(sender_id.split()) == sender_id


def _what_passes(rule: SenderIdRule) -> str:
    short_code = f"a short code of {rule.short_code_words}"
    if not rule.takes_names:
        return f"operators take {short_code}"
    words = f"{_LENGTHS[0]} to {_LENGTHS[1]} unaccented letters and digits"
    words += ", single spaces" if " " in rule.signs else ", no space"
    words += f", signs among {rule.signs.strip()}" if rule.signs.strip() else ""
    return f"operators take {words}, one letter at least, or {short_code}"


def _bare(name: str) -> str:
    """Return a name as operators compare it: without case and signs, figures read as similar letters."""
    return re.sub("[^A-Z0-9]", "", name.upper()).translate(_LOOKALIKES)
