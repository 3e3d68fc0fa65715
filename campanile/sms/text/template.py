"""Texts with merge fields: ``Bonjour {first_name|cher client}, …``.

The smallest language that does the job: a field, a field with a default, and doubled braces for braces. No
expression, no nesting. A value is put in as it is and never read again, so a contact named ``{code}`` stays
``{code}``.
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
    """One merge field in a text; ``default`` is None where the text gives none."""

    name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A text taken apart: pieces of plain text and fields, in order."""

    text: str
    parts: tuple[str | Field, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the merge fields that stand somewhere without a default, in order of appearance."""
        fields = [part for part in self.parts if isinstance(part, Field)]
        return tuple(dict.fromkeys(field.name for field in fields if field.default is None))

    @property
    def defaulted(self) -> tuple[str, ...]:
        """Names of the merge fields that have a default somewhere, in order of appearance."""
        fields = [part for part in self.parts if isinstance(part, Field)]
        return tuple(dict.fromkeys(field.name for field in fields if field.default is not None))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the merge fields, each once, in order of appearance."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Field)))


def parse_template(text: str) -> Template:
    """Take a text with merge fields apart.

    ``{name}`` is a field, ``{name|words}`` a field with a default, ``{{`` and ``}}`` are braces. A name is whatever
    has a letter: a column may be called ``Code postal``.

    Raises:
        TemplateError: a brace without its pair, or a name that is none; tells the character's place, from 1.

    >>> parse_template("Bonjour {first_name|cher client}, {{promo}}").fields
    ('first_name',)
    """
    return Template(text, tuple(_parse_parts(text)))


def render(template: str | Template, fields: Mapping[str, str]) -> str:
    """Return the text for one person. A value of nothing but spaces counts as missing.

    Raises:
        MissingField: no value, and no default in the text.
        TemplateError: the text is badly formed.

    >>> render("Bonjour {first_name|cher client}", {"first_name": ""})
    'Bonjour cher client'
    """
    return "".join(part if isinstance(part, str) else _value_of(part, fields) for part in _as_template(template).parts)


def as_sql(template: Template) -> tuple[str, dict[str, str]]:
    """Return the column form of ``render``: an SQL expression over ``cells``, and the values of its parameters.

    ``cells`` is a list column with the values of ``template.fields`` in their order, NULL where there is none; the
    expression is NULL for whom ``render`` would raise ``MissingField``.

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
    """Refuse a text that names a merge field which does not exist.

    Where no field exists at all (numbers typed by hand, a list of nothing but numbers), one with a default wherever it
    stands cannot be a slip for another, and every person gets its default.

    Raises:
        TemplateError: names the field, the nearest name that exists, and all that exist.

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
    place = f"at character {token.start() + 1}"
    if token["inside"] is None:
        raise TemplateError(f"{place}: {token[0]!r} without its pair; for a brace itself write {token[0] * 2!r}")
    name, bar, default = token["inside"].partition("|")
    if not _LETTER.search(name):
        raise TemplateError(f"{place}: {token[0]!r} is no field; write {{name}} or {{name|default}}")
    return Field(name.strip(), default if bar else None)
