"""What partners call the columns we know, in six languages, as ``files.columns.header_key`` writes it."""

# A number column's name is a lead (or none) and a noun, as one word, and perhaps a rank: ``N° de portable``,
# ``Tel 2``.
_NUMBER_LEADS = "n no nr num numero number nde node numde numerode numerodu ndu numerodi numerodel"
_NUMBER_NOUNS = """
    msisdn e164 gsm
    telephone tel portable telportable telmobile telgsm telephoneportable telephonemobile
    phone mobile phonenumber mobilephone mobilenumber mobilephonenumber telephonenumber telno
    cell cellphone cellnumber cellphonenumber
    movil telefono telefonomovil celular telefonocelular
    cellulare telefonino telefonocellulare
    handy handynr handynummer telefon telefonnr telefonnummer rufnummer
    mobil mobilnr mobilnummer mobiltelefon mobiltelefonnummer mobilfunknummer mobilrufnummer
    mobiel mobielnummer mobielnr mobielenummer mobieltelefoonnummer telefoon telefoonnr telefoonnummer
    gsmnummer gsmnr
"""
_NUMBER_ALONE = "numero number nummer num"

_FIELD_WORDS = {
    "first_name": """
        firstname givenname forename prenom prenoms nombre nome vorname rufname voornaam
    """,
    "last_name": """
        lastname surname familyname nom nomdefamille nomclient apellido apellidos cognome
        nachname familienname zuname achternaam familienaam
    """,
    "postcode": """
        postcode postalcode zip zipcode codepostal codepost cp cpostal codigopostal codpostal
        cap codicepostale codiceavviamentopostale plz postleitzahl
    """,
    "consent_at": """
        consentat consentdate dateofconsent optinat optindate
        dateconsentement datedeconsentement dateduconsentement consentele dateoptin datedoptin
        fechaconsentimiento fechadeconsentimiento dataconsenso datadelconsenso
        einwilligungsdatum einwilligungam toestemmingsdatum
    """,
    "consent_source": """
        consentsource sourceofconsent optinsource
        sourceconsentement sourceduconsentement origineconsentement origineduconsentement sourceoptin
        origenconsentimiento origendelconsentimiento fonteconsenso fontedelconsenso
        einwilligungsquelle bronvantoestemming toestemmingsbron
    """,
    "last_active_at": """
        lastactiveat lastactive lastactivity lastactivitydate lastorder lastorderdate lastpurchase lastpurchasedate
        derniereactivite datederniereactivite dernierachat datedernierachat datedudernierachat dernierecommande
        datedernierecommande ultimacompra fechaultimacompra ultimoacquisto dataultimoacquisto
        letzterkauf letztebestellung laatsteaankoop laatstebestelling
    """,
    "birthday": """
        birthday birthdate dateofbirth dob naissance datenaissance datedenaissance anniversaire
        fechanacimiento fechadenacimiento cumpleanos datanascita datadinascita compleanno
        geburtsdatum geburtstag geboortedatum verjaardag
    """,
}

NUMBER_NAMES = frozenset(
    [lead + noun for lead in ["", *_NUMBER_LEADS.split()] for noun in _NUMBER_NOUNS.split()] + _NUMBER_ALONE.split()
)
FIELD_NAMES: dict[str, str] = {name: field for field, words in _FIELD_WORDS.items() for name in words.split()}

# Of opt-out files only: when the person said so, and where.
_OPT_OUT_DATE_WORDS = """
    date optedoutat optoutat optoutdate dateofoptout unsubscribedat unsubscribedate stopat stopdate saidat
    datestop datedestop datedustop dateoptout datedesinscription datededesinscription datedopposition
    dateopposition desinscritle fechabaja fechadebaja datadisiscrizione datadidisiscrizione abmeldedatum
    abgemeldetam datum afmelddatum afgemeldop
"""
_OPT_OUT_SOURCE_WORDS = """
    source channel origin origine canal provenance optoutsource sourcestop motif canale fuente origen quelle
    kanal bron kanaal
"""
OPT_OUT_DATE_NAMES = frozenset(_OPT_OUT_DATE_WORDS.split())
OPT_OUT_SOURCE_NAMES = frozenset(_OPT_OUT_SOURCE_WORDS.split())
