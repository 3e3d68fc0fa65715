"""The encoding of a text: detected from its letters, or asked for; never a wrong letter."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.files.parsing.encoding import choose_codec, read_blocks
from campanile.sms.errors import ContactFileError
from tests.lanes import examples

CODECS = ("cp1252", "iso8859-15", "cp850", "mac_roman", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")

SENTENCES = {
    "French": "L'été où Zoë fêta Noël à Besançon, Hélène reçut sa sœur aînée : c'était déjà très tôt, là-bas.",
    "French prices": "Prénom;Montant\nJérôme;10 €\nAnaïs;n° 12, «\u00a0réglé\u00a0»",
    "French capitals": "TÉLÉPHONE;PRÉNOM\n1;HÉLÈNE\n2;FRANÇOIS\n3;ANAÏS\n4;GÉRÔME",
    "German": "Jürgen Müller aus Köln größte Straße; Käthe Öztürk aus Überlingen, Bäckerei Weiß",
    "Spanish": "Ángel Núñez, corazón de León; María Muñoz, ¿dónde está el teléfono móvil de Íñigo?",
    "Italian": "Niccolò è già in città, perché Cesarò è più lontano; Forlì",
    "Dutch": "Zoë Coöperatie België; financiën, geïnd, één",
    "English": "Renée’s café – the naïve façade… costs £5",
}

ASKED_FOR = {("French capitals", "mac_roman")}  # small letters amid capitals in cp850, which people do write


def decoded(content: bytes) -> str:
    return b"".join(read_blocks(content, choose_codec(content))).decode().removesuffix("\n")


def is_encodable(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


WRITTEN = [
    pytest.param(text, codec, id=f"{language} in {codec}")
    for language, text in SENTENCES.items()
    for codec in CODECS
    if is_encodable(text, codec) and (language, codec) not in ASKED_FOR
]


@pytest.mark.parametrize(("text", "codec"), WRITTEN)
def test_a_sentence_is_read_as_it_was_written(text: str, codec: str) -> None:
    assert decoded(text.encode(codec)) == text


@pytest.mark.parametrize(
    ("text", "read_in"),
    [
        pytest.param("Prénom", {"cp1252", "iso8859-15", "cp850", "mac_roman"}, id="an accent in a name of a column"),
        pytest.param("Zoë;Noël", {"cp1252", "iso8859-15"}, id="diaereses"),
        pytest.param("l’eau", {"cp1252", "mac_roman"}, id="nothing but an apostrophe"),
        pytest.param("10 €", {"cp1252", "mac_roman"}, id="nothing but a currency"),
        pytest.param("06\u00a012\u00a034", {"cp850", "mac_roman"}, id="nothing but no-break spaces"),
        pytest.param("Straße", {"cp1252", "iso8859-15", "mac_roman"}, id="a sharp s"),
        pytest.param("sœur", {"iso8859-15", "mac_roman"}, id="a ligature"),
        pytest.param("FRANÇOIS", set(), id="a capital that could be another"),
        pytest.param("FRANçOIS", set(), id="a small letter amid capitals"),
        pytest.param("RENé", set(), id="a small letter after capitals"),
    ],
)
def test_few_accents_are_read_right_or_asked_for(text: str, read_in: set[str]) -> None:
    for codec in ("cp1252", "iso8859-15", "cp850", "mac_roman"):
        if not is_encodable(text, codec):
            continue
        if codec in read_in:
            assert decoded(text.encode(codec)) == text
        else:
            with pytest.raises(ContactFileError, match="encoding="):
                decoded(text.encode(codec))


@pytest.mark.parametrize("codec", ["cp1252", "iso8859-15"])
@pytest.mark.parametrize("text", ["ChloÉ", "LeÈ", "NoÊ"])
def test_a_capital_typed_amid_small_letters_becomes_no_sign(text: str, codec: str) -> None:
    with pytest.raises(ContactFileError, match="encoding="):
        decoded(text.encode(codec))


def test_what_a_refusal_shows() -> None:
    with pytest.raises(ContactFileError) as caught:
        choose_codec("1;FRANÇOIS\n".encode("cp1252"))
    message = str(caught.value)
    assert "cp1252: 'FRANÇOIS', cp850: 'FRANÃOIS'" in message
    with pytest.raises(ContactFileError) as caught:
        choose_codec("0612345678\xc7OIS\n".encode("cp1252"))
    assert "0612345678" not in str(caught.value)


def test_utf_8_by_chance_is_asked_for() -> None:
    assert "Íñigo".encode("cp850").decode("utf-8") != "Íñigo"
    with pytest.raises(ContactFileError, match="rare script"):
        choose_codec("0612345678;Íñigo\n".encode("cp850"))
    for text in ("Иван", "שלום", "Ολγα", "山田", "محمد"):
        assert choose_codec(text.encode()) == "utf-8"


@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [
        pytest.param("Chloé", "iso8859-15", "cp1252", id="the same text in both has the usual name"),
        pytest.param("sœur aînée", "iso8859-15", "iso8859-15", id="Latin-9 where it differs"),
        pytest.param("10 € l’été", "cp1252", "cp1252", id="Windows where it differs"),
        pytest.param("Zoé", "utf-8", "utf-8", id="UTF-8 decides by itself"),
        pytest.param("Zoe", "ascii", "utf-8", id="no accent at all"),
        pytest.param("Téléphone", "utf-16-be", "utf-16-be", id="zero bytes on the left"),
        pytest.param("Téléphone", "utf-16-le", "utf-16-le", id="zero bytes on the right"),
    ],
)
def test_the_codec_that_is_named(text: str, codec: str, expected: str) -> None:
    assert choose_codec(text.encode(codec)) == expected


def test_the_letters_of_a_long_file_are_all_looked_at() -> None:
    plain = b"0612345678;Chlo\xe9\n" * 700_000
    assert choose_codec(plain) == "cp1252"
    assert choose_codec(plain + "sœur\n".encode("iso8859-15")) == "iso8859-15"


def test_one_slip_among_many_accents_changes_nothing() -> None:
    names = ["Hélène", "Zoë", "Jérôme", "Anaïs", "Loïc", "Théo", "Chloé", "Léa", "Noël", "Gaëlle", "Agnès", "Inès"]
    cities = [f"{left}{right}" for left in names for right in ("", " é", "-Thérèse", "ès", "ée", "ère")]
    assert choose_codec("\n".join([*cities, "LeÉtoile"]).encode("cp1252")) == "cp1252"


_NAMES = """
    Zoë Noël Chloé Hélène François Françoise Jérôme Anaïs Loïc Gaël Maëlle Inès Agnès Éloïse Élodie Émile Étienne
    Ève Benoît Aurélie Cécile Béatrice Lefèvre Garçon Bénard Œuvrard Lœtitia L'Haÿ Besançon Orléans Nîmes Sète Rhône
    Évry Mâcon Fécamp Angoulême Saint-Étienne Châteauroux Müller Jürgen Jörg Käthe Björn Schäfer Groß Weiß Strauß Köln
    Düsseldorf Österreich Überlingen Ängsbach Núñez Muñoz Ángel José María García Íñigo Martín Peña Óscar Úrsula León
    Málaga Logroño Niccolò Cesarò Forlì Nicolò Zoè Beatricé André Renée Siân Chloë Brontë Zoé Coen Daniël België
    Groningen Renée Jérémie Loïs Noé Raphaël Mickaël Joël Joëlle Ismaël Thaïs Maïté Héloïse Gérôme Côme Rémi Régis
