"""Column names that look like others and are not: letters of another alphabet drawn as Latin ones."""

import re
import unicodedata
from collections.abc import Sequence

from campanile.sms.errors import ContactFileError

#: Letters of Cyrillic, Greek and Armenian, and the Latin ones that fonts draw alike, small or capital (from the
#: confusables.txt of Unicode).
_DRAWN_AS = str.maketrans(
    "аеорсухіјѕһкмтвнԁԛԝӏαβεζηικνορτυχօսոհ",
    "aeopcyxijshkmtbhdqwlabezhiknoptyxounh",
)
_WORD = re.compile(r"[^\W\d_]+")


def check_homoglyphs(header: Sequence[str]) -> None:
    """Refuse names that a person cannot tell apart, or that mix alphabets within a word.

    Raises:
        ContactFileError: names the columns by their positions, and the letter.
    """
    seen: dict[str, tuple[int, str]] = {}
    for position, name in enumerate(header, start=1):
        small = unicodedata.normalize("NFKC", name).casefold().strip()
        for word in _WORD.findall(small):
            stranger = next((letter for letter in word if ord(letter) in _DRAWN_AS), None)
            if stranger and any(unicodedata.name(letter, "").startswith("LATIN ") for letter in word):
                raise ContactFileError(
                    f"column {position} has a {unicodedata.name(stranger)} in a word of Latin letters, which looks "
                    "like one of them; type the column's name again"
                )
        drawn = small.translate(_DRAWN_AS)
        first, other = seen.setdefault(drawn, (position, small))
        if drawn and other != small:
            raise ContactFileError(
                f"columns {first} and {position} have names that look the same and are written in different "
                "alphabets; rename one"
            )
