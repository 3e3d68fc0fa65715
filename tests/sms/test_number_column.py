"""A number column gives the same result for each cell as the function for one number."""

from itertools import product

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.cells import OTHER_REGIONS, REGIONS, clean_cells, dirty_cells, mutated_cells
from campanile.sms.errors import ConfigurationError, InvalidNumber
from campanile.sms.numbers import automaton as number_plans
from campanile.sms.numbers import column as number_column
from campanile.sms.numbers.column import parse_column, parse_joined
from campanile.sms.numbers.digits import SEPARATOR
from campanile.sms.numbers.msisdn import FRENCH_CODES, OVERSEAS_CODES, parse_number
from tests.lanes import examples

digits = st.text("0123456789", min_size=6, max_size=12)
heads = st.sampled_from(["", "0", "06", "07", "+33", "+336", "0033", "00336", "33", "+", "069", "0639", "0033 0"])
noise = st.sampled_from(["", " ", ".", "-", ".0", ",0", " - ", "/", "\u200b", "(0)", "'", "x", "²", "E+08"])
cells = st.one_of(
    st.builds("{}{}{}{}".format, heads, digits, noise, st.text("0123456789", max_size=4)),
    st.builds("{}{}{}".format, heads, noise, digits),
    st.text("0123456789 +().,'/-", max_size=20),
    st.text(max_size=20),
)

