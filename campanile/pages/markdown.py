"""Markdown that is safe to show: what is not marked as ``Markup`` comes out inert, on one line, numbers masked."""

import re
from collections.abc import Iterable, Sequence

from campanile.sms.text.masking import escape_markdown, mask_numbers

#: What begins a heading, a list, a rule or an underline where a line of a page starts with it.
_BLOCK_START = re.compile(r"^(\s*\d{0,9})(?=[-+#=.)]+(?:\s|$))")
#: The same within a quotation, whose lines people compare with what they wrote.
_QUOTED_START = re.compile(r"^(\d*)([-+#=.)])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class Markup(str):
    """Markdown that is safe as it stands.

    Only a template and the functions of this module make it. What is cut, joined or formatted of it is a plain text
    again, so a page escapes it: it may come out escaped twice, and never not at all.
    """

    __slots__ = ()


_RULES = {"l": Markup("---"), "r": Markup("---:")}


def escape(value: object) -> Markup:
    """Return what a page shows of a value: ``Markup`` as it is, nothing for None, all else inert and masked."""
    if isinstance(value, Markup):
        return value
    return user_text("" if value is None else str(value))


def user_text(text: str, spare: str = "") -> Markup:
    """Return what somebody wrote, inert and with every number in it masked but those that stand in ``spare``."""
    return Markup(_BLOCK_START.sub(r"\1\\", escape_markdown(mask_numbers(text, spare))))


def unmasked(text: object) -> Markup:
    """Return a text inert with its numbers as they are: a name, a hash, a path or a count, never a person's number."""
    return user_text(str(text), spare=str(text))


def code_line(text: str) -> Markup:
    """Return a text as one line of a block of code, where nothing is Markdown; its numbers stay, as in ``unmasked``."""
    return Markup(_CONTROL.sub(" ", text))


def joined(values: Iterable[object], separator: str = ", ") -> Markup:
    """Return values one after the other, each escaped as in a page."""
    return Markup(separator.join(map(escape, values)))


def quotation(line: str) -> str:
    """Return an escaped line as a quotation; whatever it begins with, it begins no list and no heading."""
    return "> " + _QUOTED_START.sub(r"\1\\\2", line.strip())


def quoted_text(text: str, spare: str = "") -> Markup:
    """Return what somebody wrote as a quotation, line by line as it is; the rest as ``user_text``."""
    lines = mask_numbers(text, spare).splitlines() or [""]
    return Markup("  \n".join(quotation(escape_markdown(line)) for line in lines))


def table(header: Sequence[str], rows: Iterable[Sequence[object]], align: str = "") -> Markup:
    """Return a Markdown table; cells are escaped, unless they are ``Markup``.

    Args:
        header: the columns' titles.
        rows: the cells. Keep the first columns short: Prefect's UI cuts a wide table at the right.
        align: one letter a column, ``l`` or ``r``; without it all stand left.
    """
    rules = [_RULES[letter] for letter in align or "l" * len(header)]
    return Markup("\n".join(f"| {joined(row, ' | ')} |" for row in (header, rules, *rows)))
