"""Texts with merge fields."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.errors import MissingField, TemplateError
from campanile.sms.text.template import Template, as_sql, check_fields, parse_template, render

PERSON = {
    "first_name": "Léa",
    "Code postal": "06000",
    "city": "Nice",
    "empty": "",
    "blank": " \u00a0",
    "tricky": "{city} {{x}} {",
}

RENDERED = [
    pytest.param("Bonjour", "Bonjour", id="no field"),
    pytest.param("", "", id="nothing"),
    pytest.param("Bonjour {first_name}", "Bonjour Léa", id="field"),
    pytest.param("{first_name}{city}", "LéaNice", id="side by side"),
    pytest.param("{ first_name }", "Léa", id="spaces around the name"),
    pytest.param("{Code postal}, {N° client|-}", "06000, -", id="the header of a column"),
    pytest.param("{nickname|cher client}", "cher client", id="missing, default"),
    pytest.param("{empty|cher client}", "cher client", id="empty counts as missing"),
    pytest.param("{blank|cher client}", "cher client", id="spaces count as missing"),
    pytest.param("{first_name|cher client}", "Léa", id="default not needed"),
    pytest.param("a{nickname|}b", "ab", id="empty default"),
    pytest.param("{nickname|a|b}", "a|b", id="bar in the default"),
    pytest.param("{{promo}}", "{promo}", id="doubled braces"),
    pytest.param("{{{first_name}}}", "{Léa}", id="field in braces"),
    pytest.param("{tricky}", "{city} {{x}} {", id="a value is never read again"),
]

MALFORMED = [
    pytest.param("Bonjour {first_name", 9, id="never closed"),
    pytest.param("Bonjour first_name}", 19, id="never opened"),
    pytest.param("{first_name}}", 13, id="closed twice"),
    pytest.param("ab{}", 3, id="empty"),
    pytest.param("ab{|x}", 3, id="default without name"),
    pytest.param("{12}", 1, id="no letter"),
    pytest.param("{_}", 1, id="no letter either"),
    pytest.param("{a|{b}}", 1, id="field in a default"),
]


@pytest.mark.parametrize(("text", "rendered"), RENDERED)
def test_a_text_is_rendered_for_a_person(text: str, rendered: str) -> None:
    assert render(text, PERSON) == rendered
    assert render(parse_template(text), PERSON) == rendered


@pytest.mark.parametrize(("text", "position"), MALFORMED)
def test_a_malformed_text_says_where(text: str, position: int) -> None:
    with pytest.raises(TemplateError, match=rf"^at character {position}:"):
        parse_template(text)


@pytest.mark.parametrize("field", ["nickname", "empty", "blank"])
def test_a_missing_value_without_default_is_named(field: str) -> None:
    with pytest.raises(MissingField, match=field) as missing:
        render(f"Bonjour {{{field}}}", PERSON)
    assert missing.value.field == field


def test_fields_come_once_and_in_order() -> None:
    assert parse_template("{b} {a} {b|x} {{c}}").fields == ("b", "a")


def test_what_has_a_default_here_may_be_needed_there() -> None:
    template = parse_template("{b} {a|x} {b|x} {c}")
    assert (template.required, template.defaulted) == (("b", "c"), ("a", "b"))


TEXTS = st.lists(
    st.sampled_from(["{a}", "{b}", "{a|vous}", "{b|}", "{{", "}}", "'", "''", "$1", "%", "\\", "L’été ", "😀", "\n"]),
    max_size=6,
)
VALUES = st.none() | st.text(min_size=1).filter(lambda value: value == value.strip() and "\0" not in value and value)


@given(TEXTS.map("".join), VALUES, VALUES)
def test_the_column_form_writes_the_same(text: str, a: str | None, b: str | None) -> None:
    template = parse_template(text)
    fields = {name: value for name, value in {"a": a, "b": b}.items() if value is not None}
    try:
        expected = render(template, fields)
    except MissingField:
        expected = None
    expression, pieces = as_sql(template)
    cells = [fields.get(name) for name in template.fields]
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        (found,) = engine.execute(
            f"SELECT {expression} FROM (SELECT $cells::VARCHAR[] AS cells)", pieces | {"cells": cells}
        ).fetchone()
    assert found == expected


def test_an_unknown_field_gets_the_nearest_name() -> None:
    with pytest.raises(TemplateError, match=r"\{firstname\}; did you mean \{first_name\}\? fields: city, first_name"):
        check_fields("Bonjour {firstname|x}", ["first_name", "city"])


def test_an_unknown_field_far_from_all_gets_the_list_only() -> None:
    with pytest.raises(TemplateError, match=r"^no field \{zzz\}; fields: none$"):
        check_fields("{zzz}", [])


def test_a_default_is_no_excuse_where_fields_exist() -> None:
    with pytest.raises(TemplateError, match=r"^no field \{zzz\}; fields: city$"):
        check_fields("{zzz|cher client}", ["city"])


WITHOUT_FIELDS = [
    pytest.param("Bonjour {first_name|cher client}", True, id="a default"),
    pytest.param("{first_name|vous} {city|}", True, id="two of them, one empty"),
    pytest.param("{first_name}", False, id="no default"),
    pytest.param("{first_name|vous}, {first_name}", False, id="a default here, none there"),
]


@pytest.mark.parametrize(("text", "may_be"), WITHOUT_FIELDS)
def test_where_no_field_exists_a_default_is_enough(text: str, may_be: bool) -> None:
    if may_be:
        check_fields(text, [])
    else:
        with pytest.raises(TemplateError, match=r"^no field \{first_name\}; fields: none$"):
            check_fields(text, [])


def test_known_fields_pass() -> None:
    check_fields(parse_template("{city} {first_name}"), {"first_name", "city"})


@given(st.text(), st.text(min_size=1).filter(str.strip))
def test_a_value_is_inert(around: str, value: str) -> None:
    text = around.replace("{", "{{").replace("}", "}}") + "{name}"
    assert render(text, {"name": value}) == around + value


@given(st.text(alphabet="{}|ab _1", max_size=12))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        template = parse_template(text)
    except TemplateError:
        return
    assert isinstance(template, Template)
    plain = render(template, dict.fromkeys(template.fields, "v"))
    assert text == plain or "{" in text or "}" in text
