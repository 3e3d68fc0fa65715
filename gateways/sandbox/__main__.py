"""``python -m gateways.sandbox``: the sandbox as a process of its own."""

import argparse
import ipaddress
import logging
import re
import signal
import socket
import sys
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import uvicorn

from gateways.sandbox.books import Books, BookSettings
from gateways.sandbox.faults import FaultPlan, parse_faults
from gateways.sandbox.server import Face, build_app
from gateways.sandbox.wire import BreakableProtocol
from schemas.gateway import Resolution
from sms.errors import ConfigurationError, SmsError
from sms.tariff import parse_tariff

TARIFF_PATH = Path(__file__).parents[2] / "data" / "tariffs" / "sandbox.csv"


class AnnouncedServer(uvicorn.Server):
    """A server that says on one line where it listens, once it does."""

    announcement = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        sys.stdout.write(self.announcement + "\n")
        sys.stdout.flush()


def build_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m gateways.sandbox", description="A gateway on this machine.")
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--allow-remote", action="store_true", help="let --host be an address other machines can reach")
    add("--port", type=_port, metavar="N", default=8900, help="0 picks a free one (default: %(default)s)")
    add("--state", type=Path, required=True, metavar="DIR", help="folder of the journal and the bill")
    add("--api-key", default="sandbox-key", metavar="K", help="default: %(default)s")
    add("--tariff", type=Path, default=TARIFF_PATH, metavar="CSV")
    add("--balance", type=_amount, default=Decimal(100), help="of a new folder (default: %(default)s)")
    add("--seed", type=int, default=7, help="draws faults and undelivered numbers (default: %(default)s)")
    add("--faults", default="", metavar="KIND=SHARE,…", help="for instance throttle=0.02,accept_then_reset=0.01")
    add("--resolution", type=Resolution, choices=list(Resolution), default=Resolution.IDEMPOTENCY_KEY)
    add("--latency-ms", type=_duration, default=0.0, metavar="N")
    add("--delivery-seconds", type=_duration, default=0.2, help="from acceptance to report (default: %(default)s)")
    add("--look-up-lag", type=_duration, default=0.0, metavar="SECONDS")
    add("--clock-offset", type=float, default=None, metavar="SECONDS", help="default: as it was left")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; return the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        return _run(options)
    except (SmsError, OSError, ValueError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 0


def _run(options: argparse.Namespace) -> int:
    if not (_is_loopback(options.host) or options.allow_remote):
        raise ConfigurationError(f"{options.host} can be reached from other machines: add --allow-remote to mean it")
    face = _build_face(options)
    with closing(face.books), _listen(options.host, options.port) as listener:
        server = AnnouncedServer(
            uvicorn.Config(
                build_app(face),
                http=BreakableProtocol,
                ws="none",
                lifespan="off",
                proxy_headers=False,
                access_log=False,
                log_level=logging.WARNING,
                timeout_graceful_shutdown=1,
            )
        )
        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{host}:{listener.getsockname()[1]}"
        server.announcement = f"sandbox gateway on {address} (state in {options.state})"
        # uvicorn stops on SIGTERM, then raises it again for whoever was there before it: nobody, so exit with 0.
        signal.signal(signal.SIGTERM, lambda *_: None)
        server.run(sockets=[listener])
    return 0


def _build_face(options: argparse.Namespace) -> Face:
    plan = FaultPlan(seed=options.seed)
    plan.replace_with(parse_faults(options.faults))
    tariff = parse_tariff(options.tariff.read_text(encoding="utf-8"), str(options.tariff))
    settings = BookSettings(
        opening_balance=options.balance,
        seed=options.seed,
        resolution=options.resolution,
        delivery_seconds=options.delivery_seconds,
        look_up_lag_seconds=options.look_up_lag,
    )
    books = Books(options.state, tariff, settings, real_now=lambda: datetime.now(UTC))
    if options.clock_offset is not None:
        books.set_clock(options.clock_offset)
    return Face(books, options.api_key, plan, options.latency_ms / 1000, books.submit_count)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{port} is none of 0 to 65535")
    return port


def _amount(text: str) -> Decimal:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount: write it like 100 or 99.50")
    return Decimal(text)


def _duration(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write it like 2 or 0.5")
    return float(text)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


if __name__ == "__main__":
    sys.exit(main())
