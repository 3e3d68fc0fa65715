"""Findings of the linter on a text: their messages, and the savings that they name."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from campanile.sms.text.lint_finding import SEVERITIES, Leftover, LintFinding, Saving, SizeCount, Subject
from campanile.sms.text.linter import lint
from campanile.sms.text.template import parse_template

PLAIN = Subject(
    template=parse_template("Bonjour, votre commande est prête."),
    kind="marketing",
    sender_id="MABOUTIQUE",
    brand="Ma Boutique",
    replace_characters="off",
    stop_mentions=[" STOP au 36180"],
    forbids_links=False,
    sizes=[SizeCount("GSM-7", 49, 1, 1_000, Decimal("48.5"))],
    forcing={},
    savings={},
    longest_values={},
    segment_price=Decimal("0.0485"),
    unit="EUR",
)


def subject(text: str | None = None, **changes: Any) -> Subject:
    template = {} if text is None else {"template": parse_template(text)}
    return replace(PLAIN, **template, **changes)


def finding(code: str, given: Subject) -> LintFinding:
    (found,) = [found for found in lint(given) if found.code == code]
    return found


def codes(given: Subject) -> list[str]:
    return [found.code for found in lint(given)]


def test_a_plain_text_has_no_finding() -> None:
    assert lint(PLAIN) == []


UCS2_SIZES = [
    SizeCount("GSM-7", 120, 1, 400, Decimal("19.4")),
    SizeCount("UCS-2", 80, 2, 400, Decimal("38.8")),
    SizeCount("UCS-2", 140, 3, 200, Decimal("29.1")),
]
SAVINGS = {"typography": Saving(400, 400, Decimal("19.4")), "accents": Saving(600, 800, Decimal("38.80"))}


def test_characters_that_force_ucs2_are_named_and_priced() -> None:
    found = finding("ucs2", subject(sizes=UCS2_SIZES, forcing={"ç": 200, "’": 600, "\u00a0": 1}, savings=SAVINGS))
    assert found == LintFinding(
        "ucs2",
        "costs",
        "« ’ » (U+2019), « ç » (U+00E7) and no-break space (U+00A0) allow only 70 characters a segment instead of 160 "
        "in 600 messages; replace_characters: typography would save 19.40 EUR, accents would save 38.80 EUR.",
        message_count=600,
        segment_count=800,
        price=Decimal("38.8"),
    )


def test_a_level_that_saves_nothing_is_not_offered() -> None:
    savings = {"accents": SAVINGS["accents"], "typography": Saving(0, 0, Decimal())}
    words = finding("ucs2", subject(sizes=UCS2_SIZES, forcing={"ç": 600}, savings=savings)).words
    assert words.endswith("; replace_characters: accents would save 38.80 EUR.")


CHARACTERS = [
    pytest.param("👍", "« 👍 » (U+1F44D)", id="emoji"),
    pytest.param("\t", "tab (U+0009)", id="tab"),
    pytest.param("\u200b", "zero width space (U+200B)", id="no width"),
    pytest.param("\u0301", "combining acute accent (U+0301)", id="mark"),
    pytest.param("\x01", "a character without name (U+0001)", id="control"),
    pytest.param("\ud83d", "a character without name (U+D83D)", id="half a pair"),
]


@pytest.mark.parametrize(("character", "name"), CHARACTERS)
def test_invisible_characters_are_named(character: str, name: str) -> None:
    words = finding("ucs2", subject(sizes=[SizeCount("UCS-2", 9, 1, 1, Decimal(1))], forcing={character: 1})).words
    assert words == f"{name} allows only 70 characters a segment instead of 160 in 1 message; " + (
        "that costs nothing here: without them there would be as many segments."
    )


def test_what_nothing_replaces_still_costs() -> None:
    sizes = [SizeCount("UCS-2", 120, 2, 100, Decimal("9.7"))]
    found = finding("ucs2", subject(sizes=sizes, forcing={"👍": 100}))
    assert found.words.endswith("; nothing replaces them; without them about 4.85 EUR less would be paid.")
    assert (found.severity, found.price) == ("costs", Decimal("4.85"))


def test_what_costs_nothing_is_only_advice() -> None:
    found = finding("ucs2", subject(sizes=[SizeCount("UCS-2", 60, 1, 100, Decimal("4.85"))], forcing={"👍": 100}))
    assert (found.severity, found.price) == ("advice", Decimal(0))


def test_only_the_most_frequent_characters_are_named() -> None:
    forcing = {character: number for number, character in enumerate("çêâîôûëïœ", start=1)}
    words = finding("ucs2", subject(sizes=UCS2_SIZES, forcing=forcing)).words
    assert words.startswith("« œ » (U+0153), « ï » (U+00EF), ")
    assert " and « î » (U+00EE) (and 3 more) allow only " in words


def test_long_messages_are_priced_and_the_excess_is_given() -> None:
    found = finding("over_one_segment", subject(sizes=UCS2_SIZES, forcing={"ç": 600}, savings=SAVINGS))
    assert found == LintFinding(
        "over_one_segment",
        "costs",
        "600 of 1 000 messages do not fit in one segment, which costs 38.80 EUR more; "
        "10 characters less would make half of them fit, 70 characters less would make them all fit.",
        message_count=600,
        segment_count=800,
        price=Decimal("38.8"),
    )


CUTS = [
    pytest.param([(161, 2, 1)], "1 of 1 message does not fit", "; 1 character less would make it fit.", id="one"),
    pytest.param(
        [(165, 2, 9), (150, 1, 9)], "9 of 18 messages do", "; 5 characters less would make them all fit.", id="all"
    ),
    pytest.param(
        [(170, 2, 3), (165, 2, 3)], "6 of 6", "; 5 characters less would make half of them", id="exactly half"
    ),
    pytest.param(
        [(170, 2, 4), (165, 2, 3)], "7 of 7", "; 10 characters less would make them all fit.", id="less than half"
    ),
]


@pytest.mark.parametrize(("rows", "start", "cut"), CUTS)
def test_what_to_cut_depends_on_the_longest_and_on_the_middle(
    rows: list[tuple[int, int, int]], start: str, cut: str
) -> None:
    sizes = [SizeCount("GSM-7", units, parts, count, Decimal(parts * count)) for units, parts, count in rows]
    words = finding("over_one_segment", subject(sizes=sizes)).words
    assert words.startswith(start)
    assert cut in words


WORST = [
    pytest.param(
        "{name} " + "a" * 140, {"name": "b" * 10}, "off", "165 characters, 2 segments, up to 0.097 EUR", id="long"
    ),
    pytest.param(
        "{name} " + "a" * 100, {"name": "ç"}, "off", "116 characters, 2 segments, up to 0.097 EUR", id="ç in a name"
    ),
    pytest.param("{name|cher client}" + "a" * 150, {}, "off", "175 characters, 2 segments", id="the default"),
]


@pytest.mark.parametrize(("text", "values", "level", "words"), WORST)
def test_the_longest_values_make_the_worst_case(text: str, values: dict[str, str], level: str, words: str) -> None:
    assert words in finding("worst_case", subject(text, longest_values=values, replace_characters=level)).words


NO_WORST = [
    pytest.param({"text": "a" * 300}, id="no field"),
    pytest.param({"text": "{name} a", "longest_values": {"name": "b" * 100}}, id="one segment"),
    pytest.param({"text": "{name} " + "a" * 300}, id="no value at all"),
    pytest.param(
        {"text": "{name} " + "a" * 100, "longest_values": {"name": "ç"}, "replace_characters": "accents"}, id="replaced"
    ),
]


@pytest.mark.parametrize("changes", NO_WORST)
def test_there_is_no_worst_case(changes: dict[str, Any]) -> None:
    assert "worst_case" not in codes(subject(**changes))


# Findings on words only: the message, or None.
WORDS = [
    pytest.param(
        "outer_spaces", {"text": " Bonjour \n"},
        "The text starts with 1 blank and ends with 2 blanks, which count and cannot be seen.", id="blanks",
    ),
    pytest.param("outer_spaces", {"text": "Bonjour "}, "ends with 1 blank, which counts and", id="blank at the end"),
    pytest.param("outer_spaces", {"text": "Bonjour {name}"}, None, id="a field at the end"),
    pytest.param(
        "link_refused", {"text": "Voir exemple.fr", "sender_id": "36184", "forbids_links": True},
        "The gateway blocks links in texts from 36184: take exemple.fr out or sign with a name.", id="link",
    ),
    pytest.param(
        "link_refused", {"text": "Voir {url}", "longest_values": {"url": "exemple.fr/a"}, "forbids_links": True},
        "take exemple.fr out", id="link in a field",
    ),
    pytest.param("link_refused", {"text": "Voir exemple.fr"}, None, id="links are allowed"),
    pytest.param("link_refused", {"text": "Voir contact@exemple.fr", "forbids_links": True}, None, id="no link"),
    pytest.param("link_shortener", {"text": "Vite : https://bit.ly/3xY"}, "mistrust them: bit.ly", id="shortener"),
    pytest.param("link_shortener", {"text": "Vite : exemple.fr/3xY"}, None, id="own site"),
    pytest.param(
        "no_brand", {"sender_id": "36184"},
        "The sender 36184 is a number and the text does not name Ma Boutique: people do not know who writes.",
        id="no brand",
    ),
    pytest.param("no_brand", {"sender_id": "36184", "brand": None}, "name your brand in the text", id="brand not set"),
    pytest.param("no_brand", {"sender_id": "36184", "text": "MA-BOUTIQUE : ouvert"}, None, id="brand in the text"),
    pytest.param("no_brand", {"brand": None}, None, id="the sender is a name"),
    pytest.param("capitals", {"text": "VENEZ TOUS DEMAIN chez nous"}, "3 of 5 words are in CAPITALS", id="capitals"),
    pytest.param("capitals", {"text": "VENEZ TOUS chez nous"}, None, id="two words"),
    pytest.param("capitals", {"text": "TVA SNCF RATP " + "mot " * 20}, None, id="a few acronyms"),
    pytest.param(
        "promotional_alert", {"text": "SOLDES : -20 % !", "kind": "alert"},
        "« SOLDES » and « -20 % » in an alert: confirm that it advertises nothing, or make it marketing.",
        id="promotion",
    ),
    pytest.param("promotional_alert", {"text": "SOLDES : -20 % !"}, None, id="marketing may advertise"),
    pytest.param("promotional_alert", {"text": "Coupure d’eau demain", "kind": "alert"}, None, id="a true alert"),
    pytest.param(
        "double_stop", {"text": "Bonjour. STOP au 36111"},
        "The text says how to opt out and « STOP au 36180 » is added to it: take your own out.", id="two STOPs",
    ),
    pytest.param("double_stop", {"text": "Bonjour. STOP au 36180"}, None, id="the very mention, typed"),
    pytest.param(
        "double_stop", {"text": "Bonjour. STOP au 36180", "stop_mentions": [" STOP au 36180", " STOP au 36789"]},
        "« STOP au 36789 » is added", id="the mention of another territory",
    ),
    pytest.param("double_stop", {"text": "Bonjour. STOP au 36111", "stop_mentions": [""]}, None, id="none is added"),
    pytest.param("double_stop", {"text": "Ouvert non-stop"}, None, id="non-stop"),
    pytest.param(
        "double_stop", {"text": "Bonjour. STOP au 36180 "},
        "« STOP au 36180 » is added", id="the very mention, and a blank",
    ),
    pytest.param(
        "no_stop", {"stop_mentions": [""]},
        "The text does not say how to stop these messages; French law requires it in each: add it.", id="no STOP",
    ),
    pytest.param(
        "no_stop", {"stop_mentions": ["", " STOP au 36789"]}, "For some countries the text does not say how to stop",
        id="a STOP for some territories only",
    ),
    pytest.param("no_stop", {"stop_mentions": [""], "text": "Soldes. Répondez STOP"}, None, id="a STOP of their own"),
    pytest.param("no_stop", {"stop_mentions": [""], "text": "STOP aux prix fous"}, "does not say how", id="a slogan"),
    pytest.param("no_stop", {"stop_mentions": [""], "kind": "alert"}, None, id="alerts need none"),
    pytest.param("no_stop", {}, None, id="the gateway's STOP"),
    pytest.param("no_stop", {"stop_mentions": [], "sizes": []}, None, id="no recipient"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "changes", "words"), WORDS)
def test_the_words_of_a_text_are_looked_at(code: str, changes: dict[str, Any], words: str | None) -> None:
    given = subject(**changes)
    if words is None:
        assert code not in codes(given)
    else:
        assert words in finding(code, given).words


def test_refused_comes_first_then_the_most_expensive_then_advice() -> None:
    given = subject(
        " Voir exemple.fr {name|client}" + "a" * 130,
        forbids_links=True,
        sizes=UCS2_SIZES,
        forcing={"ç": 600},
        savings={"accents": Saving(600, 700, Decimal("33.95"))},
    )
    found = lint(given)
    assert [(finding.code, finding.severity) for finding in found] == [
        ("link_refused", "refused"),
        ("over_one_segment", "costs"),
        ("ucs2", "costs"),
        ("outer_spaces", "advice"),
        ("worst_case", "advice"),
    ]
    assert {finding.severity for finding in found} == set(SEVERITIES)


def test_a_campaign_without_messages_has_no_figures_to_speak_of() -> None:
    assert lint(subject("Bonjour {name}", sizes=[])) == []


def test_a_merge_field_of_another_tool_is_refused_until_it_is_confirmed() -> None:
    given = subject("Bonjour {{prenom}}", placeholders=["{{prenom}}"])
    found = finding("placeholder", given)
    assert found.severity == "refused"
    assert found.words == (
        "« {{prenom}} » is a merge field of another tool: 1 000 recipients would read it, their messages cost "
        "48.50 EUR. Write {prenom}, or the name of the column; to send {{prenom}} literally, "
        "name it in literal_placeholders."
    )
    confirmed = replace(given, literal_placeholders=["{{prenom}}"])
    assert [(each.code, each.severity) for each in lint(confirmed)] == [("literal_placeholder", "advice")]
    assert "placeholder" in codes(replace(given, literal_placeholders=["{{nom}}"])), "another one was confirmed"


LEFT = [
    pytest.param("no_value", " NULL", "{name} holds what a program writes where there is no value, such as « NULL »",
                 id="NULL"),
    pytest.param("html", "Dupont &amp; fils", "{name} holds codes of a web page, such as « &amp; »", id="a web page"),
    pytest.param("quoted", ' "Zoé"', "{name} holds quotes around the value, such as « \"Zoé\" »", id="quotes"),
    pytest.param("placeholder", "*|FNAME|*", "{name} holds merge fields that another tool did not fill in, such as "
                 "« *|FNAME|* »", id="a placeholder"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "cell", "words"), LEFT)
def test_what_stays_in_cells_is_named_with_its_readers_and_price(kind: str, cell: str, words: str) -> None:
    found = finding(f"leftover_{kind}", subject(leftovers=[Leftover(kind, "name", cell, 12, Decimal("0.58"))]))
    assert found.words == (
        f"{words}: 12 recipients would read it, their messages cost 0.58 EUR. Correct the file, and import it again."
    )
    assert (found.severity, found.message_count) == ("advice", 12)


def test_invisible_characters_are_named_with_their_price() -> None:
    given = subject(leftovers=[Leftover("invisible", "name", "Zo\u200bé", 3, Decimal("0.29"))])
    found = finding("leftover_invisible", replace(given, invisible=Saving(3, 3, Decimal("0.1455"))))
    assert found.words == (
        "{name} holds invisible characters, such as zero width space (U+200B): 3 recipients would read it, "
        "their messages cost 0.29 EUR. Without them 0.1455 EUR less is paid. Correct the file, and import it again."
    )
    assert (found.severity, found.segment_count, found.price) == ("costs", 3, Decimal("0.1455"))
    assert lint(given) == [], "they were replaced"


def test_what_stays_in_a_copied_text_reaches_everybody() -> None:
    found = finding("leftover_html", subject("Soldes chez Dupont &amp; fils"))
    assert found.words.startswith("The text holds codes of a web page, such as « &amp; »: 1 000 recipients would read")
    assert found.words.endswith("Correct the text.")
