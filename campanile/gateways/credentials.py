"""How a gateway lets us in: the settings that begin with its name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from campanile.gateways.allowed_addresses import is_loopback, shown_url
from campanile.sms.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class GatewayAccess:
    """What the team set for one gateway.

    ``options`` holds its settings by the rest of their names: ``SMS_SANDBOX_URL`` is ``url`` of ``sandbox``. It has
    no key for a setting that is not set. ``allows_local``: a server on this machine may replace the provider.
    ``spool``: the folder in which the receiver keeps the callbacks of this gateway.
    """

    gateway: str
    options: Mapping[str, str] = field(repr=False)
    deadline_seconds: float = 10.0
    allows_local: bool = False
    spool: Path = Path("data/callbacks")

    def need(self, option: str) -> str:
        """Return an option.

        Raises:
            ConfigurationError: it is not set; names the variable.
        """
        if option not in self.options:
            variable = f"SMS_{self.gateway}_{option}".upper()
            raise ConfigurationError(f"gateway {self.gateway} needs {variable}, which is not set")
        return self.options[option]

    def need_url(self, *domains: str) -> str:
        """Return the option ``url``, which secrets and numbers are sent to: https, at the provider's own host.

        Args:
            domains: the provider's: each of them and every name below.

        Raises:
            ConfigurationError: it is not set, or is not that.
        """
        url = self.need("url")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port = "", None
        if self.allows_local and is_loopback(host):
            return url
        is_theirs = any(host == domain or host.endswith(f".{domain}") for domain in domains)
        if is_theirs and url.startswith("https://") and port in {None, 443}:
            return url
        raise ConfigurationError(
            f"the gateway's URL is {shown_url(url)!r} (SMS_{self.gateway.upper()}_URL): it must be https at "
            f"{' or '.join(domains)}, or for tests, with SMS_ALLOW_LOCAL_PROVIDERS, a server on this machine"
        )
