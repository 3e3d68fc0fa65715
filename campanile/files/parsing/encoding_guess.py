"""Which single-byte encoding a text is in, told from what each byte above ASCII would be between its neighbours.

Every candidate turns a byte into some character; in a wrong one an accent becomes a capital amid small letters, a
sign inside a word, a letter between two digits. One rule per character, over its neighbours, says whether it
fits, is doubtful or is absurd in the languages we read: French, English, Spanish, Italian, German, Dutch. The code
pages of other alphabets are told from whole words (``code_pages``). A candidate wins when it reads without
absurdity and, where they differ, no other does; else the file is refused and shown one word as each would read it.
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from campanile.files.parsing.code_pages import contests, winner
from campanile.files.parsing.letter_context import ABSURD, CAPITALS, DOUBTFUL, FITS, judge_character
from campanile.sms.errors import ContactFileError
from campanile.sms.text.masking import mask_numbers

CANDIDATES: tuple[str, ...] = ("cp1252", "iso8859-15", "cp850", "mac-roman")
_USUAL = CANDIDATES[0]
_HABITS = {"cp1252", "iso8859-15"}
"""Where ``FRANçOIS`` is usual: keyboards of Windows have no key for the capital."""

_BLOCK = 8 * 1024 * 1024
_SAMPLES = 200  # positions looked at for each byte value
_REACH = 2  # neighbours looked at on each side
_WORD = 12
_CLEAN, _ABSURD, _MANY, _SURE, _UNSURE = 0.02, 0.1, 20, 0.05, 0.6


@dataclass(frozen=True, slots=True)
class _Reading:
    """One candidate's text: what it makes of each byte value found, and a verdict for each position looked at."""

    codec: str
    letters: dict[int, str]
    verdicts: list[int]

    def share(self, verdict: int, at: Sequence[int]) -> float:
        """Return the share of some positions that are judged so, or worse."""
        return sum(self.verdicts[position] >= verdict for position in at) / len(at)


def choose_single_byte(content: bytes, ask: str) -> str:
    """Return the candidate that reads a text.

    Args:
        content: bytes, some of them above ASCII.
        ask: what a refusal asks for.

    Raises:
        ContactFileError: none fits, or several fit and differ.
    """
    positions = _sample_positions(content)
    windows = sorted({_window(content, position) for position in positions})
    readings = [read for codec in CANDIDATES if (read := _read(codec, windows))]
    best = min(readings, key=lambda reading: (reading.share(ABSURD, range(len(windows))), sum(reading.verdicts)))
    is_clean = best.share(ABSURD, range(len(windows))) <= _CLEAN
    others = contests(content, positions, best.codec if is_clean else _USUAL)
    if won := winner(others, content):
        return won
    if not is_clean:
        shown = _shown(content, positions, [reading.codec for reading in readings])
        raise ContactFileError(
            f"byte 0x{content[positions[0]]:02X} is no letter of an encoding that fits ({shown}): {ask}"
        )
    ties = [contest for contest in others if contest.is_tie]
    if ties:
        shown = _shown_word(ties[0].proofs[0], [best.codec, *(contest.codec for contest in ties)])
        raise ContactFileError(f"its letters can be read in more than one way ({shown}): {ask}")
    rivals = [reading for reading in readings if not _is_beaten(reading, best, windows)]
    if rivals:
        shown = _shown(content, positions, [best.codec, *(rival.codec for rival in rivals)])
        raise ContactFileError(f"its accents can be read in more than one way ({shown}): {ask}")
    return best.codec


def can_be_single_byte(content: bytes) -> bool:
    """Tell whether a candidate reads a text without any absurdity."""
    windows = sorted({_window(content, position) for position in _sample_positions(content)})
    return any(ABSURD not in found.verdicts for codec in CANDIDATES if (found := _read(codec, windows)))


