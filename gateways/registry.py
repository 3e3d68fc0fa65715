"""Which gateways there are, by the name a campaign gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateways.sandbox import adapter as sandbox
from schemas.gateway import Gateway, Manifest, Resolution
from sms.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class GatewayAccess:
    """Where a gateway is and how it lets us in."""

    url: str
    api_key: str = field(repr=False)
    deadline_seconds: float = 10.0
    resolution: Resolution = Resolution.IDEMPOTENCY_KEY
    """How the sandbox was told to settle unknown messages; real gateways have a class of their own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an adapter promises, and how it is made."""

    manifest: Manifest
    open: Callable[[GatewayAccess], Gateway]


def _open_sandbox(access: GatewayAccess) -> Gateway:
    return sandbox.SandboxGateway(access.url, access.api_key, access.deadline_seconds, access.resolution)


REGISTRY: Mapping[str, Entry] = {
    "sandbox": Entry(sandbox.MANIFEST, _open_sandbox),
}
GATEWAY_NAMES = tuple(REGISTRY)


def open_gateway(name: str, settings: GatewayAccess) -> Gateway:
    """Return the adapter of a name; nothing is asked of the provider yet.

    Raises:
        ConfigurationError: there is no gateway of that name, or its URL is none.
    """
    return _entry(name).open(settings)


def manifest_of(name: str) -> Manifest:
    """Return what the adapter of a name promises, without access to the provider.

    Raises:
        ConfigurationError: there is no gateway of that name.
    """
    return _entry(name).manifest


def _entry(name: str) -> Entry:
    if name not in REGISTRY:
        raise ConfigurationError(f"there is no gateway {name!r}; there are: {', '.join(GATEWAY_NAMES)}")
    return REGISTRY[name]
