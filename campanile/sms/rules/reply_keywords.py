"""Verdicts on replies: a STOP, a doubtful STOP, a START, a request for help, a wrong number, an automatic reply, other.

The words are data in ``reply_keywords.toml``, by language. All languages apply everywhere, because the language of a
reply is not known. A refusal takes precedence over other words of the same message, a certain one over a doubtful one.
"""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

STOP = "stop"
STOP_DOUBTFUL = "stop_doubtful"
START = "start"
HELP = "help"
WRONG_NUMBER = "wrong_number"
AUTO_REPLY = "auto_reply"
OTHER = "other"
VERDICTS = (STOP, STOP_DOUBTFUL, START, HELP, WRONG_NUMBER, AUTO_REPLY, OTHER)
"""``stop``: opt out. ``stop_doubtful``: opt out, and a colleague decides. ``start``: ends the person's own opt-outs.
``help``: the person asks who writes. ``wrong_number``: opt out; only fresh consent ends it. ``auto_reply``: written by
a machine, never answered. ``other``: anything else."""
SUPPRESSING = (STOP, STOP_DOUBTFUL, WRONG_NUMBER)
"""Verdicts after which nothing is sent to the number any more."""
UNANSWERED = (*SUPPRESSING, AUTO_REPLY)
"""Verdicts that get no automatic answer."""

_SHORT_MESSAGE_WORDS = 3
_LONG_WORD = 7
_GAP = r"(?: \S+){0,4}"
_USES = ("whole", "words", "refusals", "wrong_number", "machines", "start", "help", "polite")


#: Signs that are read as STOP; letters that look like Latin ones; digits that are used as letters.
_Alphabet = tuple[tuple[str, ...], Mapping[int, str], Mapping[int, str]]


class _Rules(NamedTuple):
    """Patterns by use, each one expression over a folded message; and the words for corrections of the spelling."""

    patterns: dict[str, re.Pattern[str]]
    squeezed: frozenset[str]
    long_words: frozenset[str]
    known_words: frozenset[str]
    not_stop: frozenset[str]


def classify_reply(text: str) -> str:
    """Return the verdict on a reply, one of ``VERDICTS``. Case, accents, punctuation and repeated letters do not count.

    ``STOP 12345`` is a ``stop`` although it has other meanings elsewhere: a false opt-out costs one contact, a missed
    one a fine.

    >>> [classify_reply(text) for text in ("Stoppp. Merci !", "il faut que ça stop", "Je passe ce week-end")]
    ['stop', 'stop_doubtful', 'other']
    >>> [classify_reply(text) for text in ("Unstop", "Mauvais numéro", "Réponse automatique : je suis absent", "AIDE")]
    ['start', 'wrong_number', 'auto_reply', 'help']
    """
    rules = _load_rules()
    words = [_correct(word, rules) for word in _fold(text).split()]
    core = _strip(words, rules)
    checks: tuple[tuple[str, Callable[[], bool]], ...] = (
        (STOP, lambda: _is_stop(core, rules)),
        (WRONG_NUMBER, lambda: _found("wrong_number", words, rules)),
        (STOP_DOUBTFUL, lambda: _found("refusals", words, rules) or _found("words", words, rules)),
        (STOP_DOUBTFUL, lambda: _is_misspelt_stop(core, rules)),
        (AUTO_REPLY, lambda: _found("machines", words, rules)),
        (START, lambda: _is_whole("start", core, rules)),
        (HELP, lambda: _is_whole("help", core, rules)),
    )
    return next((verdict for verdict, is_met in checks if is_met()), OTHER)


def _is_stop(core: list[str], rules: _Rules) -> bool:
    if _is_whole("whole", core, rules) or _is_whole("words", core, rules) or "".join(core) in rules.squeezed:
        return True
    return len(core) <= _SHORT_MESSAGE_WORDS and rules.patterns["words"].match(_sentence(core)) is not None


def _is_misspelt_stop(core: list[str], rules: _Rules) -> bool:
    return (
        len(core) == 1
        and len(core[0]) > _SHORT_MESSAGE_WORDS
        and (core[0] not in rules.not_stop and _is_one_slip_away(core[0], "STOP"))
    )


def _is_whole(use: str, core: list[str], rules: _Rules) -> bool:
    return rules.patterns[use].fullmatch(_sentence(core)) is not None


