"""Rules on the words of a reply: ``keywords.toml``, by language.

All languages apply everywhere, because the language of a reply is not known. A refusal takes precedence over other
words of the same message, a certain one over a doubtful one.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from campanile.sms.rules.replies.folding import Sentences, fold_word, load_data

_SHORT_MESSAGE_WORDS = 3
_LONG_WORD = 7
_GAP = r"(?: \S+){0,4}"
_SHORT_CODE = re.compile(r" \d{3,}(?= |$)")
_USES = ("whole", "words", "whole_doubtful", "refusals", "wrong_number", "machines", "start", "help", "polite")


class _Rules(NamedTuple):
    """Patterns by use, each one expression over ``_sentence``; and the words for corrections of the spelling."""

    patterns: dict[str, re.Pattern[str]]
    squeezed: frozenset[str]
    long_words: frozenset[str]
    known_words: frozenset[str]
    not_stop: frozenset[str]
    complements: frozenset[str]


def find_use(sentences: Sentences) -> str | None:
    """Return the use of the strongest rule that a folded reply meets; None: it meets none.

    ``stop``: the whole message is a STOP word. ``stop_sentence``: one of its sentences is. The others are names of
    ``keywords.toml``.
    """
    parts = [_sentence(map(_correct, words)) for words in sentences]
    return next(_met_uses(parts, _load_rules()), None)


def _met_uses(parts: list[str], rules: _Rules) -> Iterator[str]:
    """Yield the uses of the rules that the sentences of a reply meet, the strongest first."""
    text = "".join(parts)
    core_text = _strip(text, rules)
    core = core_text.split()
    if _is_stop(core, core_text, rules):
        yield "stop"
    yield from (use for use in ("wrong_number", "refusals") if _found(use, text, rules))
    if _is_doubtful(text, core_text, core, rules):
        yield "whole_doubtful"
    if _has_stop_sentence(parts, rules):
        yield "stop_sentence"
    yield from (use for use in ("start", "help") if _is_whole(use, core_text, rules))
    if _found("machines", text, rules):
        yield "machines"


def _is_stop(core: list[str], core_text: str, rules: _Rules) -> bool:
    if _is_stop_word(core_text, rules) or "".join(core) in rules.squeezed:
        return True
    if len(core) > _SHORT_MESSAGE_WORDS or rules.complements.intersection(core):
        return False
    return rules.patterns["words"].match(core_text) is not None


def _is_doubtful(text: str, core_text: str, core: list[str], rules: _Rules) -> bool:
    return (
        _is_whole("whole_doubtful", text, rules)
        or _is_whole("whole_doubtful", core_text, rules)
        or _is_misspelt_stop(core, rules)
    )


def _has_stop_sentence(parts: list[str], rules: _Rules) -> bool:
    return len(parts) > 1 and any(_is_stop_word(_strip(part, rules), rules) for part in parts)


def _is_stop_word(text: str, rules: _Rules) -> bool:
    return _is_whole("whole", text, rules) or _is_whole("words", text, rules)


def _is_misspelt_stop(core: list[str], rules: _Rules) -> bool:
    return (
        len(core) == 1
        and len(core[0]) > _SHORT_MESSAGE_WORDS
        and (core[0] not in rules.not_stop and _is_one_slip_away(core[0], "stop"))
    )


def _is_whole(use: str, text: str, rules: _Rules) -> bool:
    return rules.patterns[use].fullmatch(text) is not None


def _found(use: str, text: str, rules: _Rules) -> bool:
    return rules.patterns[use].search(text) is not None


def _strip(text: str, rules: _Rules) -> str:
    """Return a ``_sentence`` without polite words and short codes."""
    return rules.patterns["polite"].sub("", _SHORT_CODE.sub("", text))


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


def _sentence(words: Iterable[str]) -> str:
    return "".join([f" {word}" for word in words])


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


@cache
def _load_rules() -> _Rules:
    data = load_data()
    languages = [language for language in data.values() if isinstance(language, dict) and "words" in language]
    by_use = {use: [pattern for language in languages for pattern in language[use]] for use in _USES}
    long_words = frozenset(map(fold_word, data["long_words"]))
    stops = [pattern for use in ("whole", "words") for pattern in by_use[use]]
    return _Rules(
        patterns={use: _compile(patterns) for use, patterns in by_use.items()},
        squeezed=frozenset(
            fold_word(pattern).replace(" ", "") for pattern in stops if re.fullmatch(r"[\w ]+", pattern)
        ),
        long_words=long_words,
        known_words=long_words | _literals(pattern for patterns in by_use.values() for pattern in patterns),
        not_stop=frozenset(map(fold_word, data["not_stop"])),
        complements=frozenset(map(fold_word, data["complements"])),
    )
