"""One number in every form in which people and programs write it, as a pattern for searches.

``re`` and DuckDB's RE2 both take the pattern, on texts and, by ``bytes_pattern``, on files.
"""

import re
from functools import lru_cache

import phonenumbers

#: What may stand between two digits: spaces, dots, dashes, slashes, brackets, an invisible character or its URL form.
_GAP = "[ .\\-()/_\t\u00a0\u2000-\u2015\u202f]{0,3}"
#: The same in the bytes of UTF-8 and of the Western code pages: any byte that is no letter and no digit.
_BYTES_GAP = rb"(?:[ .\-()/_\t\xa0]|\xc2\xa0|\xe2\x80[\x80-\xaf]){0,3}"


@lru_cache(maxsize=64)
def number_pattern(msisdn: str) -> str:
    r"""Return a pattern that finds a number with or without its country code, plus and separators.

    Digits before or after it make it another number.

    >>> [bool(re.search(number_pattern("+33612345678"), text)) for text in ("06 12 34 56 78", "0033612345678;")]
    [True, True]
    >>> [bool(re.search(number_pattern("+33612345678"), text)) for text in ("0612345679", "906123456780")]
    [False, False]
    """
    code, national = _parts(msisdn)
    gap = _GAP
    prefix = rf"(?:(?:\+|00)?{gap}{gap.join(code)}{gap}(?:\(?0\)?)?|0)?"
    return rf"(?:^|[^0-9]){prefix}{gap}{gap.join(national)}(?:[^0-9]|$)"


@lru_cache(maxsize=64)
def bytes_pattern(msisdn: str) -> re.Pattern[bytes]:
    """Return the same for the bytes of a file, with the spellings of spreadsheets (``6.12345678E8``) and of URLs.

    >>> bool(bytes_pattern("+33612345678").search(b"from=%2B33612345678&text=STOP"))
    True
    """
    code, national = (part.encode() for part in _parts(msisdn))
    gap = _BYTES_GAP
    spaced_code = gap.join(bytes([digit]) for digit in code)
    spaced = gap.join(bytes([digit]) for digit in national)
    plus = rb"(?:\+|%2[Bb]|&#43;|\\u002[bB])"
    prefix = rb"(?:(?:" + plus + rb"|00)?" + gap + spaced_code + gap + rb"(?:\(?0\)?)?|0)?"
    plain = prefix + gap + spaced
    floats = rb"|".join(
        digits[:1] + rb"[.,]" + digits[1:].rstrip(b"0") + rb"0*[eE]\+?0?" + str(len(digits) - 1).encode()
        for digits in (national, code + national)
    )
    # A digit of an encoded sign (%2B) is no digit of a number.
    return re.compile(rb"(?:(?<![0-9])|(?<=%[0-9A-Fa-f]{2}))(?:" + plain + rb"|" + floats + rb")(?![0-9])")


def _parts(msisdn: str) -> tuple[str, str]:
    """Return the country code and the national digits of an E.164 number."""
    parsed = phonenumbers.parse(msisdn)
    national = phonenumbers.national_significant_number(parsed)
    return str(parsed.country_code), national
