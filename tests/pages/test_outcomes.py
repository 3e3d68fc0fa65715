"""The page that a run ends with: each code of the store has a text."""

import inspect
import re

from campanile.pages.words import ANSWER_WORDS
from campanile.sms.rules.auto_reply import decide_answer


def test_each_reason_for_no_answer_has_words() -> None:
    source = inspect.getsource(decide_answer)
    reasons = {word for word in re.findall(r'"([a-z_]+)"', source.partition("bars = (")[2]) if word.islower()}
    columns = {"verdict", "is_opted_out", "number_id", "is_allowed", "counts_at", "answer_count", "day", "is_own"}
    assert reasons - columns <= ANSWER_WORDS.keys()
