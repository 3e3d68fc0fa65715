"""Verdicts on replies: how many refusals are found, by language, and how many replies a second of CPU time."""

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.racing import cpu_seconds
from campanile.sms.rules.replies.verdicts import classify_replies, classify_reply
from scripts.labelled_replies import (
    BLIND,
    FIRST,
    LabelledReply,
    Rates,
    measure,
    measure_at_false,
    measure_at_recall,
    read_labelled,
)

_SEED = 20261130
_GOAL_RECALL, _GOAL_FALSE = 0.995, 0.03
#: Of the replies to a campaign, how many are the keyword and nothing else.
_KEYWORD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class HalfRates:
    """The rates of one half, whole (``all``) and by language, and what they would be with two other thresholds."""

    half: str
    rates: dict[str, Rates]


@dataclass(frozen=True, slots=True)
class Throughput:
    """``count`` replies classified, in CPU seconds."""

    count: int
    seconds: float


def opt_out_rates(_: int, __: int) -> list[HalfRates]:
    """Return the rates of the half written before the rules, and of the blind half."""
    return [HalfRates(path.stem, _by_language(read_labelled(path))) for path in (FIRST, BLIND)]


def throughput(size: int, rounds: int) -> Throughput:
    """Classify a tenth of ``size`` replies that differ, half of them keywords with a signature.

    Raises:
        SystemExit: a reply gets another verdict alone than among the others.
    """
    texts = _distinct_texts(size // 10)
    times = []
    for _ in range(rounds):
        started = cpu_seconds()
        verdicts = classify_replies(texts)
        times.append(cpu_seconds() - started)
    sample = random.Random(_SEED).sample(range(len(texts)), min(len(texts), 500))
    if any(classify_reply(texts[position]) != verdicts[position] for position in sample):
        raise SystemExit("a reply gets another verdict alone than among the others")
    return Throughput(len(texts), statistics.median(times))


def _by_language(replies: Sequence[LabelledReply]) -> dict[str, Rates]:
    languages = dict.fromkeys(reply.language for reply in replies)
    by_language = {one: [reply for reply in replies if reply.language == one] for one in languages}
    other_thresholds = {
        f"all, at {_GOAL_FALSE:.0%} false": measure_at_false(replies, _GOAL_FALSE),
        f"all, at {_GOAL_RECALL:.1%} found": measure_at_recall(replies, _GOAL_RECALL),
    }
    return {"all": measure(replies)} | {one: measure(chosen) for one, chosen in by_language.items()} | other_thresholds


def _distinct_texts(count: int) -> list[str]:
    """Return replies without two that are equal: a number behind each text makes it another one."""
    dice, sentences = random.Random(_SEED), [reply.text for reply in read_labelled(FIRST, BLIND)]
    return [
        f"{'STOP' if dice.random() < _KEYWORD_SHARE else dice.choice(sentences)} {number}" for number in range(count)
    ]
