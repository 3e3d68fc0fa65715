"""Whether a character above ASCII fits between its neighbours, as tables of letters and signs.

The languages are those we read: French, English, Spanish, Italian, German, Dutch. A letter of another one is
doubtful, never absurd: people have all kinds of names.
"""

FITS, DOUBTFUL, ABSURD = range(3)

_SMALL = "àâäáçèéêëìíîïñòóôöùúûüÿæœß"
KNOWN = frozenset(_SMALL + _SMALL.replace("ß", "").upper())
CAPITALS = frozenset("ÀÂÄÁÇÈÉÊËÌÍÎÏÑÒÓÔÖÙÚÛÜ")  # those that a tired hand types amid small letters
FOREIGN = frozenset("ãåøõšžýÃÅØÕŠŽÝ")
_LONE = frozenset("àÀèÈéÉêòóÒÓùúìí")
_CEDILLA_BEFORE = frozenset("aouâôûàóáãõAOUÂÔÛÀÓÁÃÕ")
_VOWELS = frozenset("aeiouyàâäáèéêëìíîïòóôöùúûüAEIOUYÀÂÄÁÈÉÊËÌÍÎÏÒÓÔÖÙÚÛÜ")
_ELIDED = frozenset("cdjlmnstCDJLMNST")
_AFTER_ELISION = frozenset("eéèêëiîuyhœæEÉÈÊIÎUYHŒ")
_INITIAL_ENDS = frozenset(".-'’")

_SPACES = frozenset("\u00a0\u202f")
_APOSTROPHES = frozenset("’´")
_OPENING, _CLOSING = frozenset("«“„‹‘¿¡‚"), frozenset("»”›…")
_DASHES = frozenset("–—")
_AFTER_WORD = frozenset("°²³®™©ªº")
_APART = frozenset("€£§½¼¾•±×÷†¥")


def judge_character(before: str, character: str, after: str, *, has_small_in_capitals: bool) -> int:
    """Return ``FITS``, ``DOUBTFUL`` or ``ABSURD``.

    Args:
        before: the two characters before it; a line break where there is none.
        character: not in ASCII.
        after: the two characters after it.
        has_small_in_capitals: whether a small letter amid capitals, ``FRANçOIS``, is usual.
    """
    if character in KNOWN or character in FOREIGN:
        found = _judge_letter(before, character, after, has_small_in_capitals)
        return max(found, DOUBTFUL) if character in FOREIGN else found
    return _judge_sign(before[-1], character, after[0])


def _judge_letter(before: str, letter: str, after: str, has_small_in_capitals: bool) -> int:
    left, right = before[-1], after[0]
    if left.isdigit() or right.isdigit():
        return ABSURD if left.isdigit() and not right.isalpha() else DOUBTFUL
    if not left.isalpha() and not right.isalpha():
        is_initial = letter.isupper() and right in _INITIAL_ENDS
        return FITS if is_initial or letter in _LONE else ABSURD
    found = _judge_capital(left, right) if letter.isupper() else _judge_small(before, right, has_small_in_capitals)
    return max(found, _judge_habits(before, letter, right))


def _judge_capital(left: str, right: str) -> int:
    return ABSURD if left.isalpha() and (left.islower() or right.islower()) else FITS


def _judge_small(before: str, right: str, has_small_in_capitals: bool) -> int:
    is_amid_capitals = right.isupper() or (before.isupper() and not right.isalpha())
    return DOUBTFUL if is_amid_capitals and not has_small_in_capitals else FITS


def _judge_habits(before: str, letter: str, right: str) -> int:
    """Judge what a few letters never do in our languages."""
    small, left = letter.lower(), before[-1]
    if (small == "ç" and right not in _CEDILLA_BEFORE) or (small == "ñ" and right not in _VOWELS):
        return DOUBTFUL
    if small == "ß" and not left.isalpha():
        return ABSURD
    if small == "í" and right in _AFTER_ELISION:
        is_elision = (left in _ELIDED and not before[0].isalpha()) or before.lower() == "qu" or right in "hH"
        return ABSURD if is_elision else FITS
    return FITS


def _judge_sign(left: str, sign: str, right: str) -> int:
    is_inside = left.isalpha() and right.isalpha()
    if sign in _SPACES or sign == "·":
        return FITS
    if sign in _APOSTROPHES:
        return FITS if left.isalnum() else DOUBTFUL
    if sign in _OPENING | _CLOSING:
        is_turned = left.isalpha() if sign in _OPENING else right.isalpha()
        return (DOUBTFUL if sign in "…‘" else ABSURD) if is_inside else DOUBTFUL if is_turned else FITS
    if sign in _DASHES:
        return DOUBTFUL if is_inside else FITS
    if sign in _AFTER_WORD:
        return ABSURD if right.isalpha() and sign != "°" else FITS
    if sign in _APART:
        return ABSURD if is_inside else DOUBTFUL if left.isalpha() or right.isalpha() else FITS
    return ABSURD
