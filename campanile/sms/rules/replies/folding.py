"""The words of a reply in one spelling: lower case, no accents, no letter twice in a row, look-alike letters replaced.

``keywords.toml`` has the signs, the look-alike letters and the digits that are used as letters.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

#: Letters with any other signs between them: ``S.T.O.P``, ``s t o p``.
_SPELLED = re.compile(r"(?<!\w)\w(?:[\W_]{1,3}\w){3,}(?!\w)")
_SENTENCE_END = re.compile(r"[.!?;:\n\r]+|,\s")
#: A list of words at the end of a sentence is one sentence: ``Commands: BAL, HELP, STOP.``
_LIST = re.compile(r"(?<!\w)\w{1,40}(?:, \w{1,40}){2,20}(?=\s{0,9}(?:[.!?;:\n\r]|$))")
_NOT_A_WORD = re.compile(r"[\W_]+")
_WORD = re.compile(r"[^\W_]+")
_TWICE = re.compile(r"([^\W\d])\1+")
_DIGITS_AROUND = re.compile(r"^\d{3,}|\d+$")
#: Marks of accents, enclosing marks, invisible signs, modifier letters.
_IGNORED = frozenset({"Mn", "Me", "Cf", "Lm"})

Sentences = list[list[str]]


class _Letters(dict[int, str]):
    """What each character is in the spelling of ``fold``, filled as characters come: a table for ``str.translate``."""

    def __init__(self, look_alikes: Mapping[int, str]) -> None:
        self._look_alikes = look_alikes

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).upper())
        kept = "".join(sign for sign in decomposed if unicodedata.category(sign) not in _IGNORED)
        found = self[code] = kept.translate(self._look_alikes)
        return found


class _Alphabet(NamedTuple):
    signs: tuple[str, ...]
    letters: "_Letters"
    digits: Mapping[int, str]


def fold(text: str) -> Sentences:
    """Return the words of each sentence of a text; sentences without words are left out.

    >>> fold("Stoppp! N'envoyez plus de Pub, c'est ASSEZ")
    [['stop'], ['n', 'envoyez', 'plus', 'de', 'pub'], ['c', 'est', 'asez']]
    >>> fold("S.T.O.P"), fold("st0p"), fold("🛑")
    ([['stop']], [['stop']], [['stop']])
    """
    alphabet = load_alphabet()
    for sign in alphabet.signs:
        text = text.replace(sign, " stop ")
    if not text.isascii():
        text = text.translate(alphabet.letters)
    if text.count(", ") > 1:
        text = _LIST.sub(lambda words: words[0].replace(",", ""), text)
    text = _TWICE.sub(r"\1", _SPELLED.sub(lambda run: _NOT_A_WORD.sub("", run[0]), text.lower()))
    sentences = (_words(part, alphabet.digits) for part in _SENTENCE_END.split(text))
    return [words for words in sentences if words]


def fold_word(word: str) -> str:
    """Return one word in the spelling of ``fold``."""
    return " ".join(part for sentence in fold(word) for part in sentence)


def _words(sentence: str, digits: Mapping[int, str]) -> list[str]:
    return [
        word if word.isalpha() or word.isdecimal() else _read_digits(word, digits) for word in _WORD.findall(sentence)
    ]


def _read_digits(word: str, digits: Mapping[int, str]) -> str:
    """Return the letters of a word that also has digits: ``stop36180``, ``st0p``."""
    return _TWICE.sub(r"\1", _DIGITS_AROUND.sub("", word).translate(digits))


@cache
def load_data() -> dict[str, Any]:
    """Return the content of ``keywords.toml``."""
    return tomllib.loads(files(__package__).joinpath("keywords.toml").read_text(encoding="utf-8"))


@cache
def load_alphabet() -> _Alphabet:
    """Return the signs that are read as STOP, the look-alike letters, and the digits used as letters."""
    data = load_data()
    letters = {ord(pair[0]): pair[1] for pair in data["look_alikes"]}
    return _Alphabet(
        tuple(data["signs"]),
        _Letters(letters),
        str.maketrans({key: value.lower() for key, value in data["digits"].items()}),
    )
