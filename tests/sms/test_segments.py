"""Sizes of texts, against the tables of 3GPP TS 23.038, a second slow implementation, smsutil and Perl."""

import os
import shutil
import subprocess
from collections import Counter
from itertools import product
from pathlib import Path
from typing import NoReturn

import pytest
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from campanile.sms.text.gsm7 import GSM7_BASIC, GSM7_EXTENSION, UCS2
from campanile.sms.text.replacements import replace_characters
from campanile.sms.text.segment_column import scan_column
from campanile.sms.text.segments import Segmentation, count_segments
from tests.lanes import examples

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
    """Put the units into segments one character after the other."""
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


texts = st.one_of(runs("aé€{", 160), runs("aê👍€", 70), runs("aêœ…’\u200be\u0301👍€", 70), st.text(max_size=200))


@examples(500)
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


@examples(200)
@given(st.lists(texts, max_size=6))
@example(["", "ê", ""])
@example(["a\ud83d", "\ude00b", "👍"])  # halves of a pair, which joined would be one
@example(["e\u0301" * 40])
@example(["\u200b", "e\u0301", "ê" * 66 + "👍" + "…" * 66])
@example(["ê" + "a" * 151 + "€" + "a" * 152, "œ" * 35 + "👍" * 50])
def test_a_scan_says_of_each_text_what_the_functions_say(values: list[str]) -> None:
    assert_scan_is_exact(values)


def test_a_scan_knows_every_character_of_the_basic_plane() -> None:
    assert_scan_is_exact([chr(code) * 54 for code in range(0x10000)])


def assert_scan_is_exact(values: list[str]) -> None:
    scan = scan_column(values)
    columns = (scan.is_ucs2, scan.unit_count, scan.segment_count)
    sizes = [count_segments(text) for text in values]
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == [
        (size.encoding == UCS2, size.unit_count, size.segment_count) for size in sizes
    ]
    assert {level: counts.tolist() for level, counts in scan.replaced_segment_counts.items()} == {
        level: [count_segments(replace_characters(text, level)).segment_count for text in values]
        for level in ("typography", "accents")
    }
    assert scan.forcing == Counter(
        character for text in values for character in set(text) - set(GSM7_BASIC + GSM7_EXTENSION)
    )


def test_a_scan_of_many_texts_keeps_their_order() -> None:
    values = [
        pair * (number % 90) + "ç" * (number % 2) for number, pair in zip(range(2_500), "a€👍" * 900, strict=False)
    ]
    scan = scan_column(values, levels=["accents"])
    assert scan.segment_count.tolist() == [count_segments(text).segment_count for text in values]
    assert scan.replaced_segment_counts["accents"].tolist() == [
        count_segments(text.replace("ç", "c")).segment_count for text in values
    ]
    assert scan.forcing == {"ç": 1_250, "👍": sum("👍" in text for text in values)}


def traps() -> list[str]:
    """Pairs just before, at and after each boundary of the first five parts, alone, in twos and in rows."""
    found = []
    for filler, pair, single, part in (("a", "€", 160, 153), ("é", "{", 160, 153), ("ê", "👍", 70, 67)):
        ends = [single, *(part * count for count in range(1, 6))]
        for end, shift, length, rest in product(ends, range(-3, 3), (1, 2, part), (0, 1, part - 1, part)):
            found.append(filler * (end + shift) + pair * length + filler * rest)
    return found


