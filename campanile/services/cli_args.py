"""Words typed after ``python -m flows``: which flow, and its parameters.

A parameter that is a text is taken to the letter, so that a campaign's text with braces, colons or ``#`` needs no
quotes but the shell's; it may also stand in YAML's own. All others are read as YAML (lists, mappings), where every
single value stays as it was typed: the flow gives it its type, and 0612345670 never becomes a number in base eight.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import yaml

from campanile.sms.errors import SmsError


class WrongCommand(SmsError):  # noqa: N818 - reads as what it is
    """What was typed names no flow, or gives it no parameters that it can take."""


def known(word: str, words: Iterable[str], what: str) -> str:
    """Return a word that is one of those.

    Raises:
        WrongCommand: it is not; names the nearest one, and all.
    """
    words = sorted(words)
    if word in words:
        return word
    near = "".join(f"did you mean {close}? " for close in get_close_matches(word, words, n=1))
    raise WrongCommand(f"no {what} {word!r}; {near}There are: {', '.join(words)}")


def read_parameters(arguments: Sequence[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that ``name=value`` words give.

    Args:
        arguments: the words.
        schema: the JSON schema of the flow's parameters (``properties``, ``required``).

    Raises:
        WrongCommand: one line that says what is wrong.
    """
    properties: Mapping[str, Any] = schema["properties"]
    found: dict[str, Any] = {}
    for argument in arguments:
        name, sign, text = argument.partition("=")
        if not sign:
            raise WrongCommand(f"{argument!r} is no parameter; write name=value, and quote a value with spaces")
        if known(name, properties, "parameter") in found:
            raise WrongCommand(f"parameter {name} stands twice")
        found[name] = read_value(text, is_text=properties[name].get("type") == "string", name=name)
    missing = [name for name in schema.get("required", ()) if name not in found]
    if missing:
        raise WrongCommand(f"these parameters are missing: {', '.join(missing)}")
    return found


def read_value(text: str, *, is_text: bool, name: str) -> Any:
    """Return a value as it was typed: a text to the letter or in quotes, anything else from YAML.

    >>> read_value("Bonjour {first_name}: -20 % # demain", is_text=True, name="text")
    'Bonjour {first_name}: -20 % # demain'
    >>> read_value("[0612345670, 0612345671]", is_text=False, name="numbers")
    ['0612345670', '0612345671']
    """
    if is_text and text[:1] not in ('"', "'"):
        return text
    try:
        value = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - the base loader makes texts, lists and mappings only
    except yaml.YAMLError as error:
        if is_text:
            return text
        raise WrongCommand(f"{name}={text!r} is no YAML: {str(error).splitlines()[0]}") from error
    return text if is_text and not isinstance(value, str) else value
