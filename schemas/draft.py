"""The campaign draft: a form in the UI, or a YAML file with the same fields."""

import re
from datetime import date, time
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from campanile.sms.schedule.policy import policy_names
from campanile.sms.text.typed_values import hour_of, is_two_days, name_key, read_hour, read_moment
from schemas.form import LegalBasis, draw_as_box, draw_as_day

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{1,59}$"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
CAP_PATTERN = r"^[1-9][0-9]{0,2} in [1-9][0-9]{0,2}$"
MAIL_PATTERN = r"^[^@\s,;<>\"]+@[^@\s,;<>\"]+$"
MAX_HOURS = 366 * 24


class CampaignDraft(BaseModel):
    """A campaign before it is prepared.

    Blanks around a value are removed, but not around ``text``: it is sent as it was written; the linter reports them.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(
        title="Name",
        description="Such as Noël 2026. Its key is made from it: noel-2026, in small letters, digits and dashes. You "
        "can use the name or the key everywhere. To change the draft, prepare it again with the same name.",
        examples=["Noël 2026"],
    )
    title: str | None = Field(
        default=None,
        title="Title",
        max_length=100,
        description="The name of the campaign on pages. Empty: the name as it was typed.",
        examples=["Noël 2026"],
        json_schema_extra=draw_as_box,
    )
    kind: Literal["marketing", "alert"] = Field(
        default="marketing",
        title="Kind",
        description="marketing: legal hours, STOP mention, opt-outs. alert: at any time, for urgent messages.",
    )
    text: Annotated[str, StringConstraints(strip_whitespace=False)] = Field(
        title="Text",
        min_length=1,
        max_length=1530,
        description="Such as: Bonjour {first_name|cher client}. In braces: a column, then the text for an empty cell. "
        "The STOP mention is added automatically.",
        examples=["Bonjour {first_name|cher client}, -20 % ce samedi."],
    )
    literal_placeholders: list[str] = Field(
        default_factory=list,
        title="Placeholders to send as they are",
        description="A text with a merge field of another tool, such as {{name}}, %name% or [NAME], is refused. If "
        "people must read exactly that, repeat it here as it is in the text.",
        examples=[["[CODE_PROMO]"]],
    )
    replace_characters: Literal["off", "typography", "accents"] = Field(
        default="off",
        title="Replace characters",
        description="Some characters double the price of a message. typography: replace curly quotes, dashes, œ …; "
        "accents: also ê, ç, À …; off: do not change the text. The recap shows what each would save.",
    )
    sender_id: str = Field(
        title="Sender",
        description="What the phone shows: 3 to 11 letters and digits, or a short code of 5 digits.",
        examples=["MABOUTIQUE"],
    )
    lists: list[str] = Field(default_factory=list, title="Lists", description="Names of contact lists.")
    numbers: list[str] = Field(default_factory=list, title="Numbers", description="More numbers, typed by hand.")
    file: str | None = Field(
        default=None,
        title="File",
        description="The name of a contact file in data/inbox/attachments/, for this campaign only.",
        examples=["invites.xlsx"],
        json_schema_extra=draw_as_box,
    )
    exclude_lists: list[str] = Field(
        default_factory=list, title="Lists to exclude", description="The people of these lists get no message."
    )
    legal_basis: LegalBasis = Field(
        default="",
        title="Legal basis of the file",
        description="Why the people of the campaign's own file may get marketing. For lists, use manage-list.",
    )
    max_messages_in_days: str | None = Field(
        default=None,
        title="At most",
        pattern=CAP_PATTERN,
        description="Such as 3 in 30: people with 3 marketing messages in the last 30 days are excluded.",
        examples=["3 in 30"],
        json_schema_extra=draw_as_box,
    )
    gateway: str = Field(default="sandbox", title="Gateway", description="The provider that sends the messages.")
    policy: str = Field(
        default="fr-strict",
        title="Policy",
        description=f"When marketing may be sent: {', '.join(policy_names())}.",
    )
    send_on: str | None = Field(
        default=None,
        title="Day",
        description="Such as 2026-11-28 or 28/11/2026. 2026-11-28T18:00 also sets the hour. Empty: as soon as it is "
        "approved.",
        examples=["2026-11-28"],
        json_schema_extra=draw_as_day,
    )
    send_time: str | None = Field(
        default=None,
        title="Hour",
        description="Such as 09:30 or 9h30, in the team's time zone. Empty with a day: 00:00, that is at the first "
        "legal minute.",
        examples=["09:30"],
        json_schema_extra=draw_as_box,
    )
    clock: Literal["team", "local"] = Field(
        default="team",
        title="Clock",
        description="The clock of the hour. team: your time zone, the same moment for all recipients; local: the local "
        "time of each recipient, which needs a day and an hour.",
    )
    if_closed: Literal["next_opening", "drop"] = Field(
        default="next_opening",
        title="If closed",
        description="Marketing outside legal hours. next_opening: it waits for the next window; drop: it is not sent.",
    )
    if_credit_ends: Literal["pause", "send_what_fits"] = Field(
        default="pause",
        title="If the credit ends",
        description="While it is being sent. pause: the rest waits, and continues after a top-up and resume-campaign; "
        "send_what_fits: the rest is cancelled.",
    )
    offer_ends: str | None = Field(
        default=None,
        title="Offer ends",
        description="Such as 2026-11-30, or 2026-11-30 18:00 (also 30/11/2026 18h) in the team's time zone. Only a "
        "day: until its end. Nothing is sent later; the recap says what would not be sent in time.",
        examples=["2026-11-30"],
        json_schema_extra=draw_as_box,
    )
    max_lateness: float | None = Field(
        default=None,
        title="Maximum lateness",
        gt=0,
        le=MAX_HOURS,
        description="Hours, such as 2 or 1.5: a message that is later than this is not sent. Empty: it waits.",
        examples=[2],
        json_schema_extra=draw_as_box,
    )
    repeat: bool = Field(
        default=False,
        title="Repeat",
        description="Send even if largely the same people got the same text within 48 hours.",
    )
    requested_service: bool = Field(
        default=False,
        title="Requested service",
        description="Alerts only: these people asked for exactly this service, so a marketing STOP does not apply.",
    )
    emergency_reason: str | None = Field(
        default=None,
        title="Emergency",
        description="Alerts only: why it cannot wait. It may then use the credit committed to marketing.",
        json_schema_extra=draw_as_box,
    )
    actor: str = Field(title="Your name", min_length=1, description="The person who prepares it.", examples=["camille"])
    cost_centre: str | None = Field(
        default=None, title="Cost centre", description="For your own accounts.", json_schema_extra=draw_as_box
    )
    reply_owner: str | None = Field(
        default=None,
        title="Reply owner",
        pattern=MAIL_PATTERN,
        description="The mail address of the person who reads the replies: those that are no STOP, START, HELP or "
        "machine are mailed there. They are always in data/exports/replies/ too.",
        examples=["accueil@example.org"],
        json_schema_extra=draw_as_box,
    )
    note: str | None = Field(
        default=None,
        title="Note",
        description="For your colleagues only.",
        json_schema_extra=draw_as_box,
    )

    @model_validator(mode="before")
    @classmethod
    def _keep_title(cls, values: Any) -> Any:
        """Make a key from a name that is not one, and keep the typed name as the title."""
        name = values.get("name") if isinstance(values, dict) else None
        if not isinstance(name, str) or re.fullmatch(NAME_PATTERN, name.strip()):
            return values
        key = name_key(name.strip())
        return values if key is None else values | {"name": key, "title": values.get("title") or name.strip()}

    @field_validator("name")
    @classmethod
    def _is_key(cls, value: str) -> str:
        if not re.fullmatch(NAME_PATTERN, value):
            raise ValueError(f"{value!r} has fewer than two letters or digits for a key; write a name like Noël 2026")
        return value

    @field_validator("text")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("it has only blanks; write the text of the message")
        if _CONTROL.search(value):
            raise ValueError("it contains a control character that no phone can show; remove it")
        return value

    @field_validator(
        "title", "file", "max_messages_in_days", "send_on", "send_time", "offer_ends", "max_lateness",
        "emergency_reason", "cost_centre", "reply_owner", "note",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("send_on", "offer_ends", mode="before")
    @classmethod
    def _read_moment(cls, value: object) -> object:
        if isinstance(value, date):
            return value.isoformat()
        return read_moment(value) if isinstance(value, str) and value.strip() else value

    @field_validator("send_time")
    @classmethod
    def _read_hour(cls, value: str | None) -> str | None:
        return None if value is None else read_hour(value)

    @field_validator("max_lateness", mode="before")
    @classmethod
    def _read_hours(cls, value: object) -> object:
        return value.replace(",", ".").removesuffix("h").strip() if isinstance(value, str) and value.strip() else value

    @model_validator(mode="after")
    def _take_hour_of_day(self) -> Self:
        """Move the hour of ``send_on`` to its own field."""
        day, _, hour = (self.send_on or "").partition(" ")
        if hour:
            if self.send_time not in (None, hour):
                raise ValueError(f"send_on says {hour} and send_time says {self.send_time}; give the hour once")
            self.send_on, self.send_time = day, hour
        return self

    def settled(self, day_first: bool) -> Self:
        """Return the draft with each ambiguous day read by the team's convention: 05/12/2026 is 5 December."""
        read = {
            name: read_moment(typed, day_first)
            for name, typed in (("send_on", self.send_on), ("offer_ends", self.offer_ends))
            if typed is not None and is_two_days(typed)
        }
        return self.model_copy(update=read)

    def day(self) -> date | None:
        """Return the day to send on; the draft must be settled."""
        return None if self.send_on is None else date.fromisoformat(self.send_on)

    def hour(self) -> time:
        """Return the time to send at, midnight if none is given."""
        return hour_of(self.send_time)
