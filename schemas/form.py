"""How an optional value looks in the form that Prefect draws: a plain box, not two tabs of which one says None."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from campanile.sms.text.typed_values import name_key


def draw_as_box(schema: dict[str, Any]) -> None:
    """Take None and the default out of an optional field's JSON schema; what is left empty is then not sent at all."""
    choices = schema.pop("anyOf", [])
    schema.pop("default", None)
    schema.update(next((choice for choice in choices if choice.get("type") != "null"), {}))


def draw_as_day(schema: dict[str, Any]) -> None:
    """Draw an optional text as a calendar; a file or a command may say the day in other ways too."""
    draw_as_box(schema)
    schema["format"] = "date"


class AsBox:
    """The same for a parameter of a flow, whose JSON schema Prefect makes."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the JSON schema without None."""
        schema = handler(core_schema)
        draw_as_box(schema)
        return schema


#: A text that may stay empty. As a flow's parameter its default is "": None the form would send, and refuse.
OptionalText = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]

#: Who acts, for the history; and who acts where not every use of the form needs it.
Actor = str
OptionalActor = OptionalText
#: What the form calls a parameter, where that is not its name.
TITLES = {"actor": "Your name"}

#: A number that may stay empty, in the same way: 0 is none.
OptionalNumber = Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)]

#: Hours that may stay empty, in the same way: 0 is none.
OptionalHours = Annotated[float, BeforeValidator(lambda value: 0 if value is None else value)]

#: Why people may be written to: they agreed, they bought something alike, they need it. Empty: it is not said.
LegalBasis = Literal["", "consent", "customer", "service"]


def _as_key(value: object) -> object:
    return (name_key(value.strip()) or value) if isinstance(value, str) else value


#: A campaign as people type it, by its key or by its title: ``Noël 2026`` is noel-2026.
CampaignName = Annotated[str, BeforeValidator(_as_key)]