def _found(use: str, words: list[str], rules: _Rules) -> bool:
    return rules.patterns[use].search(_sentence(words)) is not None


def _strip(words: list[str], rules: _Rules) -> list[str]:
    """Return a message without polite words and short codes."""
    kept = [word for word in words if not re.fullmatch(r"\d{3,}", word)]
    return rules.patterns["polite"].sub("", _sentence(kept)).split()


def _correct(word: str, rules: _Rules) -> str:
    """Return the known long word that differs by one typing error, or the word as it is."""
    if len(word) < _LONG_WORD or word in rules.known_words:
        return word
    return next((known for known in rules.long_words if _is_one_slip_away(word, known)), word)


def _is_one_slip_away(word: str, known: str) -> bool:
    """Return whether one letter was omitted, added, replaced, or swapped with the next one."""
    if abs(len(word) - len(known)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(word, known, strict=False)) if a != b), min(len(word), len(known)))
    rest, known_rest = word[start:], known[start:]
    return (
        rest[1:] == known_rest[1:]
        or rest[1:] == known_rest
        or rest == known_rest[1:]
        or (rest[1::-1] == known_rest[:2] and rest[2:] == known_rest[2:])
    )


def _sentence(words: Iterable[str]) -> str:
    return "".join(f" {word}" for word in words)


def _fold(text: str) -> str:
    """Return the words of a text in the form of the patterns: capitals without accents, no letter twice in a row."""
    signs, letters, digits = _load_alphabet()
    for sign in signs:
        text = text.replace(sign, " STOP ")
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).upper())
    bare = (sign for sign in decomposed if unicodedata.category(sign) not in ("Mn", "Me", "Cf", "Lm"))
    plain = "".join(sign if sign.isalnum() else " " for sign in bare).translate(letters)
    spelled = re.sub(r"(?<!\S)(?:\S (?: *)){3,}\S(?!\S)", lambda run: run[0].replace(" ", ""), plain)
    return " ".join(_fold_word(word, digits) for word in spelled.split())


def _fold_word(word: str, digits: Mapping[int, str]) -> str:
    if not word.isdecimal():
        word = re.sub(r"^\d{3,}|\d+$", "", word).translate(digits)  # STOP36180, st0p
    return re.sub(r"([^\W\d])\1+", r"\1", word)


def _compile(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return one expression for patterns as ``reply_keywords.toml`` explains them, over ``_sentence``."""
    return re.compile("(?:" + "|".join(map(_expression, patterns)) + r")(?=\s|$)")


def _expression(pattern: str) -> str:
    return "".join(_token(token) for token in pattern.split())


def _token(token: str) -> str:
    if token == "...":  # noqa: S105 - a gap, no secret
        return _GAP
    bare, is_optional = token.removesuffix("?"), token.endswith("?")
    folded = re.sub(r"\w+", lambda word: _fold(word[0]), bare).replace("*", r"\S*").replace("(", "(?:")
    return f"(?: {folded})?" if is_optional else f" {folded}"


def _literals(patterns: Iterable[str]) -> frozenset[str]:
    return frozenset(_fold(word) for pattern in patterns for word in re.findall(r"\w+", pattern))


@cache
def _load_data() -> dict[str, Any]:
    return tomllib.loads(files("campanile.sms.rules").joinpath("reply_keywords.toml").read_text(encoding="utf-8"))


@cache
def _load_alphabet() -> _Alphabet:
    data = _load_data()
    letters = {ord(pair[0]): pair[1] for pair in data["look_alikes"]}
    return tuple(data["signs"]), letters, str.maketrans(data["digits"])


@cache
def _load_rules() -> _Rules:
    data = _load_data()
    languages = [language for language in data.values() if isinstance(language, dict) and "words" in language]
    by_use = {use: [pattern for language in languages for pattern in language[use]] for use in _USES}
    long_words = frozenset(map(_fold, data["long_words"]))
    stops = [pattern for use in ("whole", "words") for pattern in by_use[use]]
    return _Rules(
        patterns={use: _compile(patterns) for use, patterns in by_use.items()},
        squeezed=frozenset(_fold(pattern).replace(" ", "") for pattern in stops if re.fullmatch(r"[\w ]+", pattern)),
        long_words=long_words,
        known_words=long_words | _literals(pattern for patterns in by_use.values() for pattern in patterns),
        not_stop=frozenset(map(_fold, data["not_stop"])),
    )
