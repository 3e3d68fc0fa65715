"""Change a campaign in one step, also an approved one: the approval is withdrawn, and only the given fields change."""

from typing import Literal

from schemas.draft import CampaignDraft
from schemas.form import Actor, CampaignName, OptionalHours, OptionalText
from schemas.recap_rows import Recap
from tasks.campaigns import check_draft, make_recap, publish_recap, read_revised
from tasks.contacts import attach_file
from tasks.refusals import flow

Switch = Literal["keep", "yes", "no"]


@flow(name="revise-campaign")
def revise_campaign(
    campaign: CampaignName,
    actor: Actor,
    title: OptionalText = "",
    text: OptionalText = "",
    literal_placeholders: list[str] = [],  # noqa: B006 - read only; a form needs a list
    replace_characters: Literal["keep", "off", "typography", "accents"] = "keep",
    sender_id: OptionalText = "",
    kind: Literal["keep", "marketing", "alert"] = "keep",
    lists: list[str] = [],  # noqa: B006
    numbers: list[str] = [],  # noqa: B006
    file: OptionalText = "",
    exclude_lists: list[str] = [],  # noqa: B006
    legal_basis: Literal["keep", "consent", "customer", "service"] = "keep",
    max_messages_in_days: OptionalText = "",
    gateway: OptionalText = "",
    policy: OptionalText = "",
    send_on: OptionalText = "",
    send_time: OptionalText = "",
    clock: Literal["keep", "team", "local"] = "keep",
    if_closed: Literal["keep", "next_opening", "drop"] = "keep",
    if_credit_ends: Literal["keep", "pause", "send_what_fits"] = "keep",
    offer_ends: OptionalText = "",
    max_lateness: OptionalHours = 0,
    repeat: Switch = "keep",
    requested_service: Switch = "keep",
    emergency_reason: OptionalText = "",
    cost_centre: OptionalText = "",
    reply_owner: OptionalText = "",
    note: OptionalText = "",
    clear: list[str] = [],  # noqa: B006
    prepare_again: bool = False,
) -> Recap:
    """Prepare a campaign again with some fields changed; empty fields stay as they were.

    Until a message was sent, an approved campaign gets its credit back and must be approved again, in one transaction.

    Args:
        campaign: The campaign's name, or its key.
        actor: Who changes it.
        title: Its name on pages; its key does not change.
        text: The new text.
        literal_placeholders: All texts in brackets of another tool that are sent as they are.
        replace_characters: Which characters are replaced to make messages cheaper.
        sender_id: What the phone shows.
        kind: marketing or alert.
        lists: All its lists; they replace those it had.
        numbers: All numbers typed by hand; they replace those it had.
        file: A contact file in data/inbox/attachments/, read now; it replaces the one it had.
        exclude_lists: All lists to exclude; they replace those it had.
        legal_basis: Why the people of its own file may get marketing.
        max_messages_in_days: Such as 3 in 30.
        gateway: The provider that sends it.
        policy: When marketing may be sent.
        send_on: The day, such as 2026-11-28 or 28/11/2026.
        send_time: The time, such as 09:30 or 9h30.
        clock: The clock of send_time: the team's, or each recipient's.
        if_closed: What happens to marketing outside the legal hours.
        if_credit_ends: What happens to the rest when the credit ends while it is being sent.
        offer_ends: Such as 2026-11-30 or 2026-11-30 18:00, in the team's time zone.
        max_lateness: How many hours late a message may be sent, such as 2; 0 keeps the value it had.
        repeat: Whether it may repeat another campaign's text to the same people.
        requested_service: Whether people asked for exactly this alert.
        emergency_reason: Why an alert may use the credit committed to marketing.
        cost_centre: For your own accounts.
        reply_owner: The mail address of the person who reads the replies.
        note: For your colleagues.
        clear: Names of fields to empty, such as send_on and send_time.
        prepare_again: Prepare it although no field changes, so that lists, prices and hours are read again.
    """
    fields = {name: value for name, value in locals().items() if name in CampaignDraft.model_fields.keys() - {"actor"}}
    revision = read_revised(campaign, actor, fields, clear, prepare_again=prepare_again)
    check_draft(revision.draft, revision.revises)
    if revision.reads_file:
        attach_file(revision.draft)
    recap = make_recap(revision.draft, revises=revision.revises)
    publish_recap(recap)
    return recap
