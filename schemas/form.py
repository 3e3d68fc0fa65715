"""How Prefect's form draws an optional value: as one box, not as two tabs with None on one of them."""

import inspect
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from campanile.sms.text.typed_values import name_key


def draw_as_box(schema: dict[str, Any]) -> None:
    """Remove None and the default from an optional field's JSON schema; the form then sends no empty value."""
    choices = schema.pop("anyOf", [])
    schema.pop("default", None)
    schema.update(next((choice for choice in choices if choice.get("type") != "null"), {}))


def draw_as_day(schema: dict[str, Any]) -> None:
    """Draw an optional text as a calendar; a file or a command may write the day in other forms too."""
    draw_as_box(schema)
    schema["format"] = "date"


class AsBox:
    """``draw_as_box`` for a parameter of a flow: Prefect makes its JSON schema."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the JSON schema without None."""
        schema = handler(core_schema)
        draw_as_box(schema)
        return schema


#: A text that may stay empty. As a parameter of a flow its default is "": the form would send None, and refuse it.
OptionalText = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]

#: Who acts, for the history. Optional if not every use of the form needs it.
Actor = str
OptionalActor = OptionalText
#: The title of a parameter in the form, if it differs from its name.
TITLES = {"actor": "Your name"}


def titled(signature: inspect.Signature) -> inspect.Signature:
    """Return the signature from which Prefect makes the form of a flow, with the titles of ``TITLES``.

    Prefect sets each title to the name of the parameter, and then takes what a pydantic ``Field`` adds to the schema. A
    ``Field`` is a default, so all parameters are keywords here: one with a default may stand before one without.
    """
    parameters = [
        parameter.replace(
            kind=inspect.Parameter.KEYWORD_ONLY,
            default=_with_title(parameter) if parameter.name in TITLES else parameter.default,
        )
        for parameter in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters)


def _with_title(parameter: inspect.Parameter) -> object:
    extra: dict[str, Any] = {"title": TITLES[parameter.name]}
    if parameter.default is inspect.Parameter.empty:
        return Field(json_schema_extra=extra)
    return Field(parameter.default, json_schema_extra=extra)


#: A number that may stay empty, in the same way: 0 is none.
OptionalNumber = Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)]

#: Hours that may stay empty, in the same way: 0 is none.
OptionalHours = Annotated[float, BeforeValidator(lambda value: 0 if value is None else value)]

#: Why people may get messages: they agreed, they bought something similar, they need it. Empty: not given.
LegalBasis = Literal["", "consent", "customer", "service"]


def _as_key(value: object) -> object:
    return (name_key(value.strip()) or value) if isinstance(value, str) else value


#: A campaign as people type it, by key or by title: ``Noël 2026`` is noel-2026.
CampaignName = Annotated[str, BeforeValidator(_as_key)]
