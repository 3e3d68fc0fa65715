"""Rules on the words of a reply: ``keywords.toml``, by language.

All languages apply everywhere, because the language of a reply is not known. A refusal takes precedence over other
words of the same message, a certain one over a doubtful one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from campanile.sms.rules.replies.folding import Sentences, fold_word, load_data

_SHORT_MESSAGE_WORDS = 3
_SHORT_WORD, _MIDDLE_WORD, _LONG_WORD = 4, 6, 7
_GAP = r"(?: \S+){0,4}"
_USES = ("whole", "words", "whole_doubtful", "refusals", "wrong_number", "machines", "start", "help", "polite")


class _Rules(NamedTuple):
    """Patterns by use, each one expression over ``_sentence``; and the words for corrections of the spelling."""

    patterns: dict[str, re.Pattern[str]]
    squeezed: frozenset[str]
    long_words: frozenset[str]
    known_words: frozenset[str]
    not_stop: frozenset[str]
    slips: frozenset[str]
    complements: frozenset[str]
    number_complements: frozenset[str]


def find_use(sentences: Sentences) -> str | None:
    """Return the use of the strongest rule that a folded reply meets; None: it meets none.

    ``stop``: the whole message is a STOP word. ``stop_sentence``: one of its sentences is. The others are names of
    ``keywords.toml``.
    """
    rules = _load_rules()
    corrected = [[_correct(word) for word in words] for words in sentences]
    message = [word for words in corrected for word in words]
    core, text = _strip(message, rules), _sentence(message)
    core_text = _sentence(core)
    checks: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("stop", lambda: _is_stop(core, core_text, rules)),
        ("wrong_number", lambda: _is_wrong_number(text, rules)),
        ("refusals", lambda: _found("refusals", text, rules)),
        ("whole_doubtful", lambda: any(_is_whole("whole_doubtful", one, rules) for one in (text, core_text))),
        ("whole_doubtful", lambda: _is_misspelt_stop(core, rules)),
        ("stop_sentence", lambda: len(corrected) > 1 and any(_is_stop_sentence(words, rules) for words in corrected)),
        ("start", lambda: _is_whole("start", core_text, rules)),
        ("help", lambda: _is_whole("help", core_text, rules)),
        ("machines", lambda: _found("machines", text, rules)),
    )
    return next((use for use, is_met in checks if is_met()), None)


def _is_stop(core: list[str], core_text: str, rules: _Rules) -> bool:
    if _is_stop_word(core_text, rules) or "".join(core) in rules.squeezed:
        return True
    if len(core) > _SHORT_MESSAGE_WORDS or rules.complements.intersection(core):
        return False
    return rules.patterns["words"].match(core_text) is not None


def _is_stop_sentence(words: list[str], rules: _Rules) -> bool:
    return _is_stop_word(_sentence(_strip(words, rules)), rules)


def _is_stop_word(text: str, rules: _Rules) -> bool:
    return _is_whole("whole", text, rules) or _is_whole("words", text, rules)


def _is_misspelt_stop(core: list[str], rules: _Rules) -> bool:
    if len(core) != 1 or len(core[0]) < _SHORT_WORD or core[0] in rules.not_stop:
        return False
    return core[0] in rules.slips or _is_one_slip_away(core[0], "stop")


def _is_whole(use: str, text: str, rules: _Rules) -> bool:
    return rules.patterns[use].fullmatch(text) is not None


def _found(use: str, text: str, rules: _Rules) -> bool:
    return rules.patterns[use].search(text) is not None


def _strip(words: list[str], rules: _Rules) -> list[str]:
    """Return a message without polite words and short codes."""
    kept = [word for word in words if not (len(word) > 2 and word.isdecimal())]
    return rules.patterns["polite"].sub("", _sentence(kept)).split()


@lru_cache(maxsize=1 << 16)
def _correct(word: str) -> str:
    """Return the known long word that differs by one typing error, or the word as it is."""
    rules = _load_rules()
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


def _is_wrong_number(text: str, rules: _Rules) -> bool:
    found = rules.patterns["wrong_number"].search(text)
    return found is not None and text[found.end() :].partition(" ")[2].partition(" ")[0] not in rules.number_complements


def _find_slips(word: str, neighbours: Mapping[str, str]) -> Iterator[str]:
    """Yield a word with two letters swapped, with a neighbouring key, or, if it is not short, with a letter missing."""
    for at, letter in enumerate(word):
        before, after = word[:at], word[at + 1 :]
        yield before + after[:1] + letter + after[1:]
        yield from (before + key + after for key in neighbours.get(letter, ""))
        if len(word) >= _MIDDLE_WORD:
            yield before + after


def _find_neighbours(keyboards: Iterable[Sequence[str]]) -> dict[str, str]:
    """Return the keys beside, above and below each key of some keyboards."""
    found: dict[str, str] = {}
    for rows in keyboards:
        beside = [(row, row[1:]) for row in rows]
        below = [pair for upper, lower in pairwise(rows) for pair in ((upper, lower), (upper[1:], lower))]
        for first, second in (pair for keys in beside + below for pair in zip(*keys, strict=False)):
            found[first] = found.get(first, "") + second
            found[second] = found.get(second, "") + first
    return found


def _sentence(words: Iterable[str]) -> str:
    return "".join([" " + word for word in words])


def _compile(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return one expression for patterns as ``keywords.toml`` explains them, over ``_sentence``."""
    return re.compile("(?:" + "|".join(map(_expression, patterns)) + r")(?=\s|$)")


