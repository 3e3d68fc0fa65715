"""What a sender does when the credit ends: read the balance again, then pause the campaign or end it."""

from campanile.services.billing.balance import read_balance
from campanile.services.context import Context
from campanile.services.sending.in_flight import RunCounters
from campanile.sms.errors import OutOfCredit, SmsError
from campanile.store.ledger.run_lifecycle import RunOutcome
from schemas.billing_rows import Billing
from schemas.draft import CampaignDraft
from schemas.gateway import Manifest


class CreditEnd:
    """The end of the credit in one run of a campaign.

    The balance that claims count with may be older than a top-up, or than what another program spent. So it is read
    again before the run ends, while nothing is in flight; once more only if messages were accepted since.

    Attributes:
        draft: the campaign's.
        refused: a refusal by the gateway for lack of credit, since the last reading.
    """

    def __init__(self, context: Context, manifest: Manifest, counters: RunCounters) -> None:
        self.draft: CampaignDraft | None = None
        self.refused: OutOfCredit | None = None
        self._context, self._manifest, self._counters = context, manifest, counters
        self._read_at_count: int | None = None
        self._refused_before: OutOfCredit | None = None

    def may_go_on(self) -> bool:
        """Read the balance again; return whether it was read, so that the next claims count with it."""
        accepted_count = self._counters.events["accepted"]
        # guard: one-reading
        if self._read_at_count == accepted_count or not self._reads_balance():
            return False
        self._read_at_count = accepted_count
        try:
            read_balance(self._context, self._manifest.gateway)
        except SmsError as error:
            self._context.log.warning("the balance cannot be read again: %s", error)
            return False
        self.refused, self._refused_before = None, self.refused or self._refused_before
        return True

    def _reads_balance(self) -> bool:
        return self._context.billing(self._manifest.gateway) is not Billing.DECLARED

    def run_outcome(self, why: str = "") -> RunOutcome:
        """Return how the run ends: the campaign is paused, or, if its draft says so, ends with what was covered.

        Args:
            why: the line of the claim that was not covered; empty: the gateway refused.
        """
        refused = self.refused or self._refused_before
        if refused is not None:
            hint = (
                f"the gateway refused more than the ledger expected, as if another program used the account: {refused}"
            )
            why = f"{why}; {hint}" if why else hint
        if self.draft is not None and self.draft.if_credit_ends == "send_what_fits":
            why = f"{why}. What the credit covered is sent, and the rest is cancelled: the draft says send_what_fits"
            return RunOutcome(why, is_alarming=True, cancels_rest=True)
        return RunOutcome(f"{why}. Top it up, then run resume-campaign", needs_person=True)
