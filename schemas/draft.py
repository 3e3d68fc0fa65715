"""The campaign draft: what a person fills in, as a form in the UI or as a YAML file."""

import re
from datetime import date, time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from schemas.form import LegalBasis, draw_as_box

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{1,59}$"
TIME_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
MOMENT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}( ([01][0-9]|2[0-3]):[0-5][0-9])?$"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
CAP_PATTERN = r"^[1-9][0-9]{0,2} in [1-9][0-9]{0,2}$"
MOST_HOURS = 366 * 24


class CampaignDraft(BaseModel):
    """Everything a campaign is made of, before it is prepared.

    Blanks around a value are taken off, but not around ``text``: it is sent as it was written, and the linter tells.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(
        title="Name",
        pattern=NAME_PATTERN,
        description="Such as soldes-hiver: small letters, digits, dashes. Prepare again under it to change the draft.",
        examples=["soldes-hiver"],
    )
    kind: Literal["marketing", "alert"] = Field(
        default="marketing",
        title="Kind",
        description="marketing: legal hours, STOP mention, opt-outs. alert: at any time, for what cannot wait.",
    )
    text: Annotated[str, StringConstraints(strip_whitespace=False)] = Field(
        title="Text",
        min_length=1,
        max_length=1530,
        description="Such as: Bonjour {first_name|cher client}. In braces a column, then what replaces an empty cell. "
        "The STOP mention is added by itself.",
        examples=["Bonjour {first_name|cher client}, -20 % ce samedi."],
    )
    replace_characters: Literal["off", "typography", "accents"] = Field(
        default="off",
        title="Replace characters",
        description="Some characters make a message twice as dear. typography: curly quotes, dashes, œ … are replaced; "
        "accents: ê, ç, À … too; off: the text stays as it is. The recap says what each would save.",
    )
    sender_id: str = Field(
        title="Sender",
        description="What the phone shows: 3 to 11 letters and digits, or a short code of 5 digits.",
        examples=["MABOUTIQUE"],
    )
    lists: list[str] = Field(
        default_factory=list, title="Lists", description="Names of contact lists, as they were ingested."
    )
    numbers: list[str] = Field(default_factory=list, title="Numbers", description="More numbers, typed by hand.")
    file: str | None = Field(
        default=None,
        title="File",
        description="The name of a contact file in data/inbox/attachments/, for this campaign alone.",
        examples=["invites.xlsx"],
        json_schema_extra=draw_as_box,
    )
    exclude_lists: list[str] = Field(
        default_factory=list, title="Lists to leave out", description="Nobody on these lists gets a message."
    )
    legal_basis: LegalBasis = Field(
        default="",
        title="Legal basis of the file",
        description="Why the people of the campaign's own file may get marketing. Lists have theirs by manage-list.",
    )
    max_messages_in_days: str | None = Field(
        default=None,
        title="At most",
        pattern=CAP_PATTERN,
        description="Such as 3 in 30: who got 3 marketing messages in the last 30 days is left out of this one.",
        examples=["3 in 30"],
        json_schema_extra=draw_as_box,
    )
    gateway: str = Field(default="sandbox", title="Gateway", description="The provider that carries the messages.")
    policy: str = Field(
        default="fr-strict", title="Policy", description="When marketing may leave: fr-strict, fr-af2m-2026, us-tcpa."
    )
    send_on: date | None = Field(
        default=None,
        title="Day",
        description="Empty: as soon as it is approved.",
        examples=["2026-11-28"],
        json_schema_extra=draw_as_box,
    )
    send_time: str | None = Field(
        default=None,
        title="Hour",
        pattern=TIME_PATTERN,
        description="Such as 09:30, in the team's time zone. Empty with a day: 00:00, so at the first legal minute.",
        examples=["09:30"],
        json_schema_extra=draw_as_box,
    )
    clock: Literal["team", "local"] = Field(
        default="team",
        title="Clock",
        description="Whose clock the hour is on. team: your time zone, so the same moment everywhere; local: each "
        "recipient's own, which needs a day and an hour.",
    )
    if_closed: Literal["next_opening", "drop"] = Field(
        default="next_opening",
        title="If closed",
        description="Marketing that meets closed hours: next_opening: it waits for them to open; drop: it is not sent.",
    )
    offer_ends: str | None = Field(
        default=None,
        title="Offer ends",
        pattern=MOMENT_PATTERN,
        description="Such as 2026-11-30, or 2026-11-30 18:00 in the team's time zone. A day alone: until its end. "
        "Nothing leaves later; the recap says what would not leave in time.",
        examples=["2026-11-30"],
        json_schema_extra=draw_as_box,
    )
    max_lateness: float | None = Field(
        default=None,
        title="At most so late",
        gt=0,
        le=MOST_HOURS,
        description="Hours, such as 2 or 1.5: what could not leave so long after its time is not sent. Empty: it "
        "waits.",
        examples=[2],
        json_schema_extra=draw_as_box,
    )
    repeat: bool = Field(
        default=False,
        title="Repeat",
        description="Send although largely the same people were sent the same text within 48 hours.",
    )
    requested_service: bool = Field(
        default=False,
        title="Requested service",
        description="Alerts only: these people asked for this very service, so a marketing STOP does not bind it.",
    )
    emergency_reason: str | None = Field(
        default=None,
        title="Emergency",
        description="Alerts only: why it cannot wait. It may then use the credit that is committed to marketing.",
        json_schema_extra=draw_as_box,
    )
    author: str = Field(title="Author", min_length=1, description="Who prepares it.", examples=["camille"])
    cost_centre: str | None = Field(
        default=None, title="Cost centre", description="For your own accounts.", json_schema_extra=draw_as_box
    )
    note: str | None = Field(
        default=None,
        title="Note",
        description="For your colleagues; nobody else reads it.",
        json_schema_extra=draw_as_box,
    )

    @field_validator("text")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("nothing but blanks; write what people are to read")
        if _CONTROL.search(value):
            raise ValueError("it holds a control character that no phone can show; take it out")
        return value

    @field_validator(
        "file", "max_messages_in_days", "send_on", "send_time", "offer_ends", "max_lateness", "emergency_reason",
        "cost_centre", "note",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    def hour(self) -> time:
        """Return the hour to send at, midnight when none is given."""
        return time.fromisoformat(self.send_time or "00:00")
