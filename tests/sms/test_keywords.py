"""Replies as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.keywords import VERDICTS, classify_reply

REPLIES = [
    pytest.param("STOP", "stop", id="the word"),
    pytest.param("stop", "stop", id="lower case"),
    pytest.param("  Stop !!! ", "stop", id="spaces and marks"),
    pytest.param("«\u00a0STOP\u00a0»", "stop", id="French quotes"),
    pytest.param("S.T.O.P", "stop", id="spelled with dots"),
    pytest.param("s t o p", "stop", id="spelled with spaces"),
    pytest.param("ＳＴＯＰ", "stop", id="full-width"),
    pytest.param("STOP\u200b", "stop", id="zero-width space"),
    pytest.param("ST\u200bOP", "stop", id="zero-width space inside"),
    pytest.param("stop 🙏", "stop", id="emoji behind"),
    pytest.param("🛑", "stop", id="stop sign"),
    pytest.param("Stop. Thank you", "stop", id="polite"),
    pytest.param("Stop merci beaucoup", "stop", id="three words"),
    pytest.param("STOP 12345", "stop", id="another meaning elsewhere"),
    pytest.param("STOP au 36180", "stop", id="copied from the mention"),
    pytest.param("STOP SMS", "stop", id="two words"),
    pytest.param("stop-sms", "stop", id="dash"),
    pytest.param("Arrêt", "stop", id="accent"),
    pytest.param("ARRÊTEZ", "stop", id="accent in capitals"),
    pytest.param("Arrêtez svp", "stop", id="arrêtez, please"),
    pytest.param("désabonnement", "stop", id="désabonnement"),
    pytest.param("Désinscrivez-moi", "stop", id="désinscrivez-moi"),
    pytest.param("TSOP", "stop", id="typing error"),
    pytest.param("unsubscribe", "stop", id="English"),
    pytest.param("Opt-out", "stop", id="opt-out"),
    pytest.param("opt out please", "stop", id="two-word starter"),
    pytest.param("cancel", "stop", id="cancel alone"),
    pytest.param("BAJA", "stop", id="Spanish"),
    pytest.param("Stopp!", "stop", id="German"),
    pytest.param("afmelden", "stop", id="Dutch"),
    pytest.param("We have got to stop this", "review", id="word inside"),
    pytest.param("Stop, je ne veux plus rien de vous", "review", id="long message that begins with it"),
    pytest.param("Stop merci beaucoup madame", "review", id="four words"),
    pytest.param("please stop", "review", id="word at the end"),
    pytest.param("cancel my order", "review", id="order, not messages"),
    pytest.param("Je ne souhaite plus recevoir vos messages", "review", id="plain refusal"),
    pytest.param("Je ne sou\u00adhaite plus", "review", id="soft hyphen"),
    pytest.param("Non merci", "review", id="non merci"),
    pytest.param("Ne m'envoyez plus rien", "review", id="apostrophe"),
    pytest.param("Ne m’envoyez plus rien", "review", id="curly apostrophe"),
    pytest.param("C'est du harcèlement", "review", id="complaint"),
    pytest.param("Please don't text me", "review", id="English refusal"),
    pytest.param("Pas intéressée", "review", id="not interested"),
    pytest.param("", "reply", id="empty"),
    pytest.param("  \n", "reply", id="blank"),
    pytest.param("👍", "reply", id="thumb up"),
    pytest.param("Oui, à demain", "reply", id="yes"),
    pytest.param("On se voit à la non-stopologie", "reply", id="word within a word"),
    pytest.param("stopper", "reply", id="longer word"),
    pytest.param("Bendy tender", "reply", id="end within words"),
    pytest.param("À quelle heure ouvrez-vous ?", "reply", id="question"),
]


@pytest.mark.parametrize(("text", "verdict"), REPLIES)
def test_a_reply_gets_its_verdict(text: str, verdict: str) -> None:
    assert classify_reply(text) == verdict


@given(st.text(max_size=60))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert classify_reply(text) in VERDICTS


@given(
    st.text(alphabet=" .!?,;:-…\n\t«»\"'()🙏😡", max_size=12),
    st.sampled_from(["stop", "STOP", "Arrêt", "désabo", "QUIT"]),
)
def test_punctuation_and_emoji_around_a_word_do_not_hide_it(noise: str, word: str) -> None:
    assert classify_reply(noise + word + noise[::-1]) == "stop"


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_word_anywhere_is_never_a_mere_reply(before: str, after: str) -> None:
    assert classify_reply(f"{before} stop {after}") != "reply"
