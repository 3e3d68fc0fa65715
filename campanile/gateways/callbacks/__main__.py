"""``python -m campanile.gateways.callbacks``: the receiver of all callbacks, as a process of its own."""

import argparse
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from campanile.file_permissions import keep_private
from campanile.gateways.callbacks.group_commit import MOST_WAITING
from campanile.gateways.callbacks.receiver import build_app, open_gateway
from campanile.gateways.callbacks.registry import TABLES, configured
from campanile.gateways.callbacks.settings_file import read_settings_file
from campanile.gateways.callbacks.spool import received_into
from campanile.gateways.local_server import add_address, listen, serve
from campanile.sms.errors import SmsError


def build_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m campanile.gateways.callbacks", description="Receive the callbacks of the gateways."
    )
    add = parser.add_argument
    add_address(parser, port=8910)
    # No secret is an option: everybody on the machine can read the command lines of processes.
    add("--settings", type=Path, default=Path(".env"), metavar="FILE", help="lines NAME=value (default: %(default)s)")
    add("--spool", type=Path, metavar="DIR", help="folder of the callbacks (default: SMS_CALLBACKS_DIR of the file)")
    add("--keep-days", type=_number, default=90, metavar="N", help="older callbacks are deleted (default: %(default)s)")
    add(
        "--most-waiting", type=_number, default=MOST_WAITING, metavar="N",
        help="callbacks of a kind that may wait for the disk; more are answered with 503 (default: %(default)s)",
    )  # fmt: skip
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; return the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        _run(options)
    except (SmsError, OSError, ValueError) as error:
        sys.stderr.write(f"receiver: {error}\n")
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _run(options: argparse.Namespace) -> None:
    settings = read_settings_file(options.settings)
    gateways = configured(settings)
    folder = options.spool or _folder_of(settings)
    keep_private(folder)
    with listen(options) as listener, ExitStack() as held:
        for name in gateways:
            held.enter_context(received_into(folder / name))
        opened = {
            name: open_gateway(folder / name, TABLES[name], found, options.keep_days, options.most_waiting)
            for name, found in gateways.items()
        }
        app = build_app(opened, lambda: datetime.now(UTC))
        names = ", ".join(gateways)
        serve(app, listener, lambda url: f"receiver of callbacks on {url} ({names}; spool in {folder})")


def _folder_of(settings: Mapping[str, str]) -> Path:
    """Return the folder that Campanile reads under these settings: ``Settings.callbacks``."""
    if folder := settings.get("SMS_CALLBACKS_DIR"):
        return Path(folder)
    return Path(settings.get("SMS_DATA_DIR") or "data") / "callbacks"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 9999")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
