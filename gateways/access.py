"""How a gateway lets us in: the settings that begin with its name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sms.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class GatewayAccess:
    """What the team set for one gateway.

    ``options`` holds its settings by the rest of their names: ``SMS_SANDBOX_URL`` is ``url`` of ``sandbox``. What is
    not set is not there.
    """

    gateway: str
    options: Mapping[str, str] = field(repr=False)
    deadline_seconds: float = 10.0

    def need(self, option: str) -> str:
        """Return an option.

        Raises:
            ConfigurationError: it is not set; names the variable.
        """
        if option not in self.options:
            variable = f"SMS_{self.gateway}_{option}".upper()
            raise ConfigurationError(f"gateway {self.gateway} needs {variable}, which is not set")
        return self.options[option]
