"""What every use case needs: settings, the store, the clock, gateways, mail and a log, built once and passed down."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from logging import Logger, LoggerAdapter
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from campanile.gateways import registry
from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.mail import MailSettings
from campanile.gateways.sandbox.adapter import SandboxGateway
from campanile.services.clock import real_now, simulation_note
from campanile.services.sending.throughput import pace_of
from campanile.services.settings import Settings
from campanile.services.store_startup import start_store
from campanile.sms.errors import ConfigurationError
from campanile.sms.rules.tariff import Tariff
from campanile.store.db.database import Transaction, transaction
from campanile.store.ledger.charges import PriceRules
from campanile.store.ledger.claim_checks import ClaimRules, DailyLimit
from schemas.balance_facts import BalanceFacts
from schemas.billing_rows import Billing
from schemas.gateway import Gateway, Manifest
from schemas.tariff_file import parse_tariff

Log = Logger | LoggerAdapter[Any]


def program_log() -> Log:
    """Return the log that is used outside of any run."""
    return logging.getLogger("campanile")


class Context:
    """Settings, store, clock, gateways, mail and log of one process, or of one test.

    The store is opened and migrated at its first use.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime] | None = None,
        find_log: Callable[[], Log] = program_log,
        announce: Callable[[BalanceFacts], None] | None = None,
    ) -> None:
        """Create a context; nothing is opened yet.

        Args:
            settings: as they were read.
            now: the clock of a test; None: the machine's, shifted by the offset that the store keeps.
            find_log: returns the log to write to, at each use.
            announce: gives the event of a low balance to Prefect; None: this process cannot.
        """
        self.settings = settings
        self._now, self._find_log = now, find_log
        self.announce = announce
        self._gateways: dict[str, Gateway] = {}

    @property
    def log(self) -> Log:
        """The log of the current run, or the program's."""
        return self._find_log()

    def now(self) -> datetime:
        """Return the current time, which all decisions use: the machine's, or the simulated one."""
        return real_now() + self.clock_offset if self._now is None else self._now()

    def has_passed(self, moment: datetime) -> bool:
        """Return whether a moment has passed."""
        return self.now() >= moment

    @cached_property
    def clock_offset(self) -> timedelta:
        """How far the clock is ahead of the machine's, zero unless it is simulated; opens and migrates the store.

        Raises:
            SimulationMixed: store and settings do not agree on a simulated clock.
            StoreTooNew: a newer version wrote the store.
        """
        return start_store(self.settings)

    @contextlib.contextmanager
    def transaction(self, *, read_only: bool = False) -> Iterator[Transaction]:
        """Open one transaction on the store; short, and never around a network or Prefect call."""
        _ = self.clock_offset  # opens and migrates the store before the first transaction
        with transaction(
            self.settings.store_file,
            self.now,
            read_only=read_only,
            wait_seconds=self.settings.store_wait_seconds,
            limit_seconds=self.settings.store_limit_seconds,
            opt_out_key=self.settings.opt_out_key,
        ) as tx:
            yield tx

    def gateway(self, name: str) -> Gateway:
        """Return a gateway by its name; the sandbox gets the simulated clock, if there is one.

        Raises:
            ConfigurationError: no such gateway, or a real one while the clock is simulated.
        """
        if name not in self._gateways:
            self._gateways[name] = self._open_gateway(name)
        return self._gateways[name]

    def manifest(self, name: str) -> Manifest:
        """Return the manifest of a gateway under the current settings.

        Raises:
            ConfigurationError: no such gateway.
        """
        return registry.manifest_of(name, self._access(name).options)

    def tariff(self, gateway: str) -> Tariff:
        """Read the prices that the team keeps for a gateway.

        Raises:
            ConfigurationError: there is no such file, or it cannot be read.
        """
        path = self.settings.tariff_dir / f"{gateway}.csv"
        if not path.is_file():
            raise ConfigurationError(f"no tariff {path}; it must hold country,price,unit for gateway {gateway}")
        return parse_tariff(path.read_text(encoding="utf-8"), path.name)

    def claim_rules(self, manifest: Manifest) -> ClaimRules:
        """Return the rules of a claim on a gateway, from the settings."""
        found = self.settings
        return ClaimRules(
            claim_seconds=found.claim_seconds,
            deadline_seconds=found.gateway_deadline_seconds,
            margin_seconds=found.window_margin_seconds,
            lease_seconds=found.lease_seconds,
            settle_seconds=max(found.settle_seconds, manifest.settle_seconds),  # guard: look-up-lag
            replies_max_age_seconds=found.replies_max_age_seconds,
            wake_up_seconds=found.wake_up_minutes * 60,
            segments_per_second=pace_of(found, manifest).segments_per_second,
            prices=self.price_rules(manifest),
            clock_margin_seconds=found.clock_margin_seconds,
            daily_limit=self.daily_limit(manifest.gateway),
        )

    def billing(self, gateway: str) -> Billing:
        """Return how a gateway is paid: as its setting says, or its manifest.

        Raises:
            ConfigurationError: no such gateway, or it is set to prepaid and reports no balance.
        """
        manifest = self.manifest(gateway)
        known = Billing.PREPAID if manifest.has_balance else Billing.DECLARED
        found = getattr(self.settings, f"{gateway}_billing", None) or known
        if found is Billing.PREPAID and not manifest.has_balance:
            raise ConfigurationError(
                f"SMS_{gateway.upper()}_BILLING=prepaid is not possible, because gateway {gateway} reports no balance: "
                "set postpaid, or declared"
            )
        return Billing(found)

    def monthly_cap(self, gateway: str) -> Decimal:
        """Return how much a postpaid gateway may charge in a month."""
        return Decimal(getattr(self.settings, f"{gateway}_monthly_cap"))

    def daily_limit(self, gateway: str) -> DailyLimit:
        """Return how much a gateway may charge on one day of the team."""
        return DailyLimit(getattr(self.settings, f"{gateway}_daily_spending_limit", None), self.settings.zone)

    def price_rules(self, manifest: Manifest) -> PriceRules:
        """Return how far the charges of a gateway may differ from the recap, from the settings."""
        found = self.settings
        return PriceRules(manifest.unit, found.price_tolerance_percent / 100, found.price_limit_percent / 100)

    @property
    def closing_margin_seconds(self) -> float:
        """The seconds before a window closes in which nothing is claimed, as in ``ClaimRules.closing_margin``."""
        return self.settings.window_margin_seconds + self.settings.gateway_deadline_seconds

    @property
    def mail(self) -> MailSettings | None:
        """How mail is sent, or None when no host is set."""
        found = self.settings
        if found.mail_host is None:
            return None
        return MailSettings(
            host=found.mail_host,
            port=found.mail_port,
            sender=found.mail_from,
            recipients=found.mail_to,
            tls=found.mail_tls,
            user=found.mail_user or "",
            password=found.mail_password.get_secret_value() if found.mail_password else "",
            ca_file=found.mail_ca_file,
            timeout_seconds=found.mail_seconds,
        )

    @property
    def simulation_note(self) -> str:
        """One line that names the simulated moment; empty: the clock is not simulated."""
        return simulation_note(self.settings.simulated_now)

    def data_path(self, *parts: str) -> Path:
        """Return a folder in the data folder; it is created if it is missing."""
        path = self.settings.data_dir.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _open_gateway(self, name: str) -> Gateway:
        self.manifest(name)  # an unknown name is refused before anything else
        is_simulated = self.settings.simulated_now is not None
        if is_simulated and name != "sandbox":
            raise ConfigurationError(f"SMS_SIMULATED_NOW is set: only the sandbox may be used, not gateway {name}")
        gateway = registry.open_gateway(name, self._access(name))
        if is_simulated and isinstance(gateway, SandboxGateway):
            gateway.set_clock(self.clock_offset.total_seconds())
        return gateway

    def _access(self, name: str) -> GatewayAccess:
        """Return the settings that begin with a gateway's name, without the empty ones, and where its callbacks are."""
        prefix, found = f"{name}_", self.settings
        fields = {field: getattr(found, field) for field in type(found).model_fields if field.startswith(prefix)}
        options = {
            field.removeprefix(prefix): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for field, value in fields.items()
            if value is not None
        }
        spool = found.callbacks / name
        return GatewayAccess(name, options, found.gateway_deadline_seconds, found.allow_local_providers, spool)
