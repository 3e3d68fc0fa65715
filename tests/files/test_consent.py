"""Columns that say who agreed to marketing: known by name, read strictly, and named when they are not known."""

import json
from pathlib import Path

import duckdb
import pytest

from campanile.files.parsing.column_mapping import header_key
from campanile.files.parsing.consent_aliases import is_consent_key, is_opt_out_key
from campanile.files.parsing.consent_columns import consent_columns, may_write, unread_consent_columns
from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Accepts SMS Marketing", id="Shopify"),
        pytest.param("SMS Marketing Status", id="a status"),
        pytest.param("SMS Marketing Consent", id="Klaviyo"),
        pytest.param("Accord SMS", id="French"),
        pytest.param("Accepte de recevoir des SMS", id="French in words"),
        pytest.param("Consentement marketing SMS", id="French, long"),
        pytest.param("consent", id="one word"),
        pytest.param("opt-in", id="one word with a dash"),
        pytest.param("SMS_OPT_IN", id="capitals"),
        pytest.param("Abonné SMS", id="subscriber of text messages"),
        pytest.param("Einwilligung SMS", id="German"),
        pytest.param("Consenso marketing", id="Italian"),
        pytest.param("Toestemming voor SMS", id="Dutch"),
    ],
)
def test_a_consent_column_is_known_by_its_name(name: str) -> None:
    assert (is_consent_key(header_key(name)), is_opt_out_key(header_key(name))) == (True, False)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("opt_out", id="one word"),
        pytest.param("HasOptedOutOfSMS", id="as programs write it"),
        pytest.param("SMS Opt Out", id="English"),
        pytest.param("Désabonné SMS", id="French"),
        pytest.param("STOP SMS", id="French, short"),
        pytest.param("Refus SMS", id="French refusal"),
        pytest.param("Liste noire", id="French list"),
        pytest.param("Unsubscribed", id="one word"),
        pytest.param("SMS_BLACKLISTED", id="as a newsletter tool says"),
        pytest.param("Abgemeldet", id="German"),
    ],
)
def test_an_opt_out_column_is_known_by_its_name(name: str) -> None:
    assert (is_consent_key(header_key(name)), is_opt_out_key(header_key(name))) == (False, True)


@pytest.mark.parametrize(
    ("name", "looks_like"),
    [
        pytest.param("Accepts Email Marketing", True, id="another channel"),
        pytest.param("Newsletter", True, id="another channel in one word"),
        pytest.param("Consent comment", True, id="a word more"),
        pytest.param("Abonné", True, id="a subscriber, of what"),
        pytest.param("RGPD", True, id="a law"),
        pytest.param("Date du consentement", False, id="a date that is known"),
        pytest.param("Ville", False, id="a town"),
        pytest.param("Mobile", False, id="a number"),
        pytest.param("Remarque", False, id="a note"),
    ],
)
def test_another_column_is_not_read_and_named_if_it_looks_like_consent(name: str, looks_like: bool) -> None:
    fields = {"Date du consentement": "consent_at"}
    column_map = {name: fields.get(name, "_".join(name.lower().replace("é", "e").split()))}
    assert consent_columns(column_map) == {}
    assert unread_consent_columns(column_map) == ((name,) if looks_like else ())


@pytest.mark.parametrize(
    ("value", "agrees", "is_not_out"),
    [
        ("yes", True, False), ("Oui", True, False), ("1", True, False), ("1.0", True, False), ("VRAI", True, False),
        ("x", True, False), ("Subscribed", True, True), ("Opt-in", True, True),
        ("no", False, True), ("non", False, True), ("0", False, True), ("0.0", False, True), ("FAUX", False, True),
        ("Unsubscribed", False, False), ("never_subscribed", False, False), ("STOP", False, False),
        ("peut-être", False, False), ("2026-01-10", False, False), ("?", False, False), ("-", False, False),
    ],
)  # fmt: skip
def test_what_cannot_be_read_counts_as_no(value: str, agrees: bool, is_not_out: bool) -> None:
    assert (may_write(value, False), may_write(value, True)) == (agrees, is_not_out)


def staged_file(folder: Path, text: str, columns: dict[str, str] | None = None) -> StagedFile:
    path = folder / "clients.csv"
    path.write_text(text, "utf-8")
    (folder / "staging").mkdir()
    return stage_contact_file(StagingRequest(path, folder / "staging", "FR", None, columns))


def said(staged: StagedFile) -> list[tuple[str | None, str | None]]:
    with duckdb.connect() as engine:
        rows = engine.read_parquet(str(staged.rows)).order("row_number").project("fields").fetchall()
    return [
        (fields.get("sms_consent"), fields.get("sms_consent_by")) for (text,) in rows for fields in [json.loads(text)]
    ]


def test_each_row_says_yes_or_no_and_which_column_says_so(tmp_path: Path) -> None:
    rows = ["yes;", "no;", ";", "maybe;", "yes;0", "yes;1", "yes;who knows"]
    lines = [f"061234567{digit};{row};{digit}" for digit, row in enumerate(rows)]
    staged = staged_file(tmp_path, "\n".join(["Tel;Accepts SMS Marketing;opt_out;note", *lines, "061234;no;1;bad", ""]))
    accepts, out = "Accepts SMS Marketing", "opt_out"
    assert said(staged) == [
        ("yes", accepts), ("no", accepts), ("no", accepts), ("no", accepts), ("yes", accepts), ("no", out), ("no", out),
    ]  # fmt: skip
    consent, opt_out = staged.consent
    assert (consent.column, consent.is_opt_out, consent.may_count, consent.no_count) == (accepts, False, 4, 3)
    assert (consent.empty_count, consent.unreadable_count, consent.unreadable_examples) == (1, 1, ("maybe",))
    assert (opt_out.column, opt_out.is_opt_out, opt_out.may_count, opt_out.no_count) == (out, True, 5, 2)
    assert (opt_out.empty_count, opt_out.unreadable_count, opt_out.unreadable_examples) == (4, 1, ("who knows",))
    assert StagedFile.from_json(staged.to_json()) == staged


def test_a_person_says_which_column_it_is(tmp_path: Path) -> None:
    text = "Tel;Carte;Accord SMS\n0612345678;non;oui\n"
    staged = staged_file(tmp_path, text, {"sms_consent": "Carte", "accord": "Accord SMS"})
    assert said(staged) == [("no", "Carte")]
    assert staged.unread_consent == ()


def test_a_file_without_such_a_column_says_nothing(tmp_path: Path) -> None:
    staged = staged_file(tmp_path, "Tel;Newsletter\n0612345678;non\n")
    assert said(staged) == [(None, None)]
    assert (staged.consent, staged.unread_consent) == ((), ("Newsletter",))
