"""What partners call the columns we know, in seven languages, as ``column_mapping.header_key`` writes it."""

import re

# A number column's name is made of these words alone, one of which is a kind of phone: ``N° de portable``, ``Tel 2``,
# ``Billing Phone``, ``Phone 1 - Value``.
_MOBILE_WORDS = """
    portable portables mobile mobiles gsm cell cellphone cellular cellulare telefonino movil celular telemovel
    handy handynummer mobil mobilnummer mobiltelefon mobilfunk mobilfunknummer mobilruf mobilrufnummer mobiel
    mobielnummer mobielenummer mobieltelefoon sms
"""
_PHONE_WORDS = """
    msisdn telephone telephones tel phone phones telefono telefone telefon telefoon ruf rufnummer telefonnummer
    telefoonnummer
"""
_BESIDE_PHONE = """
    numero number nummer num no nr n de du d des di del der della le la value client clients cliente contact contacts
    contatto contacto customer kunde kunden klant person personne persona personal perso personnel primary principal
    main billing facturation fatturazione user utilisateur urn member membre adherent patient participant destinataire
    recipient abonne abonnee
"""
# Addresses beside the person's own: another column with a phone is taken first.
_OF_ADDRESS = "default address adresse shipping livraison delivery secondary secondaire other autre"
_NUMBER_ALONE = "numero number nummer num e164"

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


def _made_of(*texts: str) -> str:
    words = sorted({word for text in texts for word in text.split()}, key=len, reverse=True)
    return f"(?:{'|'.join(words)})"


_PHONE_NAME = re.compile(f"{_made_of(_MOBILE_WORDS, _PHONE_WORDS, _BESIDE_PHONE, _OF_ADDRESS)}+")
_HAS_MOBILE, _HAS_PHONE, _HAS_ADDRESS = (
    re.compile(_made_of(words)) for words in (_MOBILE_WORDS, _PHONE_WORDS, _OF_ADDRESS)
)
_NO_DIGITS = dict.fromkeys(map(ord, "0123456789"))
_ALONE = frozenset(_NUMBER_ALONE.split())
MOBILE, PHONE, PHONE_OF_ADDRESS = range(3)


def number_rank(key: str) -> int | None:
    """Return what number a column holds by its header key, digits aside; the likeliest mobile first; None: none."""
    if key in _ALONE:
        return PHONE
    key = key.translate(_NO_DIGITS)
    if not _PHONE_NAME.fullmatch(key) or not (_HAS_MOBILE.search(key) or _HAS_PHONE.search(key)):
        return None
    if _HAS_ADDRESS.search(key):
        return PHONE_OF_ADDRESS
    return MOBILE if _HAS_MOBILE.search(key) else PHONE


# Dates that tell when a person last gave a sign of life -> the merge field that has the same as an ISO day.
ACTIVITY_DAYS = {"consent_at": "consent_on", "last_active_at": "last_active_on"}

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
# Of files of replies only: who wrote, what, when, and the provider's id. Of several senders the first word counts.
_REPLY_SENDER_WORDS = """
    sender from fromnumber sendernumber originator source mo moaddress expediteur emetteur numeroexpediteur
    remitente mittente absender afzender remetente de
"""
_REPLY_TEXT_WORDS = """
    text message body content reply replytext messagetext smstext messagebody texte contenu reponse sms texto mensaje
    testo messaggio nachricht inhalt antwort tekst bericht inhoud mensagem
"""
_REPLY_TIME_WORDS = """
    receivedat received receivedtime receiveddate datereceived timereceived timestamp datetime date time sentat
    datesent creationdatetime createdat recule recua datereception datedereception dateheure heure horodatage
    fecha fecharecepcion fechahora data dataora dataricezione datum zeit empfangenam eingang ontvangen ontvangenop
"""
_REPLY_ID_WORDS = """
    id messageid replyid sid messagesid smsid moid gatewayid gatewayreplyid identifiant reference uuid
"""
REPLY_SENDER_NAMES = tuple(_REPLY_SENDER_WORDS.split())
REPLY_TEXT_NAMES = tuple(_REPLY_TEXT_WORDS.split())
REPLY_TIME_NAMES = tuple(_REPLY_TIME_WORDS.split())
REPLY_ID_NAMES = tuple(_REPLY_ID_WORDS.split())

OPT_OUT_DATE_NAMES = frozenset(_OPT_OUT_DATE_WORDS.split())
OPT_OUT_SOURCE_NAMES = frozenset(_OPT_OUT_SOURCE_WORDS.split())