"""
NAMES = _NAMES.split()
SINGLE = ("cp1252", "iso8859-15", "cp850", "mac_roman")


@examples(800)
@given(
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=6),
    codec=st.sampled_from(SINGLE),
    change=st.sampled_from([str, str.upper, str.lower, str.title]),
)
def test_names_are_read_right_or_asked_for(names: list[str], codec: str, change: object) -> None:
    text = "\n".join(["Tel;Nom", *(f"0612345678;{change(name)}" for name in names)])  # type: ignore[operator]
    if not is_encodable(text, codec):
        return
    with contextlib.suppress(ContactFileError):
        assert decoded(text.encode(codec)) == text


OTHERS = {
    "Czech": (
        "cp1250",
        "Dvořák Jiří Růžena Hlaváček Kovář Přemysl Zdeněk Čeněk Žaneta Němec Kučera Tomáš Křenek",
    ),
    "Polish": ("cp1250", "Łukasz Wałęsa Małgorzata Paweł Żółć Wójcik Dąbrowski Świątek Kamiński Jędrzej Źrebak"),
    "Hungarian": ("cp1250", "Erdős Szűcs Győrgy Kovács Szabó Tóth Nagy Sándor Erzsébet Gergő Fülöp"),
    "Turkish": ("cp1254", "Yıldız Çağrı Ayşe İbrahim Şahin Gülşah Özgür Doğan Işık Kılıç"),
    "Lithuanian": ("cp1257", "Žemaitė Šarūnas Jonušas Kęstutis Gražina Kazlauskienė Mažeikis Dovilė Vytautė"),
    "Latvian": ("cp1257", "Bērziņš Kalniņš Jānis Kārlis Ilze Līga Ozoliņš Šķēle Vējonis Ņikita"),
    "Russian": ("cp1251", "Иван Мария Анастасия Фёдор Дмитрий Ольга Юлия Пётр Яна"),
    "Greek": ("cp1253", "Μαρία Γιώργος Ελένη Δημήτρης Κατερίνα Νίκος Σοφία Χρήστος"),
}


@pytest.mark.parametrize("language", OTHERS)
def test_a_file_in_another_alphabet_is_read_as_it_was_written(language: str) -> None:
    codec, names = OTHERS[language]
    text = "\n".join(["Tel;Nom", *(f"0612345678;{name}" for name in names.split())])
    assert decoded(text.encode(codec)) == text


@examples(500)
@given(language=st.sampled_from(sorted(OTHERS)), data=st.data())
def test_a_few_names_in_another_alphabet_are_read_right_or_asked_for(language: str, data: st.DataObject) -> None:
    codec, names = OTHERS[language]
    known_wrong = {"Jānis", "Kārlis", "Līga", "Szűcs", "Kęstutis"}  # Jânis could be French
    telling = [name for name in names.split() if name not in known_wrong]
    chosen = data.draw(st.lists(st.sampled_from(telling), min_size=1, max_size=5))
    text = "\n".join(["Tel;Nom", *(f"0612345678;{name}" for name in chosen)])
    with contextlib.suppress(ContactFileError):
        assert decoded(text.encode(codec)) == text


def test_one_name_of_another_alphabet_is_asked_for() -> None:
    with pytest.raises(ContactFileError, match=r"cp1252: 'Dvoøák', cp1250: 'Dvořák'.*encoding="):
        choose_codec("Tel;Nom\n0612345678;Dvořák\n".encode("cp1250"))


def test_names_of_neighbours_stay_in_a_western_file() -> None:
    text = "Tel;Nom\n" + "\n".join(f"06;{name}" for name in ("Søren", "João", "Åsa", "Dobrý", "Zoë", "Hélène"))
    assert decoded(text.encode("cp1252")) == text


@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\r\ufeff")),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_unicode_text_comes_back(text: str, codec: str) -> None:
    assert b"".join(read_blocks(text.encode(codec), codec)).decode() == text + "\n"


@given(st.binary(max_size=200))
def test_no_bytes_crash(content: bytes) -> None:
    with contextlib.suppress(ContactFileError):
        assert decoded(content) or not content.strip()
