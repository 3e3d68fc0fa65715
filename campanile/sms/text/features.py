"""Features of a text: links, a brand, words in capitals, advertising, a typed STOP.

The names and words are data in ``features.toml``.
"""

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_ADDRESS = re.compile(
    r"(?<![\w@.-])(?P<start>(?i:https?://)?(?i:www\.)?)(?P<site>(?:[\w-]+\.)+(?P<ending>\w+))(?![\w@])(?P<path>/\S*)?"
)
_TYPED_STOP = re.compile(
    r"(?<![\w-])(?<!(?i:non) )(?:STOP(?![\w-]|(?i: aux\b))|(?i:stop)(?i: sms| pub)?(?i: au| to|:) ?\d)"
    r"|\b(?i:(?:r[ée]pond|envoy)\w* stop|(?:reply|text) stop)(?![\w-])"
)
_PERCENT_OFF = r"(?:[-−–] ?|moins )\d{1,2} ?%|\d{1,2} ?% (?:off|de re)\w*"
_WORD = re.compile(r"[^\W\d_]{3,}")
_CUSTOMARY_CAPITALS = frozenset({"STOP", "SMS"})


class _Signs(NamedTuple):
    endings: frozenset[str]
    shorteners: frozenset[str]
    promotional: re.Pattern[str]


def find_links(text: str) -> list[str]:
    """Return the sites that the text links to, each once, in lower case; an e-mail address is no link.

    >>> find_links("Vite : https://www.exemple.fr/soldes ou bit.ly/3xY, contact@exemple.fr")
    ['exemple.fr', 'bit.ly']
    """
    return list(dict.fromkeys(found["site"].lower() for found in _ADDRESS.finditer(text) if _is_link(found)))


def is_shortener(site: str) -> bool:
    """Return whether a site is a public link shortener.

    >>> is_shortener("bit.ly")
    True
    """
    return site in _load().shorteners


def find_promotional_words(text: str) -> list[str]:
    """Return the words of advertising in the text, each once, as written.

    >>> find_promotional_words("SOLDES : -20 % dès demain, livraison offerte")
    ['SOLDES', '-20 %', 'livraison offerte']
    """
    composed = unicodedata.normalize("NFC", text)
    return list(
        dict.fromkeys(composed[found.start() : found.end()] for found in _load().promotional.finditer(_fold(composed)))
    )


def names_brand(text: str, brand: str) -> bool:
    """Return whether the text contains the brand, whatever its case, accents and the signs between its words.

    >>> names_brand("CHEZ MA-BOUTIQUE : -20 %", "Ma Boutique")
    True
    """
    words = re.findall(r"\w+", _fold(brand))
    spelt = r"[\W_]*".join(map(re.escape, words))
    return bool(words) and re.search(rf"(?<!\w){spelt}(?!\w)", _fold(text)) is not None


def find_words(text: str) -> list[str]:
    """Return the words of three letters or more, without those that are customary in capitals, and without links."""
    return [word for word in _WORD.findall(_ADDRESS.sub(" ", text)) if word not in _CUSTOMARY_CAPITALS]


def has_typed_stop(text: str) -> bool:
    """Return whether the text says how to opt out: STOP in capitals, or stop with how or where to send it.

    >>> [has_typed_stop(text) for text in ("Stop pub au 36111", "Répondez STOP", "ouvert non-stop")]
    [True, True, False]
    """
    return _TYPED_STOP.search(text) is not None


def _fold(text: str) -> str:
    """Return the text in lower case and without accents, with the same number of characters."""
    return "".join(unicodedata.normalize("NFKD", character)[0].lower()[0] for character in text)


def _is_link(found: re.Match[str]) -> bool:
    """Return whether a match is a link and not two joined.Sentences: it has http://, www., or a known ending."""
    if found["start"]:
        return True
    return found["ending"].isalpha() and (bool(found["path"]) or found["ending"] in _load().endings)


@cache
def _load() -> _Signs:
    data = tomllib.loads(files("campanile.sms.text").joinpath("features.toml").read_text(encoding="utf-8"))
    words = [word for language in data["promotional"].values() for word in language]
    alternatives = "|".join(re.escape(word).replace("'", "['’]") for word in sorted(words, key=len, reverse=True))
    return _Signs(
        endings=frozenset(data["domains"]) | frozenset(map(str.upper, data["domains"])),
        shorteners=frozenset(data["shorteners"]),
        promotional=re.compile(rf"(?<!\w)(?:{alternatives}|{_PERCENT_OFF})(?!\w)"),
    )
