"""Words of seven languages by what they mean for a refusal: ``concepts.toml``.

A concept (``remove``, ``not``, ``messages``) has words in each language, so what the model learns from one language
holds for the others.
"""

import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from campanile.sms.rules.replies.folding import fold_word

_LEAST_STEM = 3


class WordMeaning(NamedTuple):
    """What one word means: one entry for each language of ``load_languages``.

    ``is_known``: 1 if the language has the word. ``concepts``: the number of its concept from 1 on; 0: it has none.
    """

    is_known: tuple[int, ...]
    concepts: tuple[int, ...]


class _Lexicon(NamedTuple):
    exact: dict[str, int]
    stems: dict[str, int]


@lru_cache(maxsize=1 << 16)
def find_meaning(word: str) -> WordMeaning:
    """Return what a folded word means; an exact word counts more than a stem, a long stem more than a short one."""
    found = [_look_up(word, lexicon) for lexicon in _load_lexicons().values()]
    return WordMeaning(tuple(int(number is not None) for number in found), tuple(number or 0 for number in found))


def _look_up(word: str, lexicon: _Lexicon) -> int | None:
    if word in lexicon.exact:
        return lexicon.exact[word]
    stems = (word[:length] for length in range(len(word), _LEAST_STEM - 1, -1))
    return next((lexicon.stems[stem] for stem in stems if stem in lexicon.stems), None)


@cache
def _load_lexicons() -> dict[str, _Lexicon]:
    """Return the lexicon of each language; of two concepts of one word the first in the file counts."""
    data = tomllib.loads(files(__package__).joinpath("concepts.toml").read_text(encoding="utf-8"))
    numbers = {concept: number for number, concept in enumerate(data["concepts"], start=1)} | {"function": 0}
    lexicons = {}
    for language in data["languages"]:
        lexicon = lexicons[language] = _Lexicon({}, {})
        for concept, words in data[language].items():
            for word in words.split():
                table = lexicon.stems if word.endswith("*") else lexicon.exact
                table.setdefault(fold_word(word.removesuffix("*")), numbers[concept])
    return lexicons