def test_three_counts_agree_on_pairs_at_every_boundary() -> None:
    values = traps()
    mine = [count_segments(text) for text in values]
    divided = [-(-size.unit_count // (67 if size.encoding == UCS2 else 153)) for size in mine]
    assert sum(size.segment_count > parts > 1 for size, parts in zip(mine, divided, strict=True)) > 100  # traps indeed
    assert mine == [count_slowly(text) for text in values]
    assert mine == [count_with_smsutil(text) for text in values]
    assert scan_column(values).segment_count.tolist() == [size.segment_count for size in mine]


def count_with_smsutil(text: str) -> Segmentation:
    found = smsutil.split(text)
    if found.encoding == "gsm0338":
        return Segmentation("GSM-7", found.total_bytes, len(found.parts))
    return Segmentation("UCS-2", found.total_bytes // 2, len(found.parts))


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
# Each line of the input is a text. Units are cut off the encoded bytes as long as a part lasts, pairs whole.
PERL_COUNT = r"""
use Encode;
while (my $line = <STDIN>) {
    chomp $line;
    my $text = decode("UTF-8", $line);
    my $bytes = eval { encode("gsm0338", my $copy = $text, Encode::FB_CROAK) };
    my $is_gsm = defined $bytes;
    $bytes = encode("UTF-16BE", $text) unless $is_gsm;
    my $unit = $is_gsm ? qr/\x1b.|[^\x1b]/s : qr/[\xd8-\xdb].{3}|../s;
    my ($single, $part) = $is_gsm ? (160, 153) : (140, 134);
    my ($parts, $used) = (1, 0);
    if (length $bytes > $single) {
        while ($bytes =~ /\G($unit)/g) {
            if ($used + length $1 > $part) { $parts++; $used = 0 }
            $used += length $1;
        }
    }
    print join(" ", $is_gsm ? "GSM-7" : "UCS-2", length($bytes) / ($is_gsm ? 1 : 2), $parts), "\n";
}
"""


def do_without_perl(why: str) -> NoReturn:
    """Skip on a developer's machine without Perl; fail if ``REQUIRE_PERL`` is set, as in ``.ci/run``."""
    if os.environ.get("REQUIRE_PERL"):
        pytest.fail(why)
    pytest.skip(why)


def run_perl(program: str, lines: list[str]) -> list[list[str]]:
    """Return the words of each output line of Perl; its Encode::GSM0338 is a second implementation."""
    perl = shutil.which("perl")
    if perl is None:
        do_without_perl("perl is not installed; its gsm0338 encoding is the second opinion")
    run = subprocess.run([perl, "-e", program], input="\n".join(lines).encode(), capture_output=True, check=False)
    if run.returncode:
        do_without_perl(f"perl has no gsm0338 encoding: {run.stderr[:80]!r}")
    return [line.split() for line in run.stdout.decode().splitlines()]


@pytest.mark.parametrize(
    ("required", "outcome"),
    [
        pytest.param("", pytest.skip.Exception, id="a developer's machine"),
        pytest.param("1", pytest.fail.Exception, id="where it must be there"),
    ],
)
@pytest.mark.process
def test_perl_may_be_missing_on_ones_own_machine_only(
    monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("REQUIRE_PERL", required)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception), match="perl is not installed") as caught:
        run_perl(PERL_TABLE, [])
    assert caught.type is outcome


def test_perl_must_be_there_where_all_must_hold() -> None:
    assert "export REQUIRE_PERL=1\n" in (Path(__file__).parents[2] / ".ci" / "run").read_text()


@pytest.mark.process
def test_the_tables_are_those_of_another_implementation() -> None:
    septets = {chr(int(code, 16)): int(count) for code, count in run_perl(PERL_TABLE, [])}
    assert septets == dict.fromkeys(GSM7_BASIC, 1) | dict.fromkeys(GSM7_EXTENSION, 2)


@pytest.mark.process
def test_perl_counts_the_same_on_pairs_at_every_boundary() -> None:
    values = [*traps(), "été à Noël", "10 €, [ça] œuvre {x} ~ 👍", *GSM7_BASIC.replace("\n", ""), *GSM7_EXTENSION]
    counted = run_perl(PERL_COUNT, values)
    assert [Segmentation(encoding, int(units), int(parts)) for encoding, units, parts in counted] == [
        count_segments(text) for text in values
    ]