def _expression(pattern: str) -> str:
    return "".join(_token(token) for token in pattern.split())


def _token(token: str) -> str:
    if token == "...":  # noqa: S105 - a gap, no secret
        return _GAP
    bare, is_optional = token.removesuffix("?"), token.endswith("?")
    folded = re.sub(r"\w+", lambda word: fold_word(word[0]), bare).replace("*", r"\S*").replace("(", "(?:")
    return f"(?: {folded})?" if is_optional else f" {folded}"


def _literals(patterns: Iterable[str]) -> frozenset[str]:
    return frozenset(fold_word(word) for pattern in patterns for word in re.findall(r"\w+", pattern))


def _alternatives(patterns: Iterable[str]) -> Iterator[str]:
    """Yield the words that are a whole pattern, or one of the words of a pattern that is one choice."""
    for pattern in patterns:
        if re.fullmatch(r"\w+|\([^()]*\)", pattern):
            yield from (fold_word(word) for word in pattern.strip("()").split("|") if re.fullmatch(r"\w+", word))


@cache
def _load_rules() -> _Rules:
    data = load_data()
    languages = [language for language in data.values() if isinstance(language, dict) and "words" in language]
    by_use = {use: [pattern for language in languages for pattern in language[use]] for use in _USES}
    long_words = frozenset(map(fold_word, data["long_words"]))
    stops = [pattern for use in ("whole", "words") for pattern in by_use[use]]
    known_words = long_words | _literals(pattern for patterns in by_use.values() for pattern in patterns)
    stop_words = {word for word in _alternatives(stops + by_use["whole_doubtful"]) if len(word) >= _SHORT_WORD}
    neighbours = _find_neighbours(data["keyboards"])
    return _Rules(
        patterns={use: _compile(patterns) for use, patterns in by_use.items()},
        squeezed=frozenset(
            fold_word(pattern).replace(" ", "") for pattern in stops if re.fullmatch(r"[\w ]+", pattern)
        ),
        long_words=long_words,
        known_words=known_words,
        not_stop=frozenset(map(fold_word, data["not_stop"])),
        slips=frozenset(
            slip for word in stop_words for slip in _find_slips(word, neighbours) if slip not in known_words
        ),
        complements=frozenset(map(fold_word, data["complements"])),
        number_complements=frozenset(map(fold_word, data["number_complements"])),
    )
