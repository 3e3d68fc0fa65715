"""Replies as people write them."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.rules.replies.verdicts import (
    SUPPRESSING,
    VERDICTS,
    classify_replies,
    classify_reply,
    verdict_by_rules,
)

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
    pytest.param("You have got to stop texting me", "stop_doubtful", id="word inside"),
    pytest.param("Which is the next stop?", "other", id="word inside, another meaning"),
    pytest.param("Stop, je ne veux plus rien de vous", "stop_doubtful", id="long message that begins with it"),
    pytest.param("Stop merci beaucoup madame", "stop", id="polite words do not count"),
    pytest.param("please stop", "stop", id="polite word before it"),
    pytest.param("cancel my order", "other", id="order, not messages"),
    pytest.param("Stop ou encore ?", "other", id="a complement to its right"),
    pytest.param("un", "other", id="a word of two letters"),
    pytest.param("Je ne souhaite plus recevoir vos messages", "stop_doubtful", id="plain refusal"),
    pytest.param("Je ne sou\u00adhaite plus", "stop_doubtful", id="soft hyphen"),
    pytest.param("Non merci", "stop_doubtful", id="non merci"),
    pytest.param("Ne m'envoyez plus rien", "stop_doubtful", id="apostrophe"),
    pytest.param("Ne m’envoyez plus rien", "stop_doubtful", id="curly apostrophe"),
    pytest.param("C'est du harcèlement", "stop_doubtful", id="complaint"),
    pytest.param("Please don't text me", "stop_doubtful", id="English refusal"),
    pytest.param("Pas intéressée", "stop_doubtful", id="not interested"),
    pytest.param("", "other", id="empty"),
    pytest.param("  \n", "other", id="blank"),
    pytest.param("👍", "other", id="thumb up"),
    pytest.param("Oui, à demain", "other", id="yes"),
    pytest.param("On se voit à la non-stopologie", "other", id="word within a word"),
    pytest.param("stopper", "stop", id="verb form"),
    pytest.param("Bendy tender", "other", id="end within words"),
    pytest.param("À quelle heure ouvrez-vous ?", "other", id="question"),
]


#: Labels of ``replies.tsv``: a verdict, or ``refusal``, which must be suppressed with or without a doubt.
_ALLOWED = {verdict: {verdict} for verdict in VERDICTS} | {"refusal": {"stop", "stop_doubtful"}}
with (Path(__file__).parent / "replies.tsv").open(encoding="utf-8") as _file:
    LABELLED = [tuple(row.values()) for row in csv.DictReader(_file, delimiter="\t", quoting=csv.QUOTE_NONE)]


@pytest.mark.parametrize(("language", "label", "text"), LABELLED, ids=[f"{row[0]}: {row[2]}" for row in LABELLED])
def test_the_labelled_replies(language: str, label: str, text: str) -> None:
    assert classify_reply(text) in _ALLOWED[label]


def test_the_labelled_replies_cover_each_label_and_language() -> None:
    assert {label for _, label, _ in LABELLED} == _ALLOWED.keys() - {"stop_doubtful"}
    assert {language for language, _, _ in LABELLED} == {"fr", "en", "de", "es", "it", "nl", "pt", "ru", "ar"}
    assert len(LABELLED) >= 150


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        pytest.param("START. STOP", "stop_doubtful", id="start before stop"),
        pytest.param("STOP START", "stop", id="stop before start"),
        pytest.param("un stop", "stop_doubtful", id="a space makes no UNSTOP"),
        pytest.param("Réponse automatique. Pour ne plus rien recevoir : STOP", "stop_doubtful", id="machine"),
        pytest.param("Mauvais numéro, arrêtez de m'écrire", "wrong_number", id="the stronger of two"),
        pytest.param("STOP mauvais numéro", "stop", id="stop, and why"),
        pytest.param("CTОП", "stop", id="two alphabets in one word"),
        pytest.param("STОP", "stop", id="Cyrillic O"),
        pytest.param("Bitte anmelden", "start", id="one letter from abmelden"),
    ],
)
def test_a_refusal_wins_over_all_else(text: str, verdict: str) -> None:
    assert classify_reply(text) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        pytest.param("Sᴛᴏᴘ", "stop", id="small capitals"),
        pytest.param("🆂🆃🅾🅿", "stop", id="letters in squares"),
        pytest.param("BAЈA", "stop", id="Cyrillic J"),
        pytest.param("$TOP", "stop", id="dollar for S"),
        pytest.param("sopt", "stop", id="letters mixed up"),
        pytest.param("BAKA", "stop_doubtful", id="neighbouring key"),
        pytest.param("bajq", "stop_doubtful", id="key above"),
        pytest.param("sari", "stop_doubtful", id="two letters swapped"),
        pytest.param("cancelr", "stop_doubtful", id="a letter missing"),
        pytest.param("camcelar por favor", "stop_doubtful", id="slip and polite word"),
        pytest.param("un-subscribe", "stop_doubtful", id="dash inside"),
        pytest.param("SALIR", "stop_doubtful", id="es: leave"),
        pytest.param("Ende", "stop_doubtful", id="de: end"),
        pytest.param("Kündigung", "stop_doubtful", id="de: notice"),
        pytest.param("uitzetten aub", "stop_doubtful", id="nl: switch off"),
        pytest.param("numéro de rue : mauvais numéro", "wrong_number", id="wrong number at the end"),
        pytest.param("mauvais numéro de rue sur la facture", None, id="wrong number of a street"),
        pytest.param("wrong number of chairs", None, id="wrong number of things"),
        pytest.param("Commandes valides : ETAT, AIDE, STOP.", None, id="last word of a list"),
        pytest.param("Pour ne plus recevoir nos SMS, STOP au 36105.", None, id="how to opt out"),
        pytest.param("hasta", None, id="a word beside basta"),
        pytest.param("Spot", None, id="a word with the letters of stop"),
        pytest.param("fine", None, id="end in Italian, well in English"),
        pytest.param("Abmeldung rückgängig machen", "start", id="an opt-out undone"),
    ],
)
def test_the_rules_alone(text: str, verdict: str | None) -> None:
    """``None``: no rule decides, the model does."""
    assert verdict_by_rules(text) == verdict


@given(
    st.sampled_from([row[2] for row in LABELLED if row[1] != "stop"]),
    st.booleans(),
    st.sampled_from([". ", "\n", "! "]),
)
def test_a_stop_beside_any_text_suppresses(text: str, is_first: bool, end: str) -> None:
    assert classify_reply(f"stop{end}{text}" if is_first else f"{text}{end}stop") in SUPPRESSING


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
def test_a_sentence_that_is_the_word_suppresses_wherever_it_stands(before: str, after: str) -> None:
    assert classify_reply(f"{before}\nSTOP\n{after}") in SUPPRESSING


@given(st.lists(st.sampled_from([row[2] for row in LABELLED]) | st.text(max_size=60), max_size=20))
def test_many_replies_get_the_verdicts_that_they_get_alone(texts: list[str]) -> None:
    assert classify_replies(texts) == [classify_reply(text) for text in texts]
