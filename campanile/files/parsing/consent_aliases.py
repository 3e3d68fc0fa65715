"""What exports call the columns that say whether a person agreed to marketing by SMS, and what stands in them.

A name is known when it is made of these words alone, as ``column_mapping.header_key`` writes it: ``Accepts SMS
Marketing``, ``Accord SMS``, ``HasOptedOutOfSMS``. A word of another channel (e-mail, post) makes it unknown.
"""

import re

_CHANNELS = "sms texto textos textmessages textmessage text mobile gsm phone"
_PURPOSES = (
    "marketing commercial commerciale commerciaux publicitaire publicitaires promotionnel promo rgpd gdpr dsgvo avg"
)
_PARTICLES = """
    pour par de des du d les le la l un une a au aux to for of the from by via per il lo di del para por el al fur zum
    der die das voor van het is has client customer contact person personne recevoir receive receiving status statut
    state etat flag value
"""
# Words that say enough by themselves.
_CONSENT = """
    consent consented consents consentement consentements consentie accord accordes accorde optin optedin
    consenso consensi consentimiento consentimento einwilligung eingewilligt zustimmung toestemming
"""
# Words that need a channel or a purpose beside them: an ``Abonné`` may have subscribed to a magazine.
_CONSENT_BESIDE = """
    accept accepts accepted accepte acceptee acceptes acceptation acepta acepto accetta autorise autorisation
    permission subscribed subscribe subscriber subscription abonne abonnee abonnement inscrit inscription ok allowed
    allow can souhaite
"""
_OPT_OUT = """
    optout optedout unsubscribed unsubscribe unsubscription desabonne desabonnee desabonnement desinscrit desinscrite
    desinscription donotsms donottext donotcontact dontcontact nepascontacter neplascontacter opposition nosms
    passms pasdesms blacklisted blacklist blackliste listenoire abgemeldet abmeldung widerruf widerrufen widerspruch
    widersprochen uitgeschreven afgemeld disiscritto disiscrizione revoked withdrawn retire
"""
_OPT_OUT_BESIDE = "stop refus refuse refused refuses oppose declined denied baja blocked bloque exclu excluded"
_WITH_PURPOSE = "statusmarketing statutmarketing marketingstatus marketingstatut"

_YES = """
    yes y oui o si s ja j da sim true t vrai wahr vero verdadero waar 1 x v ok on checked coche accept accepted accepte
    acceptee agreed agree given granted donne accorde
"""
_NO = "no n non nein nee false f faux falsch falso onwaar 0 off unchecked"
_IN = """
    subscribed subscriber optin optedin doubleoptin singleoptin confirmed abonne abonnee inscrit inscrite
    eingewilligt aangemeld
"""
_OUT = """
    unsubscribed neversubscribed notsubscribed nonsubscribed optout optedout desabonne desabonnee nonabonne desinscrit
    desinscrite noninscrit stop refus refuse refusee refused declined denied revoked withdrawn blacklisted abgemeldet
    uitgeschreven disiscritto
"""


def _words(*texts: str) -> list[str]:
    return sorted({word for text in texts for word in text.split()}, key=len, reverse=True)


def _all_of(*texts: str) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(_words(*texts))})+")


_BESIDES = (_CHANNELS, _PURPOSES)
_KNOWN = _all_of(*_BESIDES, _PARTICLES, _CONSENT, _CONSENT_BESIDE, _OPT_OUT, _OPT_OUT_BESIDE)
_HAS = {
    "consent": re.compile("|".join(_words(_CONSENT, _WITH_PURPOSE))),
    "consent beside": re.compile("|".join(_words(_CONSENT_BESIDE))),
    "opt-out": re.compile("|".join(_words(_OPT_OUT))),
    "opt-out beside": re.compile("|".join(_words(_OPT_OUT_BESIDE))),
    "beside": re.compile("|".join(_words(*_BESIDES))),
}
_LOOKS_LIKE = re.compile(
    "consent|consens|optin|optout|optedin|optedout|acceptsm|acceptem|accepte|acceptation|accord|subscri|abonn|rgpd|gdpr"
    "|dsgvo|lopd|stopsms|stoppub|smsstop|blacklist|listenoire|blackliste|donot|marketing|newsletter|einwillig|zustimm"
    "|toestemm|desinscr|opposition|permission|refus|smsstatus|statutsms|nepas"
)
_FULL_YES, _FULL_NO, _FULL_IN, _FULL_OUT = (frozenset(words.split()) for words in (_YES, _NO, _IN, _OUT))
CONSENT_WORDS = _FULL_YES | _FULL_IN
NO_OPT_OUT_WORDS = _FULL_NO | _FULL_IN
KNOWN_WORDS = _FULL_YES | _FULL_NO | _FULL_IN | _FULL_OUT


def is_consent_key(key: str) -> bool:
    """Tell whether a column with this header key says who agreed."""
    return not is_opt_out_key(key) and _is_made_of(key, "consent")


def is_opt_out_key(key: str) -> bool:
    """Tell whether a column with this header key says who wants no messages."""
    return _is_made_of(key, "opt-out")


def looks_like_consent(key: str) -> bool:
    """Tell whether a header key has a word of consent in it, known or not."""
    return bool(_LOOKS_LIKE.search(key))


def _is_made_of(key: str, kind: str) -> bool:
    if not _KNOWN.fullmatch(key):
        return False
    is_beside = _HAS[f"{kind} beside"].search(key) and _HAS["beside"].search(key)
    return bool(_HAS[kind].search(key) or is_beside)
