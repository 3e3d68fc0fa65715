"""Safe Markdown: text that is not ``Markup`` is escaped, put on one line, and its numbers are masked."""

import re
from collections.abc import Iterable, Sequence

from campanile.sms.text.masking import escape_markdown, mask_numbers

#: What begins a heading, a list, a rule or an underline where a line of a page starts with it.
_BLOCK_START = re.compile(r"^(\s*\d{0,9})(?=[-+#=.)]+(?:\s|$))")
#: The same within a quotation, whose lines people compare with what they wrote.
_QUOTED_START = re.compile(r"^(\d*)([-+#=.)])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class Markup(str):
    """Markdown that is safe as it is.

    Only a template and the functions of this module make it. A text that is cut, joined or formatted from it is plain
    text again, so a page escapes it. It may be escaped twice, but it is never left unescaped.
    """

    __slots__ = ()


_RULES = {"l": Markup("---"), "r": Markup("---:")}


def escape(value: object) -> Markup:
    """Return what a page shows for a value: ``Markup`` as it is, nothing for None, all else escaped and masked."""
    if isinstance(value, Markup):
        return value
    return user_text("" if value is None else str(value))


def user_text(text: str, spare: str = "") -> Markup:
    """Return a person's text, escaped, with every number masked except those that are in ``spare``."""
    return Markup(_BLOCK_START.sub(r"\1\\", escape_markdown(mask_numbers(text, spare))))


def unmasked(text: object) -> Markup:
    """Return a text escaped, numbers unmasked: for a name, a hash, a path or a count, never for a person's number."""
    return user_text(str(text), spare=str(text))


def code_line(text: str) -> Markup:
    """Return a text as one line of a block of code, where nothing is Markdown; its numbers stay, as in ``unmasked``."""
    return Markup(_CONTROL.sub(" ", text))


def joined(values: Iterable[object], separator: str = ", ") -> Markup:
    """Return values one after the other, each escaped as in a page."""
    return Markup(separator.join(map(escape, values)))


def quotation(line: str) -> str:
    """Return an escaped line as a quotation; it never begins a list or a heading."""
    return "> " + _QUOTED_START.sub(r"\1\\\2", line.strip())


def quoted_text(text: str, spare: str = "") -> Markup:
    """Return a person's text as a quotation, line by line; escaped and masked as by ``user_text``."""
    lines = mask_numbers(text, spare).splitlines() or [""]
    return Markup("  \n".join(quotation(escape_markdown(line)) for line in lines))


def table(header: Sequence[str], rows: Iterable[Sequence[object]], align: str = "") -> Markup:
    """Return a Markdown table; cells are escaped, unless they are ``Markup``.

    Args:
        header: the columns' titles.
        rows: the cells. Keep the first columns short: Prefect's UI cuts a wide table at the right.
        align: one letter for each column, ``l`` or ``r``; without it all columns are aligned left.
    """
    rules = [_RULES[letter] for letter in align or "l" * len(header)]
    return Markup("\n".join(f"| {joined(row, ' | ')} |" for row in (header, rules, *rows)))
