"""Sender IDs that are allowed, by country."""

from collections.abc import Sequence
from datetime import date

import pytest

from campanile.sms.errors import CampaignError
from campanile.sms.rules.sender_id import check_sender_id, load_sender_rules, sender_notes
from campanile.sms.schedule.territories import load_territories

FRENCH = ["FR", "GP", "BL", "MF", "MQ", "GF", "RE", "PM", "YT", "WF", "PF", "NC"]


@pytest.mark.parametrize("sender_id", ["Campanile", "abc", "ABCDEFGHIJK", "3Suisses", "36Shop", "36180", "38999"])
def test_a_good_sender_passes(sender_id: str) -> None:
    check_sender_id(sender_id)
    check_sender_id(sender_id, FRENCH)


@pytest.mark.parametrize(
    "sender_id",
    [
        pytest.param("", id="empty"),
        pytest.param("ab", id="two characters"),
        pytest.param("ABCDEFGHIJKL", id="twelve characters"),
        pytest.param("Café", id="accent"),
        pytest.param("My shop", id="space"),
        pytest.param("My-shop", id="dash"),
        pytest.param("123", id="three digits"),
        pytest.param("361801", id="six digits"),
        pytest.param("12345", id="five digits of no French plan"),
        pytest.param("+33612345678", id="a phone number"),
        pytest.param("٣٦١٨٠", id="digits of another script"),
        pytest.param("Shop\n", id="line break"),
        pytest.param("Ѕhoр", id="letters of another script"),
    ],
)
def test_a_bad_sender_is_refused_with_the_rule(sender_id: str) -> None:
    with pytest.raises(CampaignError) as refusal:
        check_sender_id(sender_id)
    assert repr(sender_id) in str(refusal.value)
    assert "in FR: operators take 3 to 11 unaccented letters and digits, no space, one letter" in str(refusal.value)
    assert "5 digits that begin with 36 or 38" in str(refusal.value)


@pytest.mark.parametrize(
    ("sender_id", "territories", "words"),
    [
        pytest.param("INFO", ["FR"], "does not say who writes", id="a generic name"),
        pytest.param("Sms", ["RE"], "does not say who writes", id="in small letters, overseas"),
        pytest.param("AMELI", ["FR"], "for all but its owner", id="the name of a public body"),
        pytest.param("1mp0ts", ["FR"], "for all but its owner", id="the same in disguise"),
        pytest.param("V3R_IFY", ["GB"], "does not say who writes", id="a disguise that BT and EE name"),
        pytest.param("Banco", ["ES"], "does not say who writes", id="generic in Spain"),
        pytest.param("Campanile", ["US"], "in US: operators take a short code of 5 or 6 digits", id="a name in the US"),
        pytest.param(
            "Campanile", ["FR", "US", "CA"], "in CA, US: operators take a short code", id="two countries of three"
        ),
        pytest.param("36180", ["GB"], "5 digits that begin with 6, 7 or 8", id="a French short code in Britain"),
        pytest.param("Tienda  Uno", ["ES"], "single spaces", id="two spaces"),
        pytest.param(" Tienda", ["ES"], "single spaces", id="a space outside"),
        pytest.param("Tienda#1", ["ES"], "signs among @&-_.+", id="a sign that Spain has not"),
        pytest.param("Niño", ["ES"], "unaccented", id="accents in Spain"),
        pytest.param("...", ["ES"], "one letter at least", id="no letter"),
    ],
)
def test_each_country_refuses_by_its_own_rule(sender_id: str, territories: Sequence[str], words: str) -> None:
    with pytest.raises(CampaignError) as refusal:
        check_sender_id(sender_id, territories)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("sender_id", "territories"),
    [
        pytest.param("Mi+Tienda @", ["ES"], id="signs and a single space in Spain"),
        pytest.param("My-Shop &Co", ["GB"], id="signs in Britain"),
        pytest.param("My Shop", ["DE"], id="a space where no rule is known"),
        pytest.param("INFO", ["DE"], id="generic in a country that does not block it"),
        pytest.param("26134", ["US", "CA"], id="a short code in North America"),
        pytest.param("66777", ["GB"], id="a British short code"),
        pytest.param("Campanile", ["FR", "BE", "ES", "GB", "IE", "IT", "JP"], id="a plain name nearly everywhere"),
    ],
)
def test_what_a_country_takes(sender_id: str, territories: Sequence[str]) -> None:
    check_sender_id(sender_id, territories)


@pytest.mark.parametrize("sender_id", ["", "ab", "Café", "+33612345678", "123456789"])
def test_what_no_country_takes_is_refused_before_the_countries_are_known(sender_id: str) -> None:
    with pytest.raises(CampaignError, match="not allowed in any country: operators take 3 to 11"):
        check_sender_id(sender_id, ())


@pytest.mark.parametrize("sender_id", ["Mi+Tienda @", "INFO", "36180", "66777"])
def test_what_some_country_takes_waits_for_the_countries(sender_id: str) -> None:
    check_sender_id(sender_id, ())


def test_the_refusal_names_each_territory_of_the_rule() -> None:
    with pytest.raises(CampaignError, match="not allowed in FR, MQ, RE: "):
        check_sender_id("My shop", ["RE", "MQ", "FR", "DE", "FR"])


@pytest.mark.parametrize(
    ("sender_id", "territories", "countries"),
    [
        pytest.param("Campanile", FRENCH, [], id="nothing to say in France"),
        pytest.param(
            "Campanile", ["IT", "BE", "FR", "BE", "ES"], ["Belgium", "Spain", "Italy"], id="by code, once each"
        ),
        pytest.param("Campanile", ["IE"], ["Likely Scam"], id="Ireland"),
        pytest.param("36180", ["BE", "ES", "IT"], [], id="a short code is no name"),
    ],
)
def test_what_to_know_of_an_allowed_sender(
    sender_id: str, territories: Sequence[str], countries: Sequence[str]
) -> None:
    notes = sender_notes(sender_id, territories)
    assert len(notes) == len(countries)
    assert all(country in note for country, note in zip(countries, notes, strict=True))


@pytest.mark.parametrize("territory", sorted(load_sender_rules()))
def test_each_rule_that_ships_is_whole(territory: str) -> None:
    rule = load_sender_rules()[territory]
    assert territory in (*load_territories(), "default")
    assert rule.source.startswith("https://")
    assert rule.valid_from <= date(2026, 11, 22)
    assert rule.takes_names or not (rule.generic or rule.reserved or rule.name_note)
    assert not rule.generic & rule.reserved


def test_one_rule_for_all_of_france() -> None:
    of_france = [
        territory for territory, entry in load_territories().items() if entry.country == "FR" and "-" not in territory
    ]
    assert {load_sender_rules()[territory] for territory in of_france} == {load_sender_rules()["FR"]}
    assert sorted(of_france) == sorted(FRENCH)
