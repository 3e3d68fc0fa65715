"""What a reply asks for: to be left alone, perhaps to be left alone, or something else.

The words are data, ``opt_out_words.toml``, and all languages count everywhere: nobody knows in which language a
person will be angry. Three verdicts rather than two, because both plain rules fail people: the whole message
only misses "Stop. Thank you", a word anywhere takes "we have got to stop this" for a refusal.
"""

import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import NamedTuple

STOP = "stop"
REVIEW = "review"
REPLY = "reply"
VERDICTS = (STOP, REVIEW, REPLY)
"""``stop``: opt the person out. ``review``: suppress meanwhile, a person decides. ``reply``: anything else."""

_SHORT_MESSAGE_WORDS = 3


class _Words(NamedTuple):
    signs: str
    whole: frozenset[str]
    starters: frozenset[str]
    anywhere: frozenset[str]


def classify_reply(text: str) -> str:
    """Return the verdict on a reply, one of ``VERDICTS``. Case, accents, punctuation and spacing do not count.

    ``STOP 12345`` is a ``stop`` although it has other meanings elsewhere: a false opt-out costs one contact, a
    missed one a fine.

    >>> [classify_reply(text) for text in ("Stop. Merci !", "il faut que ça stop", "Oui, à demain")]
    ['stop', 'review', 'reply']
    """
    known = _load_words()
    words = _normalise(text, known.signs).split()
    if _squeeze(words) in known.whole or _is_short_stop(words, known.starters):
        return STOP
    sentence = f" {' '.join(words)} "
    return REVIEW if any(f" {phrase} " in sentence for phrase in known.anywhere) else REPLY


def _is_short_stop(words: list[str], starters: frozenset[str]) -> bool:
    heads = {" ".join(words[:count]) for count in (1, 2)}
    heads |= {word.strip("0123456789") for word in words[:1]}  # STOP36180: the short code stuck to the word
    return len(words) <= _SHORT_MESSAGE_WORDS and not heads.isdisjoint(starters)


def _normalise(text: str, signs: str) -> str:
    for sign in signs:
        text = text.replace(sign, " STOP ")
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).upper())
    bare = (character for character in decomposed if unicodedata.category(character) not in ("Mn", "Me", "Cf"))
    return "".join(character if character.isalnum() else " " for character in bare)


def _squeeze(words: list[str]) -> str:
    """Join the words, so that ``S.T.O.P`` and ``stop-sms`` are found."""
    return "".join(words)


@cache
def _load_words() -> _Words:
    data = tomllib.loads(files("sms").joinpath("opt_out_words.toml").read_text(encoding="utf-8"))
    signs = "".join(data.pop("signs"))
    by_use = {
        use: {word for language in data.values() for word in language[use]} for use in ("words", "starters", "refusals")
    }
    return _Words(
        signs=signs,
        whole=frozenset(_squeeze(word.split()) for word in by_use["words"]),
        starters=frozenset(by_use["starters"]),
        anywhere=frozenset(by_use["words"] | by_use["starters"] | by_use["refusals"]),
    )
