"""Which column is the number, and what the others are called."""

import pytest

from campanile.files.parsing.column_mapping import field_name, is_number_name, map_columns
from campanile.sms.errors import ContactFileError


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Téléphone", id="French"),
        pytest.param("TELEPHONE PORTABLE", id="French in capitals"),
        pytest.param("N° de téléphone", id="French with a number sign"),
        pytest.param("Numéro de portable", id="French in words"),
        pytest.param("Tél.", id="French shortened"),
        pytest.param("tel_mobile", id="underscore"),
        pytest.param("Tel 2", id="a rank"),
        pytest.param("  Portable ", id="outer spaces"),
        pytest.param("Te\u0301le\u0301phone", id="accents apart from their letters"),
        pytest.param("numero", id="just number"),
        pytest.param("GSM", id="as in Belgium"),
        pytest.param("MSISDN", id="as operators say"),
        pytest.param("phoneNumber", id="as programmers say"),
        pytest.param("Mobile number", id="English"),
        pytest.param("Cell phone", id="American"),
        pytest.param("Móvil", id="Spanish"),
        pytest.param("Teléfono móvil", id="Spanish in words"),
        pytest.param("Cellulare", id="Italian"),
        pytest.param("Numero di telefono", id="Italian in words"),
        pytest.param("Handy", id="German"),
        pytest.param("Handy-Nr.", id="German shortened"),
        pytest.param("Mobilfunknummer", id="German in full"),
        pytest.param("Mobiel nummer", id="Dutch"),
        pytest.param("GSM-nummer", id="Flemish"),
    ],
)
def test_a_number_column_is_known_by_its_name(name: str) -> None:
    assert is_number_name(name)


@pytest.mark.parametrize(
    "name",
    ["N° client", "Numéro client", "Téléphone fixe", "Nom", "Mobilité", "Portabilité", "order number", "", "2"],
)
def test_another_column_is_no_number_column(name: str) -> None:
    assert not is_number_name(name)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        pytest.param("Prénom", "first_name", id="French first name"),
        pytest.param("Nom", "last_name", id="French last name"),
        pytest.param("Code postal", "postcode", id="French postcode"),
        pytest.param("PLZ", "postcode", id="German postcode"),
        pytest.param("Vorname", "first_name", id="German first name"),
        pytest.param("Cognome", "last_name", id="Italian last name"),
        pytest.param("Achternaam", "last_name", id="Dutch last name"),
        pytest.param("Date de naissance", "birthday", id="birthday"),
        pytest.param("Date du consentement", "consent_at", id="consent date"),
        pytest.param("Date du dernier achat", "last_active_at", id="last purchase"),
        pytest.param("Opt-in source", "consent_source", id="consent source"),
        pytest.param("N° adhérent", "n_adherent", id="number sign"),
        pytest.param("Cœur de cible", "coeur_de_cible", id="ligature"),
        pytest.param("2e prénom", "file_2e_prenom", id="starts with a digit"),
        pytest.param("msisdn d'origine", "msisdn_d_origine", id="apostrophe"),
        pytest.param("row_number", "file_row_number", id="a name of ours"),
        pytest.param("Город", "город", id="another script"),
        pytest.param("***", "column_2", id="no letter at all"),
    ],
)
def test_each_column_becomes_a_merge_field(name: str, field: str) -> None:
    assert map_columns(["Mobile", name]).fields[1] == field


def test_a_field_name_is_stable() -> None:
    assert field_name(field_name("Date d’entrée (JJ/MM)")) == "date_d_entree_jj_mm"


def test_columns_overrides_the_tables() -> None:
    header = ["Tel 1", "Tel 2", "Usage", "Prénom"]
    layout = map_columns(header, {"msisdn": "Tel 2", "first_name": "usage"})
    assert layout.number == 1
    assert layout.fields == {0: "tel_1", 1: "msisdn", 2: "first_name", 3: "prenom"}


def test_a_number_column_by_any_name_can_be_chosen() -> None:
    assert map_columns(["Contact", "Nom"], {"msisdn": "Contact"}).number == 0


@pytest.mark.parametrize(
    ("header", "columns", "words"),
    [
        pytest.param(["Nom", "Ville"], None, ["no number column", "'Nom', 'Ville'"], id="no number column"),
        pytest.param(["Tel 1", "Tel 2", "Nom"], None, ["two", "'Tel 1', 'Tel 2'", "'Nom'"], id="two number columns"),
        pytest.param(["Téléphone", "Portable"], None, ["two", "'Téléphone', 'Portable'"], id="two different names"),
        pytest.param(["Mobile", "Nom", "Nom"], None, ["twice", "'Nom'"], id="the same name twice"),
        pytest.param(["Mobile", "CP", "Code postal"], None, ["'CP', 'Code postal'", "'postcode'"], id="two postcodes"),
        pytest.param(["Mobile", "Nom"], {"msisdn": "Tel"}, ["'Tel'", "0 times", "'Mobile', 'Nom'"], id="not there"),
        pytest.param(["Mobile", "Nom"], {"Nom": "nom"}, ["'Nom'", "allowed"], id="mapping upside down"),
        pytest.param(["Mobile", "Nom"], {"raw_line": "Nom"}, ["'raw_line'", "allowed"], id="a name of ours"),
        pytest.param(["Mobile", "Nom"], {"a": "Nom", "b": "Nom"}, ["one column to two fields"], id="one for two"),
        pytest.param(["Mobile"] + ["x"] * 20_000, None, ["20001 columns", "16384"], id="more columns than Excel"),
        pytest.param(["0612345678", "Prune"], None, ["no header", "column 1"], id="no header"),
        pytest.param(["Prune", "+33 6 12 34 56 78"], None, ["no header", "column 2"], id="no header, number second"),
    ],
)
def test_a_header_that_leaves_a_doubt_is_refused(
    header: list[str], columns: dict[str, str] | None, words: list[str]
) -> None:
    with pytest.raises(ContactFileError) as caught:
        map_columns(header, columns)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert "0612345678" not in message


def test_a_very_wide_header_makes_a_short_message() -> None:
    with pytest.raises(ContactFileError) as caught:
        map_columns([f"Champ {n} {'x' * 500}" for n in range(2_000)])
    assert len(str(caught.value)) < 4_000
