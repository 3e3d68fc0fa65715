"""Replacements of the characters that make a text more expensive."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campanile.sms.text.gsm7 import GSM7_BASIC, GSM7_EXTENSION
from campanile.sms.text.replacements import LEVELS, MARKS, REPLACEMENTS, replace_characters
from campanile.sms.text.segments import count_segments

GSM7_TEXT = st.text(alphabet=GSM7_BASIC + GSM7_EXTENSION, max_size=80)
DEAR = "".join(REPLACEMENTS["accents"])
ANY_TEXT = st.one_of(st.text(max_size=60), st.text(alphabet=DEAR + "".join(MARKS) + "aeEnœ👍日", max_size=60))

# The text, and its result at level typography and at level accents.
TEXTS = [
    pytest.param("L’été", "L'été", "L'été", id="curly apostrophe"),
    pytest.param("« Bonjour » “ami” ‘x’", '" Bonjour " "ami" \'x\'', '" Bonjour " "ami" \'x\'', id="quotes"),
    pytest.param("5′ 3″ `a´", "5' 3\" 'a'", "5' 3\" 'a'", id="primes"),
    pytest.param("9h–18h — non-stop…", "9h-18h - non-stop...", "9h-18h - non-stop...", id="dashes and ellipsis"),
    pytest.param("10\u00a0€\u202f!\u2009\u3000\t.", "10 € !   .", "10 € !   .", id="spaces that are none"),
    pytest.param("a\u200bb\u2060c\ufeffd\u00ade", "abcde", "abcde", id="characters without width"),
    pytest.param("cœur ŒUVRE ﬁn", "coeur OEUVRE fin", "coeur OEUVRE fin", id="ligatures"),
    pytest.param("• n°3, 20 m²", "- no3, 20 m2", "- no3, 20 m2", id="bullet, degree, square"),
    pytest.param("client·e·s", "client.e.s", "client.e.s", id="middle dot"),
    pytest.param("ça, ê â î ô û ë ï ÿ", "ça, ê â î ô û ë ï ÿ", "ca, e a i o u e i y", id="accents of French"),
    pytest.param("À Â È Ê Ë Î Ï Ô Ù Û", "À Â È Ê Ë Î Ï Ô Ù Û", "A A E E E I I O U U", id="capitals of French"),
    pytest.param(
        "Łukasz Čapek Őri Ștefan Øre", "Łukasz Čapek Őri Ștefan Øre", "Lukasz Capek Ori Stefan Øre", id="names"
    ),
    pytest.param("Nguyễn Đặng ıŞ ð", "Nguyễn Đặng ıŞ ð", "Nguyen Dang iS d", id="several marks, strokes"),
    pytest.param("e\u0301te\u0301 c\u0327a", "été ça", "été ca", id="accents of their own: é is free"),
    pytest.param("x\u0302", "x\u0302", "x", id="a mark that joins no letter"),
    pytest.param(
        "é è à ù ì ò Ç É ä ö ü ñ ß Æ", "é è à ù ì ò Ç É ä ö ü ñ ß Æ", "é è à ù ì ò Ç É ä ö ü ñ ß Æ", id="GSM-7"
    ),
    pytest.param("👨\u200d👩 日本", "👨\u200d👩 日本", "👨\u200d👩 日本", id="emoji and scripts stay"),
]


@pytest.mark.parametrize(("text", "typography", "accents"), TEXTS)
def test_a_text_is_replaced(text: str, typography: str, accents: str) -> None:
    assert [replace_characters(text, level) for level in LEVELS] == [text, typography, accents]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(KeyError, match="all"):
        replace_characters("ça", "all")


@given(GSM7_TEXT)
def test_what_gsm7_has_is_never_touched(text: str) -> None:
    assert {replace_characters(text, level) for level in LEVELS} == {text}


@given(ANY_TEXT)
@example("e\u200b\u0301")
@example("œ\u0301\u0302")
def test_replacing_again_changes_nothing(text: str) -> None:
    for level in LEVELS:
        once = replace_characters(text, level)
        assert replace_characters(once, level) == once


@given(ANY_TEXT)
def test_accents_do_all_that_typography_does(text: str) -> None:
    assert replace_characters(replace_characters(text, "typography"), "accents") == replace_characters(text, "accents")


@given(st.text(alphabet=DEAR + GSM7_BASIC, max_size=80))
def test_a_text_of_latin_letters_ends_in_gsm7(text: str) -> None:
    assert count_segments(replace_characters(text, "accents")).encoding == "GSM-7"


FRENCH = (
    "Chère Maëlys, dès le 1ᵉʳ août, l’hôtel « Le Bœuf à l’Âtre » fête ses 10 ans : -20 % où que vous soyez… "
    "Çà et là, Noël, aïeul, cigüe, L’Haÿ-les-Roses, ŒUVRE, ÊTRE, N° 5, 3 × 12 €, ½ prix – à bientôt ! "
)


def test_a_french_text_ends_in_gsm7() -> None:
    assert count_segments(FRENCH).encoding == "UCS-2"
    assert count_segments(replace_characters(FRENCH, "accents")).encoding == "GSM-7"


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_put_in_costs_one_unit_a_character(level: str) -> None:
    assert all(set(plain) <= set(GSM7_BASIC) for plain in REPLACEMENTS[level].values())
    assert not set(REPLACEMENTS[level]) & set(GSM7_BASIC + GSM7_EXTENSION)
    assert all(len(character) == 1 and ord(character) <= 0xFFFF for character in REPLACEMENTS[level])