def _is_beaten(rival: _Reading, best: _Reading, windows: Sequence[bytes]) -> bool:
    """Tell whether a reading gives the same text as the best, or a clearly worse one where they differ."""
    differing = [
        number for number, window in enumerate(windows) if rival.letters[window[_REACH]] != best.letters[window[_REACH]]
    ]
    if not differing:
        return True
    proving = [number for number in differing if _is_proof(rival, best, windows[number])]
    if proving and rival.share(ABSURD, proving) >= _ABSURD and best.share(ABSURD, differing) <= _CLEAN:
        return True
    is_sure = len(differing) >= _MANY and best.share(DOUBTFUL, differing) <= _SURE
    return is_sure and rival.share(DOUBTFUL, differing) >= _UNSURE


def _is_proof(rival: _Reading, best: _Reading, window: bytes) -> bool:
    """Tell whether an absurdity of the rival speaks for the best: ``ChloÉ`` is likelier than ``Chlo…`` to be meant."""
    value = window[_REACH]
    is_slip = rival.letters[value] in CAPITALS and chr(window[_REACH - 1]).islower()
    return best.letters[value].isalpha() or not is_slip


def _read(codec: str, windows: Sequence[bytes]) -> _Reading | None:
    """Return what a candidate makes of the bytes, or None when it has no character for one of them."""
    values = bytes(sorted({window[_REACH] for window in windows}))
    try:
        letters = values.decode(codec)
    except UnicodeDecodeError:
        return None
    if any("\x80" <= letter < "\xa0" for letter in letters):
        return None
    verdicts = [_judge(window.decode(codec, errors="replace"), codec) for window in windows]
    return _Reading(codec, dict(zip(values, letters, strict=True)), verdicts)


def _judge(window: str, codec: str) -> int:
    return judge_character(
        window[:_REACH], window[_REACH], window[_REACH + 1 :], has_small_in_capitals=codec in _HABITS
    )


def _sample_positions(content: bytes) -> list[int]:
    """Return up to some hundred positions of each byte value above ASCII, from all over the text."""
    quota = max(_SAMPLES * _BLOCK // max(len(content), _BLOCK), _SAMPLES // 10)
    positions: list[int] = []
    for start in range(0, len(content), _BLOCK):
        block = np.frombuffer(content, np.uint8, min(_BLOCK, len(content) - start), start)
        high = np.flatnonzero(block >= 0x80)
        by_value = high[np.argsort(block[high], kind="stable")]
        for group in np.split(by_value, np.flatnonzero(np.diff(block[by_value])) + 1):
            positions += (start + group[:: max(1, len(group) // quota)][:quota]).tolist()
    return positions


def _window(content: bytes, position: int) -> bytes:
    left = content[max(0, position - _REACH) : position].rjust(_REACH, b"\n")
    return left + content[position : position + 1 + _REACH].ljust(1 + _REACH, b"\n")


def _shown(content: bytes, positions: Sequence[int], names: Sequence[str]) -> str:
    """Return one word as each encoding has it, the first that they do not agree on."""
    words = [_word(content, position) for position in positions]
    differing = (word for word in words if len({_text(word, name) for name in names}) > 1)
    return _shown_word(next(differing, words[0]), names)


def _shown_word(word: bytes, names: Sequence[str]) -> str:
    return ", ".join(f"{name}: {mask_numbers(_text(word, name))!r}" for name in names)


def _word(content: bytes, position: int) -> bytes:
    left = content[max(0, position - _WORD) : position]
    right = content[position : position + _WORD]
    start = max((left.rfind(edge) + 1 for edge in _EDGES), default=0)
    end = min((found for edge in _EDGES if (found := right.find(edge)) >= 0), default=len(right))
    return left[start:] + right[:end]


def _text(word: bytes, codec: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in word.decode(codec, errors="replace"))


_EDGES = [bytes([value]) for value in b' \t\r\n;,|"']

assert FITS < DOUBTFUL < ABSURD
assert all(codecs.lookup(codec).name == codec for codec in CANDIDATES)
