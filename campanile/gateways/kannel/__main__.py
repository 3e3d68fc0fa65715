"""``python -m campanile.gateways.kannel``: the receiver of Kannel's callbacks, as a process of its own."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from campanile.file_permissions import keep_private
from campanile.gateways.kannel.callbacks import check_secret
from campanile.gateways.kannel.receiver import build_app
from campanile.gateways.kannel.spool import received_into
from campanile.gateways.local_server import add_address, listen, serve
from campanile.sms.errors import SmsError


def build_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m campanile.gateways.kannel", description="Receive the callbacks of Kannel."
    )
    add = parser.add_argument
    add_address(parser, port=8910)
    add("--spool", type=Path, required=True, metavar="DIR", help="folder of the callbacks: SMS_KANNEL_SPOOL_DIR")
    # Not an option by itself: everybody on the machine can read the command lines of processes.
    add("--secret-file", required=True, metavar="FILE", help="holds SMS_KANNEL_CALLBACK_SECRET; - reads it from here")
    add("--keep-days", type=_days, default=90, metavar="N", help="older callbacks are deleted (default: %(default)s)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; return the exit code."""
    options = build_parser().parse_args(arguments)
    keep_private(options.spool)
    try:
        secret = check_secret(_read_secret(options.secret_file))
        with listen(options) as listener, received_into(options.spool):
            app = build_app(options.spool, secret, options.keep_days, lambda: datetime.now(UTC))
            serve(app, listener, lambda url: f"receiver of Kannel's callbacks on {url} (spool in {options.spool})")
    except (SmsError, OSError, ValueError) as error:
        sys.stderr.write(f"receiver: {error}\n")
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _read_secret(file: str) -> str:
    return (sys.stdin.readline() if file == "-" else Path(file).read_text(encoding="utf-8")).strip()


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
