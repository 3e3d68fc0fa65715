"""Numbers that can get an SMS, as people type them, in E.164.

Validity, kind and territory are Google's (the ``phonenumbers`` library). Ours is what comes before
(``number_text``), and the one thing the library cannot know: French people overseas write their numbers the
national way, ``0690 00 12 34``, which is no number of the mainland. Which prefix is whose: the French numbering
plan (ARCEP, decision 2018-0881).
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult

from campanile.sms.errors import ConfigurationError, InvalidNumber
from campanile.sms.numbers.cleaning import clean_number_text
from campanile.sms.text.masking import mask_number

REASONS: dict[str, str] = {
    "empty_number": "There is no number.",
    "not_a_number": "This is not a phone number.",
    "letters": "There are letters among the digits.",
    "two_numbers": "There are two numbers in one cell; keep one.",
    "too_short": "Digits are missing.",
    "too_long": "There are too many digits.",
    "invalid_number": "No phone can have this number; a digit is probably wrong.",
    "not_mobile": "This is not a mobile number, so it cannot get an SMS.",
    "premium": "This is a premium-rate number.",
    "short_code": "This is a short number, not a person's phone.",
    "country_not_allowed": "This number is in a country that this team does not write to.",
    "excel_damage": "The spreadsheet replaced the digits by 6,12E+08; format the column as text and export again.",
}
"""Why a number is refused, in words for the person who keeps the file."""

_KINDS = {PhoneNumberType.MOBILE: "mobile", PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile"}
_PREMIUM = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)
BARE_INTERNATIONAL_DIGITS = 11  # as many digits without plus or zero may be a number with its country code
FRENCH_REGIONS = frozenset({"FR", "GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF"})
OVERSEAS_CODES = {
    "690": ("590",), "691": ("590",), "694": ("594",), "696": ("596",), "697": ("596",),
    "692": ("262",), "693": ("262",), "639": ("262",),
    "708": ("508",), "709": ("590", "596", "262", "594"),
}  # fmt: skip
FRENCH_CODES = (33, 262, 508, 590, 594, 596)
OVERSEAS_MOBILE = "[67][0-9]{8}"
MAINLAND_CODE = 33
# Only with the mainland's code or none: under +262 a number of another territory may as well be a wrong digit.
_FRENCH_NATIONAL = re.compile(rf"(?:(?:\+|00)?{MAINLAND_CODE}0?|0)?({OVERSEAS_MOBILE})")
_SHORT_CODE_DIGITS = range(3, 7)
_PARSE_REASONS = {
    NumberParseException.INVALID_COUNTRY_CODE: "invalid_number",
    NumberParseException.NOT_A_NUMBER: "too_short",  # digits alone, so what is left of a code
    NumberParseException.TOO_SHORT_AFTER_IDD: "too_short",
    NumberParseException.TOO_SHORT_NSN: "too_short",
    NumberParseException.TOO_LONG: "too_long",
}
_LENGTH_REASONS = {
    ValidationResult.TOO_SHORT: "too_short",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "too_short",
    ValidationResult.TOO_LONG: "too_long",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number that can get an SMS.

    ``msisdn`` is E.164 with its plus; ``territory`` the region of its numbering plan, where St-Barthélemy and
    St-Martin are ``GP``; ``kind`` is ``mobile``, or ``fixed_line_or_mobile`` where the plan does not tell (United
    States, Canada).
    """

    msisdn: str
    territory: str
    kind: str

    @property
    def number_id(self) -> int:
        """The digits as an integer, 15 at most: fits a BIGINT."""
        return int(self.msisdn[1:])


def parse_number(raw: str, region: str = "FR", allowed: Collection[str] | None = None) -> Number:
    """Return the mobile number a text holds, as read in ``region`` where it names no country.

    Repairs what has one reading only: spaces and dots, ``0033``, ``(0)``, a lost leading zero or plus,
    spreadsheet quotes, French overseas numbers without their country code. ``allowed`` holds territories; None
    allows all.

    Raises:
        InvalidNumber: ``reason`` is a code of ``REASONS``; no message shows a whole number.
        ConfigurationError: ``region`` is no country code.

    >>> parse_number("06 12 34 56 78").msisdn
    '+33612345678'
    >>> parse_number("0692 12 34 56")
    Number(msisdn='+262692123456', territory='RE', kind='mobile')
    """
    check_region(region)
    text = clean_number_text(raw)
    parsed = _find_valid(text, region)
    if parsed is None:
        raise InvalidNumber(_why_invalid(text, region), mask_number(text))
    number_type = phonenumbers.number_type(parsed)
    if number_type not in _KINDS:
        raise InvalidNumber("premium" if number_type in _PREMIUM else "not_mobile", mask_number(text))
    msisdn = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    number = Number(msisdn, str(phonenumbers.region_code_for_number(parsed)), _KINDS[number_type])
    return _check_allowed(number, allowed)


def check_region(region: str) -> None:
    """Refuse what is no region of ``phonenumbers``.

    Raises:
        ConfigurationError: tells what a region is.
    """
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ConfigurationError(
            f"region {region!r} is no country code; write two capital letters such as FR, RE or BE"
        )


def _check_allowed(number: Number, allowed: Collection[str] | None) -> Number:
    if allowed is not None and number.territory not in allowed:
        known = ", ".join(sorted(allowed)) or "none"
        raise InvalidNumber("country_not_allowed", f"{number.territory}; allowed: {known}")
    return number


def _find_valid(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    for candidate in _candidates(text, region):
        try:
            parsed = phonenumbers.parse(candidate, region)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return parsed
    return None


def _candidates(text: str, region: str) -> Iterator[str]:
    """Give the readings of a text, the plainest first."""
    yield text
    if text.startswith("00"):
        yield f"+{text[2:]}"
    elif text[0] not in "+0" and len(text) >= BARE_INTERNATIONAL_DIGITS:
        yield f"+{text}"
    national = _FRENCH_NATIONAL.fullmatch(text) if region in FRENCH_REGIONS else None
    if national:
        for code in OVERSEAS_CODES.get(national[1][:3], (str(MAINLAND_CODE),)):
            yield f"+{code}{national[1]}"


def _why_invalid(text: str, region: str) -> str:
    if not text.startswith("+") and len(text) in _SHORT_CODE_DIGITS:
        return "short_code"
    try:
        parsed = phonenumbers.parse(text, region)
    except NumberParseException as error:
        return _PARSE_REASONS[error.error_type]
    return _LENGTH_REASONS.get(phonenumbers.is_possible_number_with_reason(parsed), "invalid_number")
