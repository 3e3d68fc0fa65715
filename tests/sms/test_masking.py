"""Masking: no whole number and no foreign Markdown is shown."""

import re
import unicodedata

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.text.masking import escape_markdown, mask_number, mask_numbers
from tests.lanes import examples


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        pytest.param("+33612345678", "+336****5678", id="France"),
        pytest.param("+262692123456", "+262*****3456", id="Réunion"),
        pytest.param("+687751234", "+68****234", id="New Caledonia"),
        pytest.param("0612345678", "06*****678", id="national"),
        pytest.param("06 12 34 56 78", "06*****678", id="spaces go"),
        pytest.param("36180", "3**80", id="short code"),
        pytest.param("123", "1*3", id="three digits"),
        pytest.param("1", "*", id="one digit"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_number_keeps_its_ends_only(number: str, masked: str) -> None:
    assert mask_number(number) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        pytest.param("to +33612345678: refused", "to +336****5678: refused", id="E.164"),
        pytest.param("06 12 34 56 78", "06*****678", id="spaces"),
        pytest.param("06.12.34.56.78", "06*****678", id="dots"),
        pytest.param("(+33) 6-12-34-56-78", "(+336****5678", id="brackets and dashes"),
        pytest.param("06\u00a012\u202f34\u201156 78", "06*****678", id="typographic separators"),
        pytest.param("06\u200b12\u200b345678", "06*****678", id="zero-width spaces"),
        pytest.param("?to=33612345678&x", "?to=336****5678&x", id="in an address"),
        pytest.param("٠٦١٢٣٤٥٦٧٨", "٠٦*****٦٧٨", id="digits of another script"),
        pytest.param("import 1234567 of 36180", "import 1234567 of 36180", id="shorter runs stay"),
        pytest.param("at 2026-11-22 08:00:00", "at 2026-11-22 08:00:00", id="time stays"),
        pytest.param("2026-11-22T08:00:00+00:00", "2026-11-22T08:00:00+00:00", id="time with offset stays"),
        pytest.param("2026-11-22 0612345678", "202***********5678", id="a number behind a date is not let through"),
        pytest.param("2026-11-2206", "20*****206", id="a number that begins like a date"),
    ],
)
def test_numbers_in_a_text_are_masked(text: str, masked: str) -> None:
    assert mask_numbers(text) == masked


regions = st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS))
formats = st.sampled_from([0, 1, 2])
words = st.text(alphabet="abc :,;+-.()\n€", max_size=10)


@examples(300)
@given(words, regions, formats, words)
def test_no_number_of_any_country_shows_through(before: str, region: str, form: int, after: str) -> None:
    number = phonenumbers.example_number(region)
    assert number is not None
    written = phonenumbers.format_number(number, form)
    digits = re.sub(r"\D", "", written)
    if len(digits) < 8:
        return
    shown = re.sub(r"[^\d*]", "", mask_numbers(f"{before}{written}{after}"))
    assert digits not in shown
    assert not re.search(r"\d{6}", shown)


@given(st.text(alphabet="0123456789+ .-()a\u200b", max_size=60))
def test_masking_leaves_no_run_of_eight_digits_and_is_stable(text: str) -> None:
    masked = mask_numbers(text)
    assert mask_numbers(masked) == masked
    assert not re.search(r"\d{8}", masked)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        pytest.param("Léa, 10:30 !", "Léa, 10:30 !", id="plain words stay"),
        pytest.param("a|b", "a\\|b", id="column"),
        pytest.param("a\\|b", "a\\\\\\|b", id="escaped column"),
        pytest.param("`x` *y* _z_ ~w~", "\\`x\\` \\*y\\* \\_z\\_ \\~w\\~", id="formatting"),
        pytest.param("[x](y)", "\\[x\\](y)", id="link"),
        pytest.param("<script>&lt;", "&lt;script&gt;&amp;lt;", id="HTML"),
        pytest.param("https://x.fr", "https\\://x.fr", id="bare link"),
        pytest.param("WWW.x.fr", "WWW\\.x.fr", id="bare www"),
        pytest.param("a@b.fr", "a\\@b.fr", id="mail"),
        pytest.param("a\r\nb\tc\x00d", "a  b c d", id="line breaks and control characters"),
        pytest.param("a\u2028b\u202ec", "a b c", id="line separator and direction override"),
    ],
)
def test_markdown_is_inert(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


@given(st.text())
def test_every_special_character_is_escaped(text: str) -> None:
    escaped = escape_markdown(text)
    bare = re.sub(r"\\.|&(?:amp|lt|gt);", "", escaped)
    assert not set(bare) & set("\\`*_[]{}|~@<>&\n\r\t\u2028")
    assert "://" not in escaped
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in escaped)
