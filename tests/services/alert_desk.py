"""A team with an account at a gateway, whose balance it spends, tops up and is told about."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from campanile.services.billing.balance import watch_balance
from campanile.services.billing.balance_watch import BalanceWatch
from campanile.sms.errors import GatewayUnreachable
from campanile.store.billing.balance import committed_credit
from schemas.balance_facts import BalanceFacts
from schemas.gateway import Balance
from tests.services.results_desk import ResultsDesk

TEAM = ["+33612345699", "+33612345698"]
MAIL = {"mail_host": "127.0.0.1", "mail_to": ["team@example.org"]}


class Account:
    """The account at the provider: what it says of its balance, and how often it was asked."""

    def __init__(self, amount: str) -> None:
        self.amount, self.asked_count, self.is_down = Decimal(amount), 0, False

    def balance(self) -> Balance:
        self.asked_count += 1
        if self.is_down:
            raise GatewayUnreachable("no connection to the gateway")
        return Balance(self.amount, "EUR")


class AlertDesk(ResultsDesk):
    """A desk with an account, the events that it announced, and the mails that it sent: subject, text and HTML."""

    def __init__(self, path: Path, amount: str = "300", **settings: Any) -> None:
        super().__init__(path, **(MAIL | {"alert_numbers": TEAM} | settings))
        self.account = Account(amount)
        self.context._gateways["sandbox"] = self.account  # type: ignore[assignment]
        self.events: list[BalanceFacts] = []
        self.context.announce = self.events.append
        self.mails: list[tuple[str, str, str]] = []
        self._campaigns = 0

    def keep_mail(self, server: object, subject: str, text: str, html: str) -> None:
        self.mails.append((subject, text, html))

    def check(self) -> None:
        """The scheduled check-balance."""
        watch_balance(self.context, "sandbox")

    def spend(self, amount: str, *, sees_it: bool = True) -> None:
        """Send a campaign at this price, and look at the balance after its batch as the sender does.

        SMS to the team that wait are committed, so the balance is read again between approval and capture.
        """
        self._campaigns += 1
        name = f"campaign-{self._campaigns}"
        with self.tx(read_only=True) as tx:
            waiting = committed_credit(tx, "sandbox")
        self.put_balance(str(self.account.amount + waiting))
        self.read_stops()
        self.prepare(name, [self._campaigns], price=amount)
        self.approve(name)
        lease = self.open(name)
        assert lease is not None
        claim = self.must_claim(lease)
        if waiting:
            self.put_balance(str(self.account.amount))
        self.answer(lease, claim, "accepted")
        self.close(lease)
        self.account.amount -= Decimal(amount)
        if sees_it:
            BalanceWatch(self.context, "sandbox").look_once()

    def top_up(self, amount: str) -> None:
        self.account.amount += Decimal(amount)

    def notices(self) -> list[str]:
        """Return the planned SMS to the team: one text for each number and alert."""
        sql = "SELECT text FROM message JOIN campaign USING (campaign_id) WHERE kind = 'notice' ORDER BY recipient_id"
        return [text for (text,) in self.sql(sql)]

    def told(self) -> list[str]:
        """Return the level of each alert on the balance, and check that mail, SMS and event agree on their number."""
        levels = [str(facts.level) for facts in self.events]
        mails = [subject for subject, _, _ in self.mails if subject.startswith("Campanile: balance of")]
        texts = [text for text in self.notices() if text.startswith("balance of")]
        assert (len(mails), len(texts)) == (len(levels), len(levels) * len(TEAM))
        return levels
