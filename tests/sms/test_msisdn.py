"""Numbers as people write them in cells; every number is an example number of its numbering plan."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from campanile.sms.errors import ConfigurationError, InvalidNumber
from campanile.sms.numbers.msisdn import REASONS, Number, parse_number

VALID = [
    pytest.param("0612345678", "+33612345678", id="as typed in France"),
    pytest.param("06 12 34 56 78", "+33612345678", id="spaces"),
    pytest.param("06.12.34.56.78", "+33612345678", id="dots"),
    pytest.param("06,12,34,56,78", "+33612345678", id="commas of a numeric keypad"),
    pytest.param("06-12-34-56-78", "+33612345678", id="dashes"),
    pytest.param("06–12–34–56–78", "+33612345678", id="typographic dashes"),
    pytest.param("06/12/34/56/78", "+33612345678", id="slashes between pairs"),
    pytest.param("06\u00a012\u202f34 56 78", "+33612345678", id="no-break spaces"),
    pytest.param("+33612345678", "+33612345678", id="E.164"),
    pytest.param("+33 (0)6 12 34 56 78", "+33612345678", id="zero in brackets"),
    pytest.param("0033 (0) 6 12 34 56 78", "+33612345678", id="0033 and zero in brackets"),
    pytest.param("(0)6 12 34 56 78", "+33612345678", id="zero in brackets without country"),
    pytest.param("+352 (0)628 123 456", "+352628123456", id="zero in brackets where there is no such zero"),
    pytest.param("06" + " " * 54 + "12345678", "+33612345678", id="64 characters"),
    pytest.param("06−12−34−56−78", "+33612345678", id="minus signs"),
    pytest.param("0033612345678", "+33612345678", id="0033"),
    pytest.param("33612345678", "+33612345678", id="plus lost"),
    pytest.param("612345678", "+33612345678", id="leading zero lost"),
    pytest.param("612345678.0", "+33612345678", id="read as a float"),
    pytest.param("33612345678.0", "+33612345678", id="plus lost and read as a float"),
    pytest.param("'0612345678", "+33612345678", id="spreadsheet apostrophe"),
    pytest.param('="0612345678"', "+33612345678", id="spreadsheet formula"),
    pytest.param('"0612345678"', "+33612345678", id="quotes"),
    pytest.param("０６１２３４５６７８", "+33612345678", id="full-width digits"),
    pytest.param("＋３３６１２３４５６７８", "+33612345678", id="full-width with plus"),
    pytest.param("\u202a+33612345678\u202c", "+33612345678", id="direction marks copied from a phone"),
    pytest.param("\ufeff06\u200b12345678", "+33612345678", id="byte order mark and zero-width space"),
    pytest.param("0756789012", "+33756789012", id="07"),
    pytest.param("+32 450 00 12 34", "+32450001234", id="Belgium"),
    pytest.param("32450001234", "+32450001234", id="Belgium, plus lost"),
    pytest.param("4915123456789", "+4915123456789", id="Germany, plus lost"),
    pytest.param("+1 (201) 555-0123", "+12015550123", id="United States"),
]

OVERSEAS = [
    pytest.param("0690001234", "+590690001234", "GP", id="0690 Guadeloupe"),
    pytest.param("0691221234", "+590691221234", "GP", id="0691 Guadeloupe"),
    pytest.param("0694201234", "+594694201234", "GF", id="0694 French Guiana"),
    pytest.param("0696201234", "+596696201234", "MQ", id="0696 Martinique"),
    pytest.param("0697201234", "+596697201234", "MQ", id="0697 Martinique"),
    pytest.param("0692123456", "+262692123456", "RE", id="0692 Réunion"),
    pytest.param("0693123456", "+262693123456", "RE", id="0693 Réunion"),
    pytest.param("0639012345", "+262639012345", "YT", id="0639 Mayotte"),
    pytest.param("0708401234", "+508708401234", "PM", id="0708 St-Pierre-et-Miquelon"),
    pytest.param("0709101234", "+596709101234", "MQ", id="07091 Martinique"),
    pytest.param("0709301234", "+594709301234", "GF", id="070930 French Guiana"),
    pytest.param("0709351234", "+262709351234", "YT", id="070935 Mayotte"),
    pytest.param("690001234", "+590690001234", "GP", id="zero lost"),
    pytest.param("+33690001234", "+590690001234", "GP", id="with the mainland's code"),
    pytest.param("0033 690 00 12 34", "+590690001234", "GP", id="with 0033"),
    pytest.param("33692123456", "+262692123456", "RE", id="with a bare 33"),
    pytest.param("+590 690 00 12 34", "+590690001234", "GP", id="as it should be"),
    pytest.param("0695012345", "+33695012345", "FR", id="0695 is the mainland's"),
]

REFUSED = [
    pytest.param("", "empty_number", id="empty cell"),
    pytest.param(" \u00a0\u200b ", "empty_number", id="nothing visible"),
    pytest.param('=""', "empty_number", id="empty formula"),
    pytest.param("-", "not_a_number", id="a dash"),
    pytest.param("++33612345678", "not_a_number", id="two pluses"),
    pytest.param("0612345678#12", "not_a_number", id="extension"),
    pytest.param("061234567²", "not_a_number", id="footnote mark is no digit"),
    pytest.param("06123④5678", "not_a_number", id="circled digit"),
    pytest.param("O612345678", "letters", id="letter O for zero"),
    pytest.param("+33612345678 ext 3", "letters", id="extension in words"),
    pytest.param("n/a", "letters", id="n/a"),
    pytest.param("0612345678 / 0756789012", "two_numbers", id="two with a slash"),
    pytest.param("06 12 34 56 78 ou 07 56 78 90 12", "two_numbers", id="two with ou"),
    pytest.param("06 12 34 56 78 - 07 56 78 90 12", "two_numbers", id="two with a dash"),
    pytest.param("0612345678;0756789012", "two_numbers", id="two with a semicolon"),
    pytest.param("0612345678,0756789012", "two_numbers", id="two with a comma"),
    pytest.param("0612345678\n0756789012", "two_numbers", id="two lines"),
    pytest.param("0612345678 0756789012", "two_numbers", id="two with a space"),
    pytest.param("+33612345678+33756789012", "two_numbers", id="two with pluses"),
    pytest.param("12", "too_short", id="two digits"),
    pytest.param("0612345", "too_short", id="digits missing"),
    pytest.param("+33", "too_short", id="country code alone"),
    pytest.param("06123456789", "too_long", id="a digit too many"),
    pytest.param("0" * 65, "too_long", id="no end of digits"),
    pytest.param("0612345678 " + "x" * 60, "too_long", id="no end of text"),
    pytest.param("06" + " " * 55 + "12345678", "too_long", id="65 characters"),
    pytest.param("0600000000000", "too_long", id="thirteen digits"),
    pytest.param("6421123456", "too_long", id="zero lost and a digit too many is no number of New Zealand"),
    pytest.param("+999612345678", "invalid_number", id="no such country"),
    pytest.param("0700123456", "invalid_number", id="range not in use"),
    pytest.param("+262647123456", "invalid_number", id="mainland digits with the code of Réunion"),
    pytest.param("00262647123456", "invalid_number", id="mainland digits with 00262"),
    pytest.param("262647123456", "too_long", id="mainland digits with a bare 262"),
    pytest.param("+5900612345678", "invalid_number", id="mainland digits with the code of Guadeloupe and a zero"),
    pytest.param("+262690001234", "invalid_number", id="Guadeloupe digits with the code of Réunion"),
    pytest.param("0123456789", "not_mobile", id="landline"),
    pytest.param("0937123456", "not_mobile", id="internet line"),
    pytest.param("0800123456", "not_mobile", id="free call"),
    pytest.param("0899123456", "premium", id="premium rate"),
    pytest.param("0820123456", "premium", id="shared cost"),
    pytest.param("36180", "short_code", id="five digits"),
    pytest.param("112", "short_code", id="three digits"),
    pytest.param("118218", "short_code", id="six digits"),
    pytest.param("6,12E+08", "excel_damage", id="French spreadsheet"),
    pytest.param("6.12346e+08", "excel_damage", id="English spreadsheet"),
    pytest.param("########", "excel_damage", id="column too narrow"),
]

TERRITORIES = ["FR", "GP", "MQ", "GF", "RE", "YT", "PM", "NC", "PF", "WF", "BE", "CH", "LU", "MC"]
TERRITORIES += ["DE", "ES", "IT", "PT", "NL", "GB", "IE", "AT", "US", "CA"]


def example_mobile(territory: str) -> phonenumbers.PhoneNumber:
    number = phonenumbers.example_number_for_type(territory, PhoneNumberType.MOBILE)
    assert number is not None
    return number


def reason_of(raw: str, **options: object) -> str:
    with pytest.raises(InvalidNumber) as refusal:
        parse_number(raw, **options)  # type: ignore[arg-type]
    return refusal.value.reason


@pytest.mark.parametrize(("raw", "msisdn"), VALID)
def test_a_mobile_number_is_read_however_it_is_written(raw: str, msisdn: str) -> None:
    assert parse_number(raw).msisdn == msisdn


@pytest.mark.parametrize(("raw", "msisdn", "territory"), OVERSEAS)
def test_a_french_overseas_number_written_nationally_finds_its_territory(raw: str, msisdn: str, territory: str) -> None:
    assert parse_number(raw) == Number(msisdn, territory, "mobile")
    assert parse_number(raw, region="RE") == Number(msisdn, territory, "mobile")


def test_a_mainland_number_is_read_overseas_too() -> None:
    assert parse_number("06 12 34 56 78", region="MQ").msisdn == "+33612345678"


def test_0033_is_understood_where_people_dial_011() -> None:
    assert parse_number("0033 6 12 34 56 78", region="US").msisdn == "+33612345678"


@pytest.mark.parametrize("raw", ["0690001234", "+33690001234"])
def test_overseas_prefixes_mean_nothing_in_other_countries(raw: str) -> None:
    assert reason_of(raw, region="BE") == "invalid_number"


@pytest.mark.parametrize(("raw", "reason"), REFUSED)
def test_a_refused_cell_says_why_and_never_shows_the_number(raw: str, reason: str) -> None:
    with pytest.raises(InvalidNumber) as refusal:
        parse_number(raw)
    assert refusal.value.reason == reason
    assert "612345678" not in str(refusal.value)
    assert not any(part.isdecimal() and len(part) > 5 for part in str(refusal.value).split())


def test_every_reason_has_words_and_a_case_here() -> None:
    seen = {str(row.values[1]) for row in REFUSED} | {"country_not_allowed"}
    assert seen == set(REASONS)
    assert all(words.endswith(".") for words in REASONS.values())


@pytest.mark.parametrize("territory", TERRITORIES)
def test_the_example_number_of_each_territory_is_read_both_ways(territory: str) -> None:
    number = example_mobile(territory)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    parsed = parse_number(international)
    assert parsed.territory == territory
    assert parsed.number_id == int(parsed.msisdn.removeprefix("+"))
    assert parse_number(national, region=territory) == parsed


@pytest.mark.parametrize("raw", ["0612345678", "0692 12 34 56", "+33 6 12 34 56 78"])
def test_a_territory_outside_the_allowed_ones_is_refused(raw: str) -> None:
    assert reason_of(raw, allowed={"BE"}) == "country_not_allowed"
    assert parse_number(raw, allowed={"FR", "RE"}).kind == "mobile"


def test_an_allowed_list_that_is_empty_allows_nothing() -> None:
    assert reason_of("0612345678", allowed=[]) == "country_not_allowed"


def test_a_region_that_is_no_country_is_a_setting_error() -> None:
    with pytest.raises(ConfigurationError, match="'fr'"):
        parse_number("0612345678", region="fr")


@given(st.sampled_from(TERRITORIES), st.integers(0, 9999), st.sampled_from(["FR", "US", "RE", "BE"]))
def test_reading_a_result_again_changes_nothing(territory: str, tail: int, region: str) -> None:
    msisdn = phonenumbers.format_number(example_mobile(territory), PhoneNumberFormat.E164)
    try:
        number = parse_number(f"{msisdn[:-4]}{tail:04d}")
    except InvalidNumber:
        return
    assert parse_number(number.msisdn, region=region) == number
    assert number.number_id < 10**15