PLAIN = [
    "+33 (0)6 12 34 56 78", "+33 (0) 612345678", "(0)612345678", "+33( 0 )612345678", "+33 (0 )612345678",
    "+(33)612345678", "(+33)612345678", "(06) 12 34 56 78", "06)12(345678", "((06))12345678", "+33  (0)612345678",
    "+33.(0)612345678", "+33/(0)612345678", "612345678.0", "612345678,0", "612345678.00", " 612345678.0",
    "612345678.0 ", "'612345678.0", "+33612345678.0", "0.612345678", ".0", "0.0", "6.0", "06.12.34.56.7.0",
    "06 12 34 567.0", "061234567.0", "0612345678.", ".0612345678", "'0612345678", "''0612345678", "'+33612345678",
    "' +33612345678", "0612345678'", "'", "+", "++33612345678", "+33612345678+", "06 12 34 56 78 06 12 34 56 78",
    "0033 612345678901", "00336123456789012", "003361234567890123", "0" * 17, "0" * 18, "9" * 17,
    " " * 70 + "0612345678", "06" + " " * 70 + "12345678", "", " ", "-", "/", "0", "00", "000", "+0", "+00",
    "+0033612345678", "+0612345678", "00612345678", "000612345678", "330612345678", "3300612345678", "33000612345678",
    "0033 0 6 12 34 56 78", "+330612345678", "+33 00 612345678", "0690001234", "+590 0690 00 12 34", "+33690001234",
    "0709 20 12 34", "00262692123456", "262692123456", "+2620692123456", "+999612345678", "00999612345678",
    "99961234567890", "01133612345678", "011 1 201 555 0123", "2015550123", "12015550123", "0039 06698 12345",
    "+39 06698 1234", "+870773111632", "+881612345678", "+54 9 11 2345 6789", "+5521987654321", "+61412345678",
    "+352628123456", "+352 15 628123456", "\u202f0612345678", "06–12–34–56–78", "06\u201012345678",
    "０６１２３４５６７８", "٠٦١٢٣٤٥٦٧٨", "06\x1f12345678", "06\x1c12345678",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """Import what the first call imports: Hypothesis draws constants of our modules, and refuses if they change."""
    parse_column(pd.Series(["0612345678", "x"]), region="FR")
    decide("x", "FR")


def decide(raw: str, region: str, allowed: tuple[str, ...] | None = None) -> tuple[str | None, ...]:
    try:
        number = parse_number(raw, region=region, allowed=allowed)
    except InvalidNumber as refusal:
        return None, None, None, refusal.reason
    return number.msisdn, number.territory, number.kind, None


def differences(values: list[str], region: str, allowed: tuple[str, ...] | None = None) -> list[tuple[object, ...]]:
    """Return (cell, result of the column, result of the function) for each difference."""
    column = parse_column(pd.Series(values, dtype=object), region=region, allowed=allowed)
    rows = zip(column["msisdn"], column["territory"], column["kind"], column["reason"], strict=True)
    return [
        (raw, row, decide(raw, region, allowed))
        for raw, row in zip(values, rows, strict=True)
        if row != decide(raw, region, allowed)
    ]


@examples(400)
@given(st.lists(cells, max_size=8), st.sampled_from(["FR", "RE", "BE"]), st.sampled_from([None, ("FR",), ("BE", "GP")]))
@example(["061234567.0"], "FR", None)
@example(["00330612345678", "0033061 2345678"], "FR", None)
@example(["0612345678", "0612345678"], "FR", ("BE",))
def test_a_column_says_of_each_row_what_the_function_says(
    values: list[str], region: str, allowed: tuple[str, ...] | None
) -> None:
    index = [7 * position for position in range(len(values))]
    column = parse_column(pd.Series(values, index=index, dtype=object), region=region, allowed=allowed)
    assert column.index.tolist() == index
    for raw, row in zip(values, column.to_dict("records"), strict=True):
        assert (row["msisdn"], row["territory"], row["kind"], row["reason"]) == decide(raw, region, allowed)
        assert pd.isna(row["number_id"]) if row["reason"] else f"+{row['number_id']}" == row["msisdn"]


@pytest.mark.parametrize("region", REGIONS)
def test_mutated_numbers_of_every_plan(region: str) -> None:
    assert differences(list(mutated_cells(region, 1500, seed=1)), region) == []


@pytest.mark.parametrize("region", OTHER_REGIONS)
def test_regions_whose_plans_rewrite_numbers(region: str) -> None:
    assert differences(list(mutated_cells(region, 300, seed=2)), region) == []


@pytest.mark.parametrize("region", ["FR", "RE", "US", "IT"])
def test_punctuation_on_the_edge_of_plain(region: str) -> None:
    assert differences(PLAIN, region) == []


def test_every_beginning_before_french_numbers() -> None:
    """Overseas prefixes, each with every lead, in every region of the French plan: no number becomes another one."""
    leads = [
        "",
        "0",
        "00",
        "+",
        *(f"{sign}{code}{zero}" for sign, code, zero in product(("", "+", "00"), FRENCH_CODES, ("", "0", "00"))),
    ]
    prefixes = [*OVERSEAS_CODES, "612", "700", "730", "123", "812", "699"]
    values = [f"{lead}{prefix}{tail}" for lead, prefix, tail in product(leads, prefixes, ("201234", "991234"))]
    for region in ("FR", "RE", "GP"):
        assert differences(values, region) == []


def test_a_second_column_is_read_like_the_first() -> None:
    """The cached states of the automaton from one column are correct for the next."""
    first = list(mutated_cells("FR", 500, seed=3))
    number_plans.automaton.cache_clear()
    cold = parse_column(pd.Series(first, dtype=object))
    parse_column(pd.Series(list(mutated_cells("FR", 2000, seed=4)), dtype=object))
    pd.testing.assert_frame_equal(parse_column(pd.Series(first, dtype=object)), cold)


def test_more_cells_than_a_block_holds_keep_their_order() -> None:
    values = clean_cells(150_000, seed=5)
    found = parse_joined(SEPARATOR.join([*values, "Tel: 06", "0612345678"]))
    assert found.number_ids.tolist() == [int("33" + text.strip()[-9:]) for text in values] + [0, 33612345678]
    assert found.verdicts[found.codes[-2]].reason == "letters"


def test_a_cell_longer_than_a_block_is_one_cell() -> None:
    values = ["0612345678", "06" * 1_000_000, "0612345679"]
    assert parse_column(pd.Series(values))["reason"].tolist() == [None, "too_long", None]


def test_a_column_takes_what_a_spreadsheet_gives() -> None:
    values = pd.Series([612345678.0, 612345678, None, float("nan"), "0612345678"], index=list("aabbc"), dtype=object)
    column = parse_column(values)
    assert column["reason"].tolist() == [None, None, "empty_number", "empty_number", None]
    assert column["msisdn"].dropna().unique().tolist() == ["+33612345678"]
    assert column.index.tolist() == list("aabbc")
    assert str(column["number_id"].dtype) == "Int64"


def test_few_numbers_are_asked_about_and_dirty_cells_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[str] = []
    asked: list[str] = []
    number_plans.automaton.cache_clear()
    clean, parse = number_column.clean_number_text, number_plans.parse_number
    monkeypatch.setattr(number_column, "clean_number_text", lambda text: cleaned.append(text) or clean(text))
    monkeypatch.setattr(number_plans, "parse_number", lambda *given: asked.append(given[0]) or parse(*given))
    values = dirty_cells(20_000, seed=6)
    parse_column(pd.Series(values * 2))
    number_plans.automaton.cache_clear()
    assert len(cleaned) == len(set(cleaned)) < 500
    assert 0 < len(asked) < 200


def test_a_region_that_is_no_country_is_a_setting_error() -> None:
    with pytest.raises(ConfigurationError, match="'France'"):
        parse_column(pd.Series([], dtype=str), region="France")


def test_an_empty_column_is_an_empty_table() -> None:
    column = parse_column(pd.Series([], dtype=str))
    assert column.columns.tolist() == ["msisdn", "number_id", "territory", "kind", "reason"]
    assert column.empty
