"""Read a draft from a YAML or JSON file; every value stays as it was typed."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import yaml
from pydantic import ValidationError

from campanile.services.context import Context
from campanile.services.user_paths import read_given_text
from campanile.sms.errors import CampaignError
from schemas.draft import CampaignDraft

DRAFT_SUFFIXES = (".yaml", ".yml", ".json")
DRAFT_BYTES = 1_000_000
_NOTHING = ("", "null", "~")


def read_draft(context: Context, draft: CampaignDraft | None, path: str | None) -> CampaignDraft:
    """Return the given draft, or the one in a YAML or JSON file.

    Raises:
        CampaignError: none or both were given, or the file holds no valid draft; one line for all errors.
        ConfigurationError: the file is not in an allowed folder.
    """
    if (draft is None) == (path is None):
        raise CampaignError("give either a draft or the path of a YAML file with one")
    if draft is not None:
        return draft.settled(context.settings.is_day_first)
    try:
        text = read_given_text(context, str(path), DRAFT_SUFFIXES, DRAFT_BYTES)
    except OSError as error:
        raise CampaignError(f"no draft {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CampaignError(f"draft {path} is not UTF-8 text (byte {error.start + 1}); save it as UTF-8") from error
    return parse_draft(text, str(path)).settled(context.settings.is_day_first)


def parse_draft(text: str, origin: str) -> CampaignDraft:
    """Return the draft in a text of YAML or JSON.

    No value is guessed: 10:30 is a time, 36180 a sender, 0612345678 a number, as the types of the draft's fields say.

    Raises:
        CampaignError: one line for all errors, with the line of the file or the field.
    """
    try:
        found = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts, lists and mappings only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it cannot be read"
        raise CampaignError(
            f"draft {origin} is not YAML{where}: {what}; put a text with a colon, a brace, a # or quotes in quotes"
        ) from error
    if not isinstance(found, Mapping):
        raise CampaignError(f"draft {origin} has no fields; write one a line, such as name: soldes-hiver")
    fields = {name: value for name, value in found.items() if value not in _NOTHING}
    if isinstance(fields.get("text"), str):  # a YAML block adds a line break at its end
        fields["text"] = fields["text"].removesuffix("\n")
    return check_fields_of(fields, origin)


def check_fields_of(fields: Mapping[str, Any], origin: str) -> CampaignDraft:
    """Return the draft with these fields.

    Raises:
        CampaignError: one line for all errors.
    """
    known = CampaignDraft.model_fields
    for name in fields:
        if name not in known:
            nearest = get_close_matches(str(name), known, n=1)
            hint = f"did you mean {nearest[0]}? " if nearest else ""
            raise CampaignError(f"draft {origin}: no field {name!r}; {hint}fields: {', '.join(known)}")
    try:
        return CampaignDraft.model_validate(dict(fields))
    except ValidationError as error:
        raise CampaignError(f"draft {origin}: {wrong_fields(error)}") from error


def wrong_fields(error: ValidationError) -> str:
    """Return one line for all errors of a draft's fields."""
    return "; ".join(_one_line(item) for item in error.errors())


def _one_line(item: Mapping[str, Any]) -> str:
    """Return what is wrong with a field; if its pattern does not match, with the help of the field."""
    field = ".".join(str(part) for part in item["loc"])
    if not field:  # of several fields together
        return str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "string_pattern_mismatch":
        return f"{field}: {item['input']!r} is not valid. {CampaignDraft.model_fields[item['loc'][0]].description}"
    return f"{field}: {item['msg'].removeprefix('Value error, ')}"
