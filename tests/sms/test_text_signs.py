"""Links, brands, advertising and a typed STOP in real texts."""

import pytest

from campanile.sms.text.features import (
    find_links,
    find_promotional_words,
    find_words,
    has_typed_stop,
    is_shortener,
    names_brand,
)

LINKS = [
    pytest.param("Voir https://www.exemple.fr/soldes?a=1.", ["exemple.fr"], id="whole address"),
    pytest.param("www.exemple.fr.", ["exemple.fr"], id="www, then a full stop"),
    pytest.param("sur Exemple.FR et exemple.fr/x", ["exemple.fr"], id="once, whatever the case"),
    pytest.param("sur MABOUTIQUE.FR !", ["maboutique.fr"], id="all in capitals"),
    pytest.param("chez l’exemple.fr, et ma-boutique.co.uk", ["exemple.fr", "ma-boutique.co.uk"], id="bare names"),
    pytest.param("bit.ly/3xY", ["bit.ly"], id="any ending before a path"),
    pytest.param("http://192.0.2.1/x", ["192.0.2.1"], id="an address of digits"),
    pytest.param("Écrivez à contact@exemple.fr", [], id="an e-mail address"),
    pytest.param("C’est fini.Venez vite, fini.De retour", [], id="no space after a full stop"),
    pytest.param("à 20.50 ou 9.90/kg, 20.5, 10h-12.30h", [], id="prices and hours"),
    pytest.param("M. Dupont, p. ex. ... etc.", [], id="full stops"),
]


@pytest.mark.parametrize(("text", "sites"), LINKS)
def test_links_are_found(text: str, sites: list[str]) -> None:
    assert find_links(text) == sites


@pytest.mark.parametrize(("site", "expected"), [("bit.ly", True), ("rb.gy", True), ("exemple.fr", False)])
def test_public_shorteners_are_known(site: str, expected: bool) -> None:
    assert is_shortener(site) is expected


PROMOTIONAL = [
    pytest.param("SOLDES dès demain", ["SOLDES"], id="capitals"),
    pytest.param(
        "Profitez de nos réductions, promo !", ["Profitez", "réductions", "promo"], id="several, with accents"
    ),
    pytest.param("re\u0301ductions", ["réductions"], id="accents of their own"),
    pytest.param("-20 % ou −30\u00a0% ou moins 15%", ["-20 %", "−30\u00a0%", "moins 15%"], id="percentages off"),
    pytest.param("20% off, 10 % de remise", ["20% off", "10 % de remise"], id="percentages off, after"),
    pytest.param("un bon d’achat offert", ["bon d’achat", "offert"], id="curly apostrophe"),
    pytest.param("Free gift for you, special offers", ["Free", "gift", "offers"], id="English"),
    pytest.param("Batterie à 20 %, gare du Nord fermée", [], id="an alert"),
    pytest.param("consolider, impromptu, offrez, nuit", [], id="parts of other words"),
]


@pytest.mark.parametrize(("text", "words"), PROMOTIONAL)
def test_words_of_advertising_are_found_as_they_stand(text: str, words: list[str]) -> None:
    assert find_promotional_words(text) == words


BRANDS = [
    pytest.param("Chez Ma Boutique : -20 %", "Ma Boutique", True, id="as it is"),
    pytest.param("CHEZ MABOUTIQUE", "Ma Boutique", True, id="in one word"),
    pytest.param("Théâtre-du-Lac vous attend", "Theatre du Lac", True, id="accents and dashes"),
    pytest.param("Nos cabanes", "Aba", False, id="a part of a word"),
    pytest.param("Venez nous voir", "Ma Boutique", False, id="absent"),
    pytest.param("Venez nous voir", " - ", False, id="a brand of no letter"),
]


@pytest.mark.parametrize(("text", "brand", "expected"), BRANDS)
def test_a_brand_is_recognised(text: str, brand: str, expected: bool) -> None:
    assert names_brand(text, brand) is expected


STOPS = [
    pytest.param("… STOP au 36111", True, id="in capitals"),
    pytest.param("Stop SMS au 36111", True, id="with a number"),
    pytest.param("stop:36111", True, id="with a colon"),
    pytest.param("Répondez STOP pour ne plus recevoir", True, id="as an answer"),
    pytest.param("Répondez stop pour ne plus recevoir", True, id="as an answer, in small letters"),
    pytest.param("Envoyer stop, reply stop", True, id="in other words"),
    pytest.param("STOP AUX PRIX FOUS", False, id="a slogan in capitals"),
    pytest.param("Répondez, stop ou encore, répondez stop-info", False, id="an answer to something else"),
    pytest.param("Ouvert non-stop, NON-STOP, NON STOP", False, id="non-stop"),
    pytest.param("Stop aux idées reçues", False, id="a plain word"),
    pytest.param("AUTOSTOP", False, id="a part of a word"),
]


@pytest.mark.parametrize(("text", "expected"), STOPS)
def test_a_typed_stop_is_recognised(text: str, expected: bool) -> None:
    assert has_typed_stop(text) is expected


def test_words_are_distinguished_from_links_and_customary_capitals() -> None:
    assert find_words("STOP au 36180, SMS de LÉA : WWW.EXEMPLE.FR/ICI été") == ["LÉA", "été"]
