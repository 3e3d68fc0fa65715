"""The arguments of ``python -m flows``: a flow, and its parameters.

A text parameter is used as it was typed, so that a campaign's text with braces, colons or ``#`` needs only the quotes
of the shell; the quotes of YAML are allowed too. All other parameters are read as YAML (lists, mappings), where every
single value stays as it was typed: the flow gives it its type, and 0612345670 never becomes an octal number.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import yaml

from campanile.sms.errors import SmsError


class WrongCommand(SmsError):  # noqa: N818 - reads as what it is
    """The command names no existing flow, or its parameters are wrong."""


def known(word: str, words: Iterable[str], what: str) -> str:
    """Return ``word`` if it is one of ``words``.

    Raises:
        WrongCommand: it is not; the error names the nearest one, and all.
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
            raise WrongCommand(f"{argument!r} is not a parameter; write name=value, and quote a value with spaces")
        if known(name, properties, "parameter") in found:
            raise WrongCommand(f"parameter {name} is given twice; give it once")
        found[name] = read_value(text, is_text=properties[name].get("type") == "string", name=name)
    missing = [name for name in schema.get("required", ()) if name not in found]
    if missing:
        raise WrongCommand(f"these parameters are missing: {', '.join(missing)}")
    return found


def read_value(text: str, *, is_text: bool, name: str) -> Any:
    """Return the value of a parameter: a text as it was typed or in quotes, anything else from YAML.

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
        raise WrongCommand(f"{name}={text!r} is not YAML: {str(error).splitlines()[0]}") from error
    return text if is_text and not isinstance(value, str) else value
