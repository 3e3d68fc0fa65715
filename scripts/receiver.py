"""The receiver of callbacks that `make up` starts: its command, and the file with its settings."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from campanile.gateways.callbacks.registry import TABLES
from scripts.login import write_private
from tasks.context import current_context

SETTINGS_NAME = "callback-settings"


def receiver_command(home: Path, port: int, environment: Mapping[str, str]) -> Sequence[str]:
    """Return the command of the receiver; the settings of all gateways are written to a file for it.

    Args:
        home: the data folder, where that file is.
        port: where it listens.
        environment: of the children, which has the secret of the sandbox's callbacks.
    """
    settings, prefixes = current_context().settings, tuple(f"{gateway}_" for gateway in TABLES)
    found = {name: getattr(settings, name) for name in type(settings).model_fields if name.startswith(prefixes)}
    values = {f"SMS_{name.upper()}": _plain(value) for name, value in found.items() if value is not None}
    values["SMS_SANDBOX_CALLBACK_SECRET"] = environment["SMS_SANDBOX_CALLBACK_SECRET"]
    file = home / SETTINGS_NAME
    write_private(file, "\n".join(f"{name}='{value}'" for name, value in sorted(values.items())))
    given = {"--settings": file, "--spool": settings.callbacks_dir or home / "callbacks", "--port": port}
    return sys.executable, "-m", "campanile.gateways.callbacks", *(str(word) for pair in given.items() for word in pair)


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
