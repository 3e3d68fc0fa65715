"""Sizes of texts, against the tables of 3GPP TS 23.038 and a second count written the slow way."""

import shutil
import subprocess

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sms.segments import GSM7_BASIC, GSM7_EXTENSION, Segmentation, count_segments, segment_column

TEXTS = [
    pytest.param("", "GSM-7", 0, 0, id="empty"),
    pytest.param("Bonjour", "GSM-7", 7, 1, id="plain"),
    pytest.param("été à Noël", "UCS-2", 10, 1, id="ë flips the text"),
    pytest.param("é è ù ì ò à Ç É ä ö ü ñ", "GSM-7", 23, 1, id="French accents that are free"),
    pytest.param("ç", "UCS-2", 1, 1, id="lower-case ç"),
    pytest.param("Ç", "GSM-7", 1, 1, id="upper-case Ç"),
    pytest.param("10 €", "GSM-7", 5, 1, id="the euro sign counts twice"),
    pytest.param("^{}\\[~]|€\f", "GSM-7", 20, 1, id="all that count twice"),
    pytest.param("l’été", "UCS-2", 5, 1, id="curly apostrophe"),
    pytest.param("a\u00a0b", "UCS-2", 3, 1, id="no-break space"),
    pytest.param("a\tb", "UCS-2", 3, 1, id="tab"),
    pytest.param("👍", "UCS-2", 2, 1, id="emoji is two code units"),
    pytest.param("a" * 160, "GSM-7", 160, 1, id="160"),
    pytest.param("a" * 161, "GSM-7", 161, 2, id="161"),
    pytest.param("a" * 306, "GSM-7", 306, 2, id="306"),
    pytest.param("a" * 307, "GSM-7", 307, 3, id="307"),
    pytest.param("a" * 158 + "€", "GSM-7", 160, 1, id="euro ends a single one"),
    pytest.param("a" * 159 + "€", "GSM-7", 161, 2, id="euro makes it two"),
    pytest.param("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3, id="escape pair moves to the next part"),
    pytest.param("a" * 151 + "€" + "a" * 153, "GSM-7", 306, 2, id="escape pair ends a part"),
    pytest.param("ê" * 70, "UCS-2", 70, 1, id="70"),
    pytest.param("ê" * 71, "UCS-2", 71, 2, id="71"),
    pytest.param("ê" * 134, "UCS-2", 134, 2, id="134"),
    pytest.param("ê" * 135, "UCS-2", 135, 3, id="135"),
    pytest.param("👍" * 35, "UCS-2", 70, 1, id="35 emoji"),
    pytest.param("ê" * 66 + "👍" + "ê" * 66, "UCS-2", 134, 3, id="surrogate pair moves to the next part"),
    pytest.param("👍" * 67, "UCS-2", 134, 3, id="33 emoji a part"),
    pytest.param("ê€" * 20, "UCS-2", 40, 1, id="the euro sign counts once in UCS-2"),
]


def count_slowly(text: str) -> Segmentation:
    """Lay the units out one character after the other."""
    is_gsm7 = all(character in GSM7_BASIC + GSM7_EXTENSION for character in text)
    if is_gsm7:
        widths = [2 if character in GSM7_EXTENSION else 1 for character in text]
    else:
        widths = [len(character.encode("utf-16-le", "surrogatepass")) // 2 for character in text]
    single, part = (160, 153) if is_gsm7 else (70, 67)
    parts = [0]
    for width in widths:
        if parts[-1] + width > part:
            parts.append(0)
        parts[-1] += width
    fits = sum(widths) <= single
    return Segmentation("GSM-7" if is_gsm7 else "UCS-2", sum(widths), min(1, len(text)) if fits else len(parts))


@pytest.mark.parametrize(("text", "encoding", "unit_count", "segment_count"), TEXTS)
def test_a_text_has_its_size(text: str, encoding: str, unit_count: int, segment_count: int) -> None:
    assert count_segments(text) == (encoding, unit_count, segment_count)


def runs(characters: str, longest: int) -> st.SearchStrategy[str]:
    """Long runs, so that pairs fall on every boundary."""
    run = st.builds(lambda character, count: character * count, st.sampled_from(characters), st.integers(0, longest))
    return st.lists(run, max_size=6).map("".join)


texts = st.one_of(runs("aé€{", 160), runs("aê👍€", 70), st.text(max_size=200))


@settings(max_examples=500)
@given(texts)
@example("a" * 152 + "€" * 200)
@example("ê" + "👍" * 99)
def test_the_count_is_that_of_laying_units_out(text: str) -> None:
    assert count_segments(text) == count_slowly(text)


@given(texts, texts)
def test_a_longer_text_is_never_smaller(text: str, more: str) -> None:
    shorter, longer = count_segments(text), count_segments(text + more)
    assert longer.segment_count >= shorter.segment_count
    assert longer.unit_count >= shorter.unit_count or longer.encoding != shorter.encoding


@given(st.lists(texts, max_size=6))
def test_a_column_says_of_each_row_what_the_function_says(values: list[str]) -> None:
    index = [3 * position + 1 for position in range(len(values))]
    column = segment_column(pd.Series(values, index=index, dtype=object))
    assert list(column.itertuples(index=False, name=None)) == [tuple(count_segments(text)) for text in values]
    assert column.index.tolist() == index
    assert column.columns.tolist() == ["encoding", "unit_count", "segment_count"]


def test_the_tables_have_the_size_of_the_norm() -> None:
    assert len(set(GSM7_BASIC)) == len(GSM7_BASIC) == 127  # 128 with the escape
    assert len(set(GSM7_EXTENSION)) == len(GSM7_EXTENSION) == 10
    assert not set(GSM7_BASIC) & set(GSM7_EXTENSION)


PERL_TABLE = """
use Encode;
for my $code (0 .. 0xFFFF) {
    next if $code >= 0xD800 && $code <= 0xDFFF;
    my $text = chr($code);
    my $bytes = encode("gsm0338", $text, Encode::FB_QUIET);
    printf("%X %d\\n", $code, length $bytes) if length $bytes;
}
"""


def test_the_tables_are_those_of_another_implementation() -> None:
    perl = shutil.which("perl")
    if perl is None:
        pytest.skip("perl is not installed; its Encode::GSM0338 is the second opinion")
    table = subprocess.run([perl, "-e", PERL_TABLE], capture_output=True, text=True, check=False)
    if table.returncode:
        pytest.skip(f"perl has no gsm0338 encoding: {table.stderr[:80]}")
    septets = {chr(int(code, 16)): int(count) for code, count in map(str.split, table.stdout.splitlines())}
    assert septets == dict.fromkeys(GSM7_BASIC, 1) | dict.fromkeys(GSM7_EXTENSION, 2)
