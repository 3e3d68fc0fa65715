"""Code pages of other alphabets against the reading found, told from whole words: ``Dvoøák`` is no word, ``Dvořák`` is.

A word speaks for a code page when the page's languages write its letters together and none of the languages we read
does. Where no word does, the reading stands; where hardly any word but those does, the code page is taken; all that
lies between is a tie, and a person decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

RIVALS: tuple[str, ...] = ("cp1250", "cp1254", "cp1257", "cp1251", "cp1253")

_LONGEST = 24  # bytes of a word on each side
_MAX_WORDS = 5_000
_SLIPS = 0.02  # of all words, that may speak for another code page
_FEWEST_PROOFS, _SURE = 3, 0.95
# Signs that Windows has at the same position in each of its code pages: no word goes over them.
_SIGNS = frozenset(
    b"\x80\x82\x84\x85\x86\x87\x89\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b"
    b"\xa0\xa6\xa7\xa9\xab\xac\xad\xae\xb0\xb1\xb5\xb6\xb7\xbb"
)
_WINDOWS = ("cp1252", "iso8859-15")  # readings where another sign inside a word, ``£ukasz``, speaks against them
_SHORTEST = 3  # letters of a word that speaks for anything

_WESTERN = (
    "àâçèéêëîïôùûüÿæœ", "áéíóúüñ", "àçèéíïòóúü", "àèéìòù", "äöüßé", "åäöé", "æøåéö", "äëïöüéèêç", "áâãàçéêíóôõúü",
    "áéíóúýšž",
)  # fmt: skip
_LANGUAGES: dict[str, tuple[str, ...]] = {
    "cp1250": ("áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "ąćęłńóśźż", "áéíóöőúüű", "ăâîşţ", "čćđšž", "äöüß"),
    "cp1254": ("çğıöşüâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"),
}
_SCRIPTS = {"cp1251": ("\u0400", "\u045f"), "cp1253": ("\u0386", "\u03ce")}
_VOWELS = frozenset("aeiouyàâäáèéêëìíîïòóôöùúûü")
# What stands behind a letter in the languages we read, "" is the end of the word; and what never does.
_RIGHT: dict[str, frozenset[str]] = {
    **dict.fromkeys("ìòùý", frozenset({""})),
    "ç": frozenset("aouâôûàóáãõ") | {""},
    "ã": frozenset("oesi") | {""},
    "õ": frozenset("e"),
    "ñ": _VOWELS,
}
_NOT_RIGHT: dict[str, frozenset[str]] = {"è": _VOWELS, "ê": frozenset("bdgjkwz"), "ø": _VOWELS - {"y"}}
_MAX_ADJACENT = 2  # accents


@dataclass(frozen=True, slots=True)
class Contest:
    """What the words of a text say of one code page, compared with the reading found.

    Attributes:
        codec: the code page.
        proofs: words that only its languages write so.
        word_share: of all words, those that its languages write so.
        proof_share: of all words, those that speak for it.
    """

    codec: str
    proofs: tuple[bytes, ...]
    word_share: float
    proof_share: float

    @property
    def is_tie(self) -> bool:
        """Whether more than a slip speaks for it."""
        return self.proof_share > _SLIPS

    @property
    def is_won(self) -> bool:
        """Whether nearly all words speak for it, and none of them against it."""
        return len(self.proofs) >= _FEWEST_PROOFS and self.word_share >= _SURE


def contests(content: bytes, positions: Sequence[int], reading: str) -> list[Contest]:
    """Return what speaks for each code page that has a letter for every byte, and reads another text.

    Args:
        content: bytes, some of them above ASCII.
        positions: some of those.
        reading: the codec that reads it, as far as is known.
    """
    words = list(dict.fromkeys(_words(content, positions, _bytes_of_words(reading))))[:_MAX_WORDS]
    found = []
    for codec in RIVALS:
        texts = [(word, _decoded(word, reading), _decoded(word, codec)) for word in words]
        if not texts or any("\ufffd" in theirs for _, _, theirs in texts):
            continue
        differing = [(word, ours, theirs) for word, ours, theirs in texts if ours != theirs]
        fitting = [(word, ours) for word, ours, theirs in differing if _is_written(theirs, codec)]
        proofs = tuple(word for word, ours in fitting if not _is_western(ours))
        same = len(texts) - len(differing)
        found.append(Contest(codec, proofs, (len(fitting) + same) / len(texts), len(proofs) / len(texts)))
    return found


def winner(found: Sequence[Contest], content: bytes) -> str | None:
    """Return the one code page that is won, or None."""
    won = [contest.codec for contest in found if contest.is_won]
    return won[0] if len({content.decode(codec, "replace") for codec in won[:2]}) == 1 else None


def _bytes_of_words(reading: str) -> list[bool]:
    """Return of each byte value whether it is part of a word."""
    texts = [bytes([value]).decode(reading, "replace") for value in range(256)]
    if reading not in _WINDOWS:
        return [text.isalpha() for text in texts]
    return [value not in _SIGNS if value >= 0x80 else text.isalpha() for value, text in enumerate(texts)]


def _words(content: bytes, positions: Sequence[int], is_in_word: Sequence[bool]) -> Iterator[bytes]:
    for position in positions:
        start = end = position
        while start > max(0, position - _LONGEST) and is_in_word[content[start - 1]]:
            start -= 1
        while end < min(len(content), position + _LONGEST) and is_in_word[content[end]]:
            end += 1
        if end - start >= _SHORTEST:
            yield content[start:end]


def _decoded(word: bytes, codec: str) -> str:
    return word.decode(codec, "replace")


def _is_western(word: str) -> bool:
    """Tell whether a language that we read, or one of its neighbours, writes a word so."""
    small = word.lstrip("¿¡").lower()
    accents = {letter for letter in small if letter >= "\x80"}
    if not _is_cased(word.lstrip("¿¡")) or not any(accents <= set(language) for language in _WESTERN):
        return False
    return not _has_long_run(small) and all(
        _may_stand(small[position - 1 : position], letter, small[position + 1 : position + 2])
        for position, letter in enumerate(small)
        if letter in accents
    )


def _may_stand(left: str, letter: str, right: str) -> bool:
    """Tell whether a letter may stand between its neighbours, "" where there is none."""
    if letter in "ëï":
        return left in _VOWELS
    if letter in _RIGHT:
        return right in _RIGHT[letter]
    if letter == "ø" and left in _VOWELS:
        return False
    return right not in _NOT_RIGHT.get(letter, ()) and (letter != "ß" or left != "")


def _is_written(word: str, codec: str) -> bool:
    """Tell whether a language of a code page writes a word so."""
    if not _is_cased(word):
        return False
    if codec in _SCRIPTS:
        first, last = _SCRIPTS[codec]
        return all(first <= letter <= last for letter in word)
    accents = {letter for letter in word.replace("İ", "ı").lower() if letter >= "\x80"}
    return any(accents <= set(language) for language in _LANGUAGES[codec])


def _is_cased(word: str) -> bool:
    """Tell whether a word is made of letters, and is small, in capitals, or small behind a capital."""
    rest = word[1:]
    return word.isalpha() and (rest == rest.lower() or word == word.upper() or word == word.title())


def _has_long_run(word: str) -> bool:
    run = 0
    for letter in word:
        run = run + 1 if letter >= "\x80" else 0
        if run > _MAX_ADJACENT:
            return True
    return False
