"""Texts with merge fields: ``Bonjour {first_name|cher client}, …``.

The language has only fields, fields with a default, and doubled braces for braces: no expressions, no nesting. A value
is inserted as it is and not parsed again, so a contact named ``{code}`` stays ``{code}``.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from campanile.sms.errors import MissingField, TemplateError

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<inside>[^{}]*)\}|[{}]")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Field:
    """One merge field in a text; ``default`` is None if the text gives none."""

    name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed text: pieces of plain text and fields, in order."""

    text: str
    parts: tuple[str | Field, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the merge fields that occur at least once without a default, in order of appearance."""
        fields = [part for part in self.parts if isinstance(part, Field)]
        return tuple(dict.fromkeys(field.name for field in fields if field.default is None))

    @property
    def defaulted(self) -> tuple[str, ...]:
        """Names of the merge fields that occur at least once with a default, in order of appearance."""
        fields = [part for part in self.parts if isinstance(part, Field)]
        return tuple(dict.fromkeys(field.name for field in fields if field.default is not None))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the merge fields, each once, in order of appearance."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Field)))


def parse_template(text: str) -> Template:
    """Parse a text with merge fields.

    ``{name}`` is a field, ``{name|words}`` a field with a default, ``{{`` and ``}}`` are braces. A name must contain a
    letter: a column may be called ``Code postal``.

    Raises:
        TemplateError: a brace without its pair, or an invalid name; the message has the character position, from 1.

    >>> parse_template("Bonjour {first_name|cher client}, {{promo}}").fields
    ('first_name',)
    """
    return Template(text, tuple(_parse_parts(text)))


def render(template: str | Template, fields: Mapping[str, str]) -> str:
    """Return the text for one person. A value that is only spaces counts as missing.

    Raises:
        MissingField: no value, and no default in the text.
        TemplateError: the text is badly formed.

    >>> render("Bonjour {first_name|cher client}", {"first_name": ""})
    'Bonjour cher client'
    """
    return "".join(part if isinstance(part, str) else _value_of(part, fields) for part in _as_template(template).parts)


def as_sql(template: Template) -> tuple[str, dict[str, str]]:
    """Return the column form of ``render``: an SQL expression over ``cells``, and the values of its parameters.

    ``cells`` is a list column with the values of ``template.fields`` in their order, NULL for a missing value; the
    expression is NULL in rows for which ``render`` would raise ``MissingField``.

    >>> as_sql(parse_template("Bonjour {first_name|cher client}"))
    ('$piece_0 || coalesce(cells[1], $piece_1)', {'piece_0': 'Bonjour ', 'piece_1': 'cher client'})
    """
    terms, pieces = [], {}
    for number, part in enumerate(template.parts):
        name = f"piece_{number}"
        if isinstance(part, str):
            pieces[name], term = part, f"${name}"
        elif part.default is None:
            term = f"cells[{template.fields.index(part.name) + 1}]"
        else:
            pieces[name], term = part.default, f"coalesce(cells[{template.fields.index(part.name) + 1}], ${name})"
        terms.append(term)
    return " || ".join(terms) or "''", pieces


def check_fields(template: str | Template, known: Collection[str]) -> None:
    """Refuse a text that names a merge field that does not exist.

    If there are no fields at all (typed numbers, a list of only numbers), a field that always has a default is allowed:
    it cannot be a typing error for another field, and every person gets the default.

    Raises:
        TemplateError: the message names the field, the nearest existing name, and all existing names.

    >>> check_fields("Bonjour {first_name}", ["first_name", "city"])
    >>> check_fields("Bonjour {first_name|cher client}", [])
    """
    template = _as_template(template)
    for name in template.fields if known else template.required:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {{{nearest[0]}}}?" if nearest else ";"
            raise TemplateError(f"no field {{{name}}}{hint} fields: {', '.join(sorted(known)) or 'none'}")


def _as_template(template: str | Template) -> Template:
    return template if isinstance(template, Template) else parse_template(template)


def _value_of(field: Field, fields: Mapping[str, str]) -> str:
    value = fields.get(field.name)
    if value and value.strip():
        return value
    if field.default is None:
        raise MissingField(field.name)
    return field.default


def _parse_parts(text: str) -> Iterator[str | Field]:
    done = 0
    for token in _TOKEN.finditer(text):
        if done < token.start():
            yield text[done : token.start()]
        done = token.end()
        yield _parse_token(token)
    if done < len(text):
        yield text[done:]


def _parse_token(token: re.Match[str]) -> str | Field:
    if token[0] in ("{{", "}}"):
        return token[0][0]
    location = f"at character {token.start() + 1}"
    if token["inside"] is None:
        raise TemplateError(f"{location}: {token[0]!r} without its pair; for a brace itself write {token[0] * 2!r}")
    name, bar, default = token["inside"].partition("|")
    if not _LETTER.search(name):
        raise TemplateError(f"{location}: {token[0]!r} is no field; write {{name}} or {{name|default}}")
    return Field(name.strip(), default if bar else None)
