"""What people, phones and spreadsheets put in a number column, brought down to digits with an optional plus.

Everything here happens before the numbering plans are asked, in this order: cap, invisible characters,
wrappings of spreadsheets, spreadsheet damage, two numbers in a cell, letters, punctuation, ``(0)``. What could
be read in two ways is refused with a reason, never guessed.
"""

import re
import unicodedata

from campanile.sms.errors import InvalidNumber
from campanile.sms.text.masking import mask_number

_LONGEST = 64
_FULL_NUMBER_DIGITS = 7
_FORMULA = re.compile(r"=\s*\"?([^\"]*)\"?")
_QUOTED = re.compile(r"(['\"’`])([^'\"’`]*)\1?")
_EXPONENT = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*[eE]\s*[+-]?\d+")
_TOO_NARROW = re.compile(r"#{2,}")
FLOAT_TAIL = re.compile(r"(\+?\d+)[.,]0+")
_BETWEEN_NUMBERS = re.compile(r"[/;,|&\n]|:{2,}|\s-\s|\b(?:ou|or|et|and)\b", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_PUNCTUATION = re.compile(r"[\s.,/()\[\]·_-]")
_TRUNK_ZERO = re.compile(r"(?<=[\d)])([\s.-]*)\(\s*0\s*\)")
_DIGITS = re.compile(r"\+?[0-9]+")


def clean_number_text(raw: str) -> str:
    """Return the digits of a cell, with its plus if it had one.

    Raises:
        InvalidNumber: the cell holds no number, two numbers, letters, or what a spreadsheet left of a number.

    >>> clean_number_text('="06 12 34 56 78"')
    '0612345678'
    """
    text = _unwrap(_make_visible(raw))
    _check_damage(text)
    text = FLOAT_TAIL.sub(r"\1", text) if FLOAT_TAIL.fullmatch(text) else text
    _check_one_number(text)
    if any(character.isalpha() for character in text):
        raise InvalidNumber("letters", f"{sum(map(str.isalpha, text))} letters")
    digits = _PUNCTUATION.sub("", _TRUNK_ZERO.sub(r"\1", text))
    if digits.count("+") > 1 and len(digits) > 2 * _FULL_NUMBER_DIGITS:
        raise InvalidNumber("two_numbers", mask_number(digits))
    if not _DIGITS.fullmatch(digits):
        raise InvalidNumber("not_a_number", mask_number(digits))
    return digits


def _make_visible(raw: str) -> str:
    text = raw.strip()
    if len(text) > _LONGEST:
        raise InvalidNumber("too_long", f"{len(text)} characters, {_LONGEST} at most")
    # Superscripts, circled digits and fractions would become digits under NFKC: a footnote mark is no digit.
    if any(unicodedata.category(character) in ("No", "Nl") for character in text):
        raise InvalidNumber("not_a_number", "a digit that is no digit, such as ² or ①")
    text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return "".join(_to_plain(character) for character in unicodedata.normalize("NFKC", text)).strip()


def _to_plain(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return "-" if unicodedata.category(character) == "Pd" or character == "−" else character


def _unwrap(text: str) -> str:
    for wrapping, group in ((_FORMULA, 1), (_QUOTED, 2)):
        if match := wrapping.fullmatch(text):
            text = match[group].strip()
    if not text:
        raise InvalidNumber("empty_number")
    return text


def _check_damage(text: str) -> None:
    if _EXPONENT.fullmatch(text) or _TOO_NARROW.fullmatch(text):
        raise InvalidNumber("excel_damage", "the digits are lost; format the column as text and export again")


def _check_one_number(text: str) -> None:
    for between in (_BETWEEN_NUMBERS, _SPACES):
        digit_counts = [sum(map(str.isdigit, part)) for part in between.split(text)]
        if sum(count >= _FULL_NUMBER_DIGITS for count in digit_counts) > 1:
            raise InvalidNumber("two_numbers", f"{sum(digit_counts)} digits")
