"""The one Jinja2 environment of all pages; what a template prints is escaped for Markdown unless it is ``Markup``.

Jinja's own ``autoescape`` escapes for HTML only, so it is off, and ``finalize``, which sees every value that is
printed, escapes instead. What templates and macros return is ``Markup``: ``concat`` makes it of their output.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from campanile.files.rejects import REJECT_WORDS
from campanile.pages import words
from campanile.pages.figures import Figure, figure_text
from campanile.pages.markdown import Markup, code_line, escape, joined, quoted_text, table, unmasked, user_text
from campanile.pages.words import bar_text, share_text
from campanile.sms.rules.exclusions import EXCLUSION_REASONS
from campanile.sms.schedule.forecast import EXPIRING_WORDS
from campanile.sms.schedule.territories import key_name
from campanile.sms.text.formatting import amount_text, count_text, grouped, local_time
from campanile.sms.text.masking import mask_number
from schemas.campaign_rows import Campaign

_BLANK_LINES = re.compile(r"\n{3,}")
_ADDRESS_SIGNS = ":/?#@!$&+,;=%~-._"


class _MarkdownEnvironment(Environment):
    @staticmethod
    def concat(parts: Iterable[str]) -> Markup:
        """Return the output of a template, a macro or a block: all of it is escaped by now."""
        return Markup("".join(parts))


def _amount(amount: Decimal, unit: str) -> Markup:
    return unmasked(amount_text(amount, unit))


def _count(count: int) -> Markup:
    return Markup(grouped(count))


def _counted(count: int, what: str) -> Markup:
    return unmasked(count_text(count, what))


def _local(at: datetime, zone: ZoneInfo) -> Markup:
    return Markup(local_time(at, zone))


def _on_clock(at: datetime, zone: ZoneInfo) -> Markup:
    """Return an instant on the team's clock, by the clock's name."""
    return Markup(f"{local_time(at, zone)} ({zone.key})")


def _territory(key: str) -> Markup:
    return unmasked(key_name(key))


def _by_territory(counts: Mapping[str, int]) -> list[tuple[Markup, Markup]]:
    return [(_territory(key), _count(count)) for key, count in counts.items()]


def _counts(items: Iterable[tuple[str, int]]) -> list[tuple[str, Markup]]:
    return [(name, _count(count)) for name, count in items]


def _share(count: int, whole: int) -> Markup:
    return Markup(share_text(count, whole))


def _hours(hours: float) -> Markup:
    return Markup(f"{hours:g}")


def _address(address: str) -> Markup:
    """Return an address that cannot end the link that contains it."""
    return Markup(quote(address, safe=_ADDRESS_SIGNS))


def shown_name(campaign: Campaign) -> Markup:
    """Return the shown name of a campaign, inert: its title and its key, or the key alone if there is no title."""
    name = unmasked(campaign.name)
    return Markup(f"{unmasked(campaign.title)} ({name})") if campaign.title else name


def _table(rows: Iterable[Sequence[object]], header: Sequence[str], align: str = "") -> Markup:
    return table(header, rows, align)


def _cells(rows: Iterable[Iterable[str]]) -> list[list[Markup]]:
    """Return the cells of a section, whose numbers are masked where they must be."""
    return [[unmasked(cell) for cell in row] for row in rows]


def _figure(value: Figure, zone: ZoneInfo) -> Markup:
    return unmasked(figure_text(value, zone))


def _file_link(path: Path) -> Markup:
    """Return a link to a file of this machine, under its path; a browser may refuse to follow it from another host."""
    return Markup(f"[{unmasked(path)}]({_address(path.absolute().as_uri())})")


def _number(msisdn: str) -> Markup:
    return user_text(mask_number(msisdn))


_FILTERS = {
    "address": _address,
    "amount": _amount,
    "bar": bar_text,
    "by_territory": _by_territory,
    "cells": _cells,
    "code": code_line,
    "count": _count,
    "counted": _counted,
    "counts": _counts,
    "figure": _figure,
    "file_link": _file_link,
    "hours": _hours,
    "joined": joined,
    "local": _local,
    "number": _number,
    "on_clock": _on_clock,
    "quoted": quoted_text,
    "share": _share,
    "shown_name": shown_name,
    "table": _table,
    "territory": _territory,
    "unmasked": unmasked,
    "user_text": user_text,
}
_TABLES = {
    "ALSACE_MOSELLE_WORDS": words.ALSACE_MOSELLE_WORDS,
    "ANSWER_WORDS": words.ANSWER_WORDS,
    "ENCODING_WORDS": words.ENCODING_WORDS,
    "EXCLUSION_REASONS": EXCLUSION_REASONS,
    "EXPIRING_WORDS": EXPIRING_WORDS,
    "ONCE_PER": words.ONCE_PER,
    "REJECT_WORDS": REJECT_WORDS,
    "RESULT_WORDS": words.RESULT_WORDS,
    "SEVERITY_WORDS": words.SEVERITY_WORDS,
    "STATE_WORDS": words.STATE_WORDS,
    "TODAY_WORDS": words.TODAY_WORDS,
}


def make_environment() -> Environment:
    """Return the environment of the pages, with no template loaded yet."""
    made = _MarkdownEnvironment(
        loader=PackageLoader("campanile.pages"),
        autoescape=False,
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(_FILTERS)
    made.globals.update(_TABLES)
    return made


ENVIRONMENT = make_environment()


def render(template: str, **values: object) -> str:
    """Return a page: several blank lines in a row become one, and one line break ends it.

    Raises:
        UndefinedError: the template names something that it was not given.
    """
    page = ENVIRONMENT.get_template(f"{template}.md.jinja").render(values)
    return _BLANK_LINES.sub("\n\n", page).strip() + "\n"
