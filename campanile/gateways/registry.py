"""Which gateways there are, by the name a campaign gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.kannel import adapter as kannel
from campanile.gateways.ovhcloud import adapter as ovhcloud
from campanile.gateways.sandbox import adapter as sandbox
from campanile.gateways.twilio import adapter as twilio
from campanile.sms.errors import ConfigurationError
from schemas.gateway import Gateway, Manifest


@dataclass(frozen=True, slots=True)
class Entry:
    """What an adapter promises, and how it is made."""

    manifest: Manifest
    open: Callable[[GatewayAccess], Gateway]
    configure: Callable[[Manifest, Mapping[str, str]], Manifest] = lambda manifest, _: manifest
    """What the manifest becomes under a team's settings."""


REGISTRY: Mapping[str, Entry] = {
    "sandbox": Entry(sandbox.MANIFEST, sandbox.open_gateway, sandbox.configure),
    "twilio": Entry(twilio.MANIFEST, twilio.open_gateway),
    "ovhcloud": Entry(ovhcloud.MANIFEST, ovhcloud.open_gateway),
    "kannel": Entry(kannel.MANIFEST, kannel.open_gateway),
}
GATEWAY_NAMES = tuple(REGISTRY)


def open_gateway(name: str, access: GatewayAccess) -> Gateway:
    """Return the adapter of a name; nothing is asked of the provider yet.

    Raises:
        ConfigurationError: there is no gateway of that name, or its URL is none.
    """
    return _entry(name).open(access)


def manifest_of(name: str, options: Mapping[str, str] = MappingProxyType({})) -> Manifest:
    """Return what the adapter of a name promises, without access to the provider.

    Args:
        name: the gateway.
        options: its settings, as ``GatewayAccess`` has them.

    Raises:
        ConfigurationError: there is no gateway of that name.
    """
    entry = _entry(name)
    return entry.configure(entry.manifest, options)


def _entry(name: str) -> Entry:
    if name not in REGISTRY:
        raise ConfigurationError(f"there is no gateway {name!r}; there are: {', '.join(GATEWAY_NAMES)}")
    return REGISTRY[name]
