"""How a language writes numbers and dates in a sheet: what stands between digits, and the names of months and days."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, eq=False)
class Locale:
    """What a sheet shows in one language and country.

    Attributes:
        language: two letters, as in ISO 639-1.
        decimal: between units and decimals.
        group: between thousands; a plain space where the language has a no-break one, which costs more in an SMS.
        date_separator: what ``/`` of a date format becomes.
        short_date: the format code of a short date.
        currency: the format code of an amount; ``0.00`` stands for the digits. "" is not known.
        months: their names, from January.
        short_months: their short names.
        days: their names, from Monday.
        truths: what false and true are called.
    """

    language: str
    decimal: str
    group: str
    date_separator: str
    short_date: str
    currency: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    days: tuple[str, ...]
    truths: tuple[str, str]

    @property
    def short_days(self) -> tuple[str, ...]:
        """The short names of days, from Monday."""
        return tuple(day[: 2 if self.language in ("de", "nl") else 3] for day in self.days)


def _locale(
    language: str, signs: str, short_date: str, currency: str, months: str, short_months: str, days: str, truths: str
) -> Locale:
    no, yes = truths.split()
    return Locale(
        language,
        signs[0],
        signs[1],
        signs[2],
        short_date,
        currency,
        tuple(months.split()),
        tuple(short_months.split()),
        tuple(days.split()),
        (no, yes),
    )


LOCALES: dict[str, Locale] = {
    found.language: found
    for found in (
        _locale(
            "fr",
            ", /",
            "dd/mm/yyyy",
            '0.00 "€"',
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
            "janv févr mars avr mai juin juil août sept oct nov déc",
            "lundi mardi mercredi jeudi vendredi samedi dimanche",
            "FAUX VRAI",
        ),
        _locale(
            "en",
            ".,/",
            "dd/mm/yyyy",
            '"£"0.00',
            "January February March April May June July August September October November December",
            "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
            "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
            "FALSE TRUE",
        ),
        _locale(
            "de",
            ",..",
            "dd.mm.yyyy",
            '0.00 "€"',
            "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
            "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
            "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
            "FALSCH WAHR",
        ),
        _locale(
            "es",
            ",./",
            "dd/mm/yyyy",
            '0.00 "€"',
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
            "ene feb mar abr may jun jul ago sep oct nov dic",
            "lunes martes miércoles jueves viernes sábado domingo",
            "FALSO VERDADERO",
        ),
        _locale(
            "it",
            ",./",
            "dd/mm/yyyy",
            '0.00 "€"',
            "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
            "gen feb mar apr mag giu lug ago set ott nov dic",
            "lunedì martedì mercoledì giovedì venerdì sabato domenica",
            "FALSO VERO",
        ),
        _locale(
            "nl",
            ",.-",
            "d-m-yyyy",
            '"€" 0.00',
            "januari februari maart april mei juni juli augustus september oktober november december",
            "jan feb mrt apr mei jun jul aug sep okt nov dec",
            "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
            "ONWAAR WAAR",
        ),
        _locale(
            "pt",
            ", /",
            "dd/mm/yyyy",
            '0.00 "€"',
            "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
            "jan fev mar abr mai jun jul ago set out nov dez",
            "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
            "FALSO VERDADEIRO",
        ),
    )
}
_FRENCH = "FR BE LU MC GP GF MQ RE YT PM BL MF NC PF WF"
_LANGUAGES = {
    "fr": _FRENCH,
    "de": "DE AT",
    "es": "ES",
    "it": "IT SM VA",
    "nl": "NL",
    "pt": "PT",
    "en": "GB IE",
}
_BY_REGION = {region: LOCALES[language] for language, regions in _LANGUAGES.items() for region in regions.split()} | {
    "CH": replace(LOCALES["fr"], decimal=".", group="’", date_separator=".", short_date="dd.mm.yyyy", currency=""),
    "IE": replace(LOCALES["en"], currency='"€"0.00'),
    "US": replace(LOCALES["en"], short_date="m/d/yyyy", currency='"$"0.00'),
}
_NOT_KNOWN = replace(LOCALES["en"], currency="")
_PRIMARY = {0x07: "de", 0x09: "en", 0x0A: "es", 0x0C: "fr", 0x10: "it", 0x13: "nl", 0x16: "pt"}
_LCID_OF_US = 0x409


def locale_of_region(region: str) -> Locale:
    """Return how the sheets of a country are written; of one that is not known, as in English, without a currency."""
    return _BY_REGION.get(region, _NOT_KNOWN)


def locale_of_tag(tag: str) -> Locale | None:
    """Return the locale of ``fr-FR`` or of a Windows number such as ``40C``; None when it is not known.

    >>> locale_of_tag("40C").language, locale_of_tag("de-AT").language, locale_of_tag("411")
    ('fr', 'de', None)
    """
    language, _, country = tag.partition("-")
    if language.lower() in LOCALES:
        return _BY_REGION["US"] if (language.lower(), country) == ("en", "US") else LOCALES[language.lower()]
    try:
        number = int(tag, 16) & 0xFFFF
    except ValueError:
        return None
    return _BY_REGION["US"] if number == _LCID_OF_US else LOCALES.get(_PRIMARY.get(number & 0x3FF, ""))
