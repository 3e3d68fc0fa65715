"""The Jinja2 environment of HTML files: each value is escaped, and masked unless it is a figure or Markup."""

from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from campanile.pages.figures import Figure, figure_text
from campanile.pages.words import STATE_WORDS
from campanile.sms.text.masking import mask_numbers


def _masked(value: object) -> object:
    return mask_numbers(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _figure(value: Figure, zone: ZoneInfo) -> Markup:
    return escape(figure_text(value, zone))


def _unmasked(value: object) -> Markup:
    """Return a name, a path or a count, whose digits belong to no person."""
    return escape(str(value))


def _file_name(path: Path) -> Markup:
    return escape(path.name)


def make_html_environment() -> Environment:
    """Return the environment of HTML pages."""
    made = Environment(
        loader=PackageLoader("campanile.pages"),
        autoescape=True,
        finalize=_masked,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update({"figure": _figure, "unmasked": _unmasked, "file_name": _file_name})
    made.globals["STATE_WORDS"] = STATE_WORDS
    return made


HTML_ENVIRONMENT = make_html_environment()


def render_html(template: str, **values: object) -> str:
    """Return an HTML page.

    Raises:
        UndefinedError: the template names something that it was not given.
    """
    return HTML_ENVIRONMENT.get_template(f"{template}.html.jinja").render(values)
