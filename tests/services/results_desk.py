"""A desk whose campaigns have results: reports, charges, replies and STOPs as a gateway brings them."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from campanile.services.context import Context
from campanile.sms.rules.replies.verdicts import classify_reply
from campanile.store.contacts import opt_outs
from campanile.store.inbound.replies import add_replies
from schemas.frame_checks import duckdb_types
from schemas.gateway import Charge, OutgoingMessage
from tests.store.conftest import Desk, number_of
from tests.stores import context_on


class ResultsDesk(Desk):
    """A desk, and the context of the use cases on the same store and clock."""

    def __init__(self, path: Path, **settings: object) -> None:
        super().__init__(path)
        self.context: Context = context_on(path, self.clock, **settings)

    def send(self, name: str, people: Sequence[int], **how: Any) -> dict[int, OutgoingMessage]:
        """Prepare a campaign, and let the gateway accept all of it; return the message of each person."""
        lease = self._start(name, people, {"per_slice": len(people)} | how)
        claim = self.must_claim(lease)
        self.answer(lease, claim, "accepted")
        self.close(lease)
        return {int(message.msisdn) - number_of(0): message for message in claim.messages}

    def deliver(self, message: OutgoingMessage, seconds: float = 0, **changes: Any) -> None:
        """Take in a report that a message was delivered so long after now."""
        self.report(message, reported_at=self.clock.at + timedelta(seconds=seconds), **changes)

    def charge(self, message: OutgoingMessage, amount: str, segments: int = 1) -> None:
        """Take in a report that a message was delivered, with what it was charged."""
        self.deliver(message, charge=Charge(Decimal(amount), "EUR", segments))

    def reply(self, person: int, text: str) -> None:
        """Take in a reply, with what it says."""
        number = number_of(person)
        row = [f"r{self.next_number()}", f"+{number}", number, text, classify_reply(text), self.clock.at]
        rows = pd.DataFrame([row], columns=list(duckdb_types("IncomingReplies")))
        with self.tx() as tx:
            opt_outs.honour_replies(tx, add_replies(tx, "sandbox", rows))

    def list_opt_out(self, person: int) -> None:
        """Take in an entry of the gateway's own list of opt-outs."""
        row = [number_of(person), self.clock.at]
        rows = pd.DataFrame([row], columns=list(duckdb_types("ProviderOptOuts")))
        with self.tx() as tx:
            opt_outs.add_provider_opt_outs(tx, "sandbox", rows)
