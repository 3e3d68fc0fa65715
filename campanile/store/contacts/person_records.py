"""Read everything that is stored about one number."""

from collections.abc import Sequence
from dataclasses import dataclass

from campanile.sms.numbers.written_forms import number_pattern
from campanile.store.db.database import Transaction
from schemas.person_rows import (
    Absences,
    AbsentCampaign,
    DeadNumber,
    DeadNumberEvent,
    FileRow,
    Membership,
    OptOutEntry,
    PersonExclusion,
    PersonMessage,
    PersonReply,
    RejectedRow,
)


@dataclass(frozen=True, slots=True)
class PersonRecords:
    """What is stored about one number; ``absent``: campaigns to lists that the person was not in."""

    memberships: Sequence[Membership]
    file_rows: Sequence[FileRow]
    rejected_rows: Sequence[RejectedRow]
    messages: Sequence[PersonMessage]
    exclusions: Sequence[PersonExclusion]
    absent: Sequence[AbsentCampaign]
    replies: Sequence[PersonReply]
    opt_outs: Sequence[OptOutEntry]
    dead_number: DeadNumber | None
    dead_number_events: Sequence[DeadNumberEvent]
    absences: Absences | None

    @property
    def is_known(self) -> bool:
        """Whether anything is stored about the number."""
        parts = (self.memberships, self.file_rows, self.rejected_rows, self.messages, self.exclusions, self.replies)
        return any((*parts, self.opt_outs, self.dead_number, self.dead_number_events, self.absences))


def read_records(tx: Transaction, number_id: int, msisdn: str) -> PersonRecords:
    """Return what is stored about a number: its digits, and the same as text."""
    pattern = number_pattern(msisdn)
    return PersonRecords(
        memberships=tx.select(Membership, "person.memberships", number_id=number_id),
        file_rows=tx.select(FileRow, "person.file_rows", number_id=number_id),
        rejected_rows=tx.select(RejectedRow, "person.rejected_rows", pattern=pattern),
        messages=tx.select(PersonMessage, "person.messages", number_id=number_id),
        exclusions=tx.select(PersonExclusion, "person.exclusions", number_id=number_id),
        absent=tx.select(AbsentCampaign, "person.absent_campaigns", number_id=number_id),
        replies=tx.select(PersonReply, "person.replies", number_id=number_id, pattern=pattern),
        opt_outs=tx.select(OptOutEntry, "person.opt_outs", number_id=number_id),
        dead_number=tx.find(DeadNumber, "person.dead_number", number_id=number_id),
        dead_number_events=tx.select(DeadNumberEvent, "person.dead_number_events", number_id=number_id),
        absences=tx.find(Absences, "person.absences", number_id=number_id),
    )
