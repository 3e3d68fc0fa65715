"""Verdicts on replies: a STOP, a doubtful STOP, a START, a request for help, a wrong number, an automatic reply, other.

The rules of ``keywords.toml`` decide first: words that are a whole message or a whole sentence, and phrases. For all
other texts the linear model of ``model.py`` decides whether they are doubtful, written by a machine, or neither.
"""

from collections.abc import Sequence

from campanile.sms.rules.replies import keywords, model
from campanile.sms.rules.replies.folding import fold

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

#: The verdict of each use of ``keywords.toml``, the strongest first.
_VERDICT_OF = {
    "stop": STOP,
    "wrong_number": WRONG_NUMBER,
    "refusals": STOP_DOUBTFUL,
    "whole_doubtful": STOP_DOUBTFUL,
    "stop_sentence": STOP_DOUBTFUL,
    "start": START,
    "help": HELP,
    "machines": AUTO_REPLY,
}


#: The score from which a text counts as a machine's. A person taken for a machine gets no answer and no reader.
_SURELY_MACHINE = 3.0
#: Replies whose features the model keeps at the same time: those of many do not fit into the cache of a processor.
_SCORED_AT_ONCE = 1_000


def classify_reply(text: str) -> str:
    """Return the verdict on a reply, one of ``VERDICTS``. Case, accents, punctuation and repeated letters do not count.

    ``STOP 12345`` is a ``stop`` although it has other meanings elsewhere: a false opt-out costs one contact, a missed
    one a fine.

    >>> [classify_reply(text) for text in ("Stoppp. Merci !", "Ne m'écrivez plus", "Je passe ce week-end")]
    ['stop', 'stop_doubtful', 'other']
    >>> [classify_reply(text) for text in ("Unstop", "Mauvais numéro", "Réponse automatique : je suis absent", "AIDE")]
    ['start', 'wrong_number', 'auto_reply', 'help']
    """
    return classify_replies([text])[0]


def verdict_by_rules(text: str) -> str | None:
    """Return the verdict of the rules alone; None: only the model decides on this text."""
    use = keywords.find_use(fold(text))
    return None if use is None else _VERDICT_OF[use]


def classify_replies(texts: Sequence[str]) -> list[str]:
    """Return the verdict of ``classify_reply`` on each text: much faster for many, and each distinct text only once."""
    distinct = list(dict.fromkeys(texts))
    folded = [fold(text) for text in distinct]
    uses = [keywords.find_use(sentences) for sentences in folded]
    verdicts = {text: _VERDICT_OF[use] for text, use in zip(distinct, uses, strict=True) if use is not None}
    rest = [number for number, use in enumerate(uses) if use is None]
    for start in range(0, len(rest), _SCORED_AT_ONCE):
        part = rest[start : start + _SCORED_AT_ONCE]
        for number, scores in zip(part, model.score([folded[number] for number in part]), strict=True):
            verdicts[distinct[number]] = _verdict_of(scores)
    return [verdicts[text] for text in texts]


def _verdict_of(scores: model.Scores) -> str:
    if scores.refusal > 0:
        return STOP_DOUBTFUL
    return AUTO_REPLY if scores.machine > _SURELY_MACHINE else OTHER
