"""``python -m campanile.gateways.sandbox``: the sandbox as a process of its own."""

import argparse
import re
import sys
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from campanile.file_permissions import keep_private
from campanile.gateways.callbacks.table import check_secret
from campanile.gateways.local_server import add_address, listen, serve
from campanile.gateways.sandbox.broken_connections import BreakableProtocol
from campanile.gateways.sandbox.caller import Caller
from campanile.gateways.sandbox.faults import FaultPlan, parse_faults
from campanile.gateways.sandbox.server import Face, build_app
from campanile.gateways.sandbox.state import BookSettings, SandboxState
from campanile.sms.errors import SmsError
from campanile.sms.rules.tariff import make_tariff, split_tariff
from schemas.gateway import Resolution

TARIFF_PATH = Path(__file__).parents[3] / "data" / "tariffs" / "sandbox.csv"


def build_parser(kind: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return the command line."""
    parser = kind(
        prog="python -m campanile.gateways.sandbox", description="A gateway on this machine.", allow_abbrev=False
    )
    add = parser.add_argument
    add_address(parser, port=8900)
    add("--state", type=Path, required=True, metavar="DIR", help="folder of the journal and the bill")
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--api-key", default="sandbox-key", metavar="K", help="default: %(default)s")
    key.add_argument("--api-key-file", type=Path, metavar="FILE", help="of one line, which no list of processes shows")
    add("--tariff", type=Path, default=TARIFF_PATH, metavar="CSV")
    add("--balance", type=_amount, default=Decimal(100), help="of a new folder (default: %(default)s)")
    add("--seed", type=int, default=7, help="draws faults and undelivered numbers (default: %(default)s)")
    add("--faults", default="", metavar="KIND=SHARE,…", help="for instance throttle=0.02,accept_then_reset=0.01")
    add("--resolution", type=Resolution, choices=list(Resolution), default=Resolution.IDEMPOTENCY_KEY)
    add("--latency-ms", type=_duration, default=0.0, metavar="N")
    add("--delivery-seconds", type=_duration, default=0.2, help="from acceptance to report (default: %(default)s)")
    add("--look-up-lag", type=_duration, default=0.0, metavar="SECONDS")
    add("--callback-url", default="", metavar="URL", help="of a receiver of callbacks (default: nothing is called)")
    add("--callback-secret-file", type=Path, metavar="FILE", help="of one line, which signs the callbacks")
    add("--clock-offset", type=float, default=None, metavar="SECONDS", help="default: as it was left")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; return the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        _run(options)
    except (SmsError, OSError, ValueError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _run(options: argparse.Namespace) -> None:
    keep_private(options.state)
    with listen(options) as listener:
        face = _build_face(options)
        with closing(face.sandbox_state):
            app = _for_this_machine(build_app(face), options)
            caller = _caller(options, face.sandbox_state)
            serve(
                app,
                listener,
                lambda url: f"sandbox gateway on {url} (state in {options.state})",
                BreakableProtocol,
                background=caller.run if caller else None,
            )


def _for_this_machine(app: ASGIApp, options: argparse.Namespace) -> ASGIApp:
    """Refuse requests in another host's name, as a page on the web makes them that gave its name our address."""
    if options.allow_remote or ":" in options.host:
        return app
    return TrustedHostMiddleware(app, allowed_hosts=[options.host, "127.0.0.1", "localhost"], www_redirect=False)


def _build_face(options: argparse.Namespace) -> Face:
    plan = FaultPlan(seed=options.seed)
    plan.replace_with(parse_faults(options.faults))
    tariff = make_tariff(split_tariff(options.tariff.read_text(encoding="utf-8"), str(options.tariff)))
    settings = BookSettings(
        opening_balance=options.balance,
        seed=options.seed,
        resolution=options.resolution,
        delivery_seconds=options.delivery_seconds,
        look_up_lag_seconds=options.look_up_lag,
    )
    sandbox_state = SandboxState(options.state, tariff, settings, real_now=lambda: datetime.now(UTC))
    if options.clock_offset is not None:
        sandbox_state.set_clock(options.clock_offset)
    key = options.api_key_file.read_text(encoding="utf-8").strip() if options.api_key_file else options.api_key
    return Face(sandbox_state, key, plan, options.latency_ms / 1000, sandbox_state.submit_count)


def _caller(options: argparse.Namespace, state: SandboxState) -> Caller | None:
    """Return what calls back, if there is an address for it.

    Raises:
        ConfigurationError: there is no secret, or one that can be guessed.
    """
    if not options.callback_url:
        return None
    file = options.callback_secret_file
    secret = check_secret(file.read_text(encoding="utf-8").strip() if file else "")
    return Caller(state, options.callback_url, secret)


def _amount(text: str) -> Decimal:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount: write it like 100 or 99.50")
    return Decimal(text)


def _duration(text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write it like 2 or 0.5")
    return float(text)


if __name__ == "__main__":
    sys.exit(main())
