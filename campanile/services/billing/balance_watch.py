"""Watch the balance while messages are sent: by the ledger after each batch; the gateway is asked only when needed."""

from collections.abc import Sequence
from decimal import Decimal

from campanile.gateways.transport import clock
from campanile.services.billing.balance import refresh_balance
from campanile.services.billing.balance_alert import ReadingNeed, headroom, message_price
from campanile.services.context import Context
from campanile.sms.errors import SmsError
from campanile.store.db.database import Transaction
from campanile.store.ledger.claims import Claim
from campanile.store.ledger.events import total_price
from campanile.store.ledger.sender_session import SenderSession

#: The ledger is looked at after so many seconds, because other senders spend the same balance.
_OTHERS_SECONDS = 5.0
#: After the gateway was asked because a line was crossed, the ledger is not looked at for so many seconds; because its
#: reading was old, it is not asked for that reason again.
_AGAIN_SECONDS, _OLD_AGAIN_SECONDS = 10.0, 60.0


class BalanceWatch:
    """The balance of one gateway, as one sender spends it.

    With each batch the sender counts down to the next line. When it may have been crossed, the ledger is looked at in
    the transaction that records the batch. If the balance fell below a line since the last reading, the sender takes a
    break, and the gateway is asked: its balance decides on the alert. If it does not answer, the ledger decides. A
    reading that is older than ``SMS_BALANCE_READ_SECONDS`` is renewed at the next break.

    ``wants_break``: nothing more is claimed until what is in flight has its answer.
    """

    def __init__(self, context: Context, gateway: str) -> None:
        self._context, self._gateway = context, gateway
        self._price = message_price(context, gateway)
        self._need: ReadingNeed | None = None
        self.wants_break = False
        self._left, self._look_at = Decimal(0), 0.0
        self._not_before, self._old_again_at = 0.0, 0.0

    def look(self, session: SenderSession, recorded: Sequence[Claim], most: int) -> int:
        """Look at the ledger when this sender, with these claims, or another one may have crossed a line.

        Return how many of ``most`` slices may be claimed: none before a break.
        """
        self._left -= total_price(member.price for claim in recorded for member in claim.members)
        is_wanted = self._left <= 0 or clock() >= self._look_at
        if is_wanted and not self._has_crossed() and clock() >= self._not_before:
            session.write()
            self._read_ledger(session.tx)
            self.wants_break = self._has_crossed()
        return 0 if self.wants_break else most

    def _has_crossed(self) -> bool:
        return self._need is ReadingNeed.CROSSED

    def _read_ledger(self, tx: Transaction) -> None:
        self._left, self._need = headroom(self._context, tx, self._gateway, self._price)
        self._look_at = clock() + _OTHERS_SECONDS
        if not self._has_crossed() and clock() < self._old_again_at:
            self._need = None

    def begin_break(self) -> None:
        """Note that nothing is in flight: one break is enough for a crossing."""
        self.wants_break = False

    def follow_up(self) -> None:
        """Read the balance and alert, if it is needed; nothing may be in flight."""
        if self._need is None:
            return
        if self._has_crossed():
            self._not_before = clock() + _AGAIN_SECONDS
        self._old_again_at = clock() + _OLD_AGAIN_SECONDS
        self._need, self.wants_break = None, False
        refresh_balance(self._context, self._gateway)

    def look_once(self) -> None:
        """Look at the ledger after the last batch, and alert if the balance fell below a line with it."""
        try:
            with self._context.transaction(read_only=True) as tx:
                self._read_ledger(tx)
        except SmsError as error:
            self._context.log.warning("the balance could not be compared with its threshold: %s", error)
        if self._has_crossed():
            self.follow_up()
