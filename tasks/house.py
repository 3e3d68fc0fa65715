"""What every task needs: a visit to the store, a gateway, the team's mail."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr

from gateways import registry
from gateways.access import GatewayAccess
from gateways.mail import MailSettings
from gateways.sandbox.adapter import SandboxGateway
from schemas.gateway import Gateway, Manifest
from sms.errors import ConfigurationError
from sms.tariff import Tariff, parse_tariff
from store.charges import PriceRules
from store.clearance import ClaimRules
from store.database import Transaction, transaction
from tasks.clock import clock_offset, now
from tasks.pacing import pace_of
from tasks.settings import settings


@contextlib.contextmanager
def visit_store(*, read_only: bool = False) -> Iterator[Transaction]:
    """Visit the store in one transaction; short, and never around a network or Prefect call."""
    clock_offset()  # opens and migrates the store once a process, before the first visit
    found = settings()
    limits = {"wait_seconds": found.store_wait_seconds, "limit_seconds": found.store_limit_seconds}
    with transaction(found.store_file, now, read_only=read_only, **limits) as visit:
        yield visit


@lru_cache(maxsize=8)
def gateway_named(name: str) -> Gateway:
    """Return the gateway of a name, told about the rehearsed clock.

    Raises:
        ConfigurationError: no such gateway, or a rehearsal would write to a real one.
    """
    manifest_of(name)  # an unknown name is refused before anything else
    if settings().simulated_now is not None and name != "sandbox":
        raise ConfigurationError(f"SMS_SIMULATED_NOW is set: only the sandbox may be used, not gateway {name}")
    gateway = registry.open_gateway(name, _access(name))
    if settings().simulated_now is not None and isinstance(gateway, SandboxGateway):
        gateway.set_clock(clock_offset().total_seconds())
    return gateway


def manifest_of(name: str) -> Manifest:
    """Return what the gateway of a name promises as it is set up here.

    Raises:
        ConfigurationError: no such gateway.
    """
    return registry.manifest_of(name, _access(name).options)


def tariff_of(gateway: str) -> Tariff:
    """Read the prices that the team keeps for a gateway.

    Raises:
        ConfigurationError: there is no such file, or it cannot be read.
    """
    path = settings().tariff_dir / f"{gateway}.csv"
    if not path.is_file():
        raise ConfigurationError(f"no tariff {path}; it must hold country,price,unit for gateway {gateway}")
    return parse_tariff(path.read_text(encoding="utf-8"), path.name)


def claim_rules(manifest: Manifest) -> ClaimRules:
    """Return what a claim on a gateway respects, from the settings."""
    found = settings()
    return ClaimRules(
        claim_seconds=found.claim_seconds,
        deadline_seconds=found.gateway_deadline_seconds,
        margin_seconds=found.window_margin_seconds,
        lease_seconds=found.lease_seconds,
        settle_seconds=max(found.settle_seconds, manifest.settle_seconds),
        replies_max_age_seconds=found.replies_max_age_seconds,
        wake_up_seconds=found.wake_up_minutes * 60,
        segments_per_second=pace_of(manifest).segments_per_second,
        prices=price_rules(manifest),
        clock_margin_seconds=found.clock_margin_seconds,
    )


def price_rules(manifest: Manifest) -> PriceRules:
    """Return what a gateway may charge beside the recap, from the settings."""
    found = settings()
    return PriceRules(manifest.unit, found.price_tolerance_percent / 100, found.price_limit_percent / 100)


def has_passed(moment: datetime) -> bool:
    """Tell whether a moment has passed on the wall clock."""
    return now() >= moment


def closing_margin_seconds() -> float:
    """Return how long before a window closes nothing is claimed any more: as ``store.claims`` reckons."""
    return settings().window_margin_seconds + settings().gateway_deadline_seconds


def mail_settings() -> MailSettings | None:
    """Return how mail leaves, or None when no host is set."""
    found = settings()
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
    )


def data_path(*parts: str) -> Path:
    """Return a folder in the data folder, made when it is missing."""
    path = settings().data_dir.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _access(name: str) -> GatewayAccess:
    """Return the settings that begin with a gateway's name; those left empty are not among them."""
    prefix = f"{name}_"
    found = {field: getattr(settings(), field) for field in type(settings()).model_fields if field.startswith(prefix)}
    options = {
        field.removeprefix(prefix): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for field, value in found.items()
        if value is not None
    }
    return GatewayAccess(name, options, settings().gateway_deadline_seconds, settings().allow_local_providers)
