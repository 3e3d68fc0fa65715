"""The sandbox as a child process: the demo starts it so, and so do the tests."""

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from campanile.gateways.http import HttpClient, HttpRules
from campanile.gateways.sandbox.adapter import SandboxGateway
from campanile.sms.errors import ConfigurationError
from schemas.gateway import Resolution

START_SECONDS = 30.0
STOP_SECONDS = 10.0
LOG_NAME = "sandbox.log"
_READY = re.compile(r"sandbox gateway on (http://\S+:(\d+)) \(state in ")
_CONTROL_RULES = HttpRules(
    refused_statuses=frozenset({400, 404}),
    max_body_bytes=1_000_000_000,  # the bill of a long test, whole
)

Option = str | int | float | Decimal


class SandboxProcess:
    """A running sandbox, and the hands that make things happen in it.

    Use as a context manager, or call ``stop``. ``restart`` keeps the port and the state.
    """

    def __init__(self, state_dir: Path, port: int, options: dict[str, Option]) -> None:
        self.state_dir = Path(state_dir)
        self.base_url = ""
        self.api_key = str(options.get("api_key", "sandbox-key"))
        self.resolution = Resolution(str(options.get("resolution", Resolution.IDEMPOTENCY_KEY)))
        self.look_up_lag = float(options.get("look_up_lag", 0))
        self._port = port
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    @classmethod
    def start(cls, state_dir: Path, port: int = 0, **options: Option) -> Self:
        """Start a sandbox and wait until it answers.

        ``options`` are those of the command line, with underscores: ``delivery_seconds=0.01``.

        Raises:
            ConfigurationError: it did not start; tells what it said.
        """
        sandbox = cls(state_dir, port, options)
        sandbox.restart()
        return sandbox

    @property
    def pid(self) -> int:
        """The process, to be killed in tests."""
        if self._process is None:
            raise ConfigurationError("the sandbox is not running")
        return self._process.pid

    def gateway(self, deadline_seconds: float = 10.0) -> SandboxGateway:
        """Return an adapter for it."""
        return SandboxGateway(self.base_url, self.api_key, deadline_seconds, self.resolution, self.look_up_lag)

    def restart(self) -> None:
        """Stop it where it runs, and start it on the same folder and port."""
        self.stop()
        self.state_dir.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "campanile.gateways.sandbox", "--state", str(self.state_dir)]
        for name, value in {"port": self._port, **self._options}.items():
            command += [f"--{name.replace('_', '-')}={value}"]
        with (self.state_dir / LOG_NAME).open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        line = _first_line(self._process)
        ready = _READY.match(line)
        if ready is None:
            self.kill()
            raise ConfigurationError(f"the sandbox did not start: {self._last_words()}")
        self.base_url, self._port = ready[1], int(ready[2])

    def stop(self) -> None:
        """Ask it to end, and see that it does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def reply(self, sender: str, text: str) -> str:
        """Let a person write, and return the reply's id."""
        return str(self._control("POST", "replies", {"from": sender, "text": text})["reply_id"])

    def opt_out(self, msisdn: str) -> None:
        """Let a person write STOP to the sandbox's own short code."""
        self._control("POST", "opt-outs", {"msisdn": msisdn})

    def set_balance(self, amount: Decimal | int | str) -> None:
        """Put the balance to an amount."""
        self._control("PUT", "balance", {"amount": str(amount)})

    def set_faults(self, script: Sequence[str] = (), **shares_and_times: float) -> None:
        """Replace the plan of faults: ``set_faults(["reset", "none"])``, ``set_faults(throttle=0.1)``, or none."""
        self._control("PUT", "faults", {"script": list(script), **shares_and_times})

    def set_clock(self, offset_seconds: float) -> None:
        """Put its clock that far ahead of the real one."""
        self._control("PUT", "clock", {"offset_seconds": offset_seconds})

    def balance(self) -> Decimal:
        """Return the credit left."""
        return self.gateway().balance().amount

    def billing(self) -> list[dict[str, Any]]:
        """Return the bill: one line a message ever accepted."""
        return list(self._control("GET", "billing"))

    def _control(self, method: str, name: str, document: dict[str, object] | None = None) -> Any:
        client = HttpClient(
            self.base_url, {"Authorization": f"Bearer {self.api_key}"}, START_SECONDS, rules=_CONTROL_RULES
        )
        return client.read(method, f"/sandbox/{name}", lambda answer: answer, json=document)

    def _end(self, signal_number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal_number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _last_words(self) -> str:
        lines = (self.state_dir / LOG_NAME).read_text(encoding="utf-8").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")


def _first_line(process: subprocess.Popen[str]) -> str:
    """Return the first line a process writes, or nothing when it ends or hangs first."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    ends_at = time.monotonic() + START_SECONDS
    text = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while b"\n" not in text and selector.select(max(0.0, ends_at - time.monotonic())):
            data = os.read(descriptor, 4096)
            if not data:
                break
            text += data
    return text.decode()
