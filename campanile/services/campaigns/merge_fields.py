"""Resolve the merge fields of a text: users write our field name, or the column header of their file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from campanile.files.parsing.column_aliases import FIELD_NAMES
from campanile.files.parsing.column_mapping import NUMBER_FIELD, header_key
from campanile.sms.errors import TemplateError
from campanile.sms.text.template import Field, Template
from campanile.store.contacts.lists import column_map
from campanile.store.db.database import Transaction


def own_fields(tx: Transaction, lists: Sequence[str], template: Template) -> Template:
    """Return a template whose merge fields have the names that the lists use.

    ``{Prénom}`` becomes ``first_name`` if a file of the lists has such a column, or if ``Prénom`` is an alias of it and
    the lists have that field. A name that is not a column stays as it is; ``check_fields`` refuses it.

    Raises:
        CampaignError: a list does not exist.
        TemplateError: columns with one name are two different fields.
    """
    columns = [
        (header_key(name), field)
        for each in lists
        for name, field in column_map(tx, each).items()
        if field != NUMBER_FIELD  # it is not a merge field
    ]
    names = {name: _own_field(name, columns) for name in template.fields}
    parts = (replace(part, name=names[part.name]) if isinstance(part, Field) else part for part in template.parts)
    return Template(template.text, tuple(parts))


def _own_field(name: str, columns: Sequence[tuple[str, str]]) -> str:
    fields = {field for _, field in columns}
    if name in fields:
        return name
    found = sorted(set(_matching(name, columns)))
    if len(found) > 1:
        ways = " or ".join(f"{{{field}}}" for field in found)
        raise TemplateError(f"{{{name}}} is not the same field in each of the lists; write {ways}")
    known = FIELD_NAMES.get(header_key(name))
    return found[0] if found else known if known in fields else name


def _matching(name: str, columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    return (field for key, field in columns if key == header_key(name))
