"""Kannel itself, with the configuration of our manual: bearerbox, smsbox, and two operators behind them.

One operator is Kannel's own ``fakesmsc``, which prints every segment it gets; the other speaks SMPP, and takes the
numbers that begin with ``SMPP_PREFIX``.
"""

import re
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

from tests.gateways.kannel_server import PASSWORD, USERNAME
from tests.gateways.receiver_process import SECRET, call
from tests.gateways.smpp_center import SmppCenter

BEARERBOX, SMSBOX, FAKESMSC = "/usr/sbin/bearerbox", "/usr/sbin/smsbox", "/usr/lib/kannel/test/fakesmsc"
SMPP_PREFIX = "+33639"
PATIENCE_SECONDS = 30
ADMIN_PASSWORD = "admin-of-the-test"
MANUAL = Path(__file__).parents[2] / "docs" / "kannel.md"

_OPERATORS = """group = smsc
smsc = fake
smsc-id = FAKE
port = {fake_port}
connect-allow-ip = 127.0.0.1
denied-prefix = "{prefix}"

group = smsc
smsc = smpp
smsc-id = CENTRE
host = 127.0.0.1
port = {smpp_port}
smsc-username = user
smsc-password = pass
system-type = ""
transceiver-mode = true
reconnect-delay = 1
allowed-prefix = "{prefix}"
"""
_SEGMENT = re.compile(rb"Got message \d+: <(\S+) (\S+) (text|ucs-2|udh \S+ data) ?(.*)>$")


def missing_parts():
    return [path for path in (BEARERBOX, SMSBOX, FAKESMSC) if not Path(path).is_file()]


class RealKannel:
    def __init__(self, folder, callback_url):
        self.folder = folder
        self.ports = dict(zip(("admin", "box", "sendsms", "fake", "smpp"), free_ports(5), strict=True))
        self.url = f"http://127.0.0.1:{self.ports['sendsms']}"
        self._conf = folder / "kannel.conf"
        self._conf.write_text(self._configuration(callback_url))
        self._processes = {}

    def __enter__(self):
        self.center = SmppCenter(self.ports["smpp"])
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in list(self._processes):
            self.kill(name)
        self.center.stop()

    def start(self):
        self._start("bearerbox", BEARERBOX, "-v", "0", str(self._conf))
        eventually(lambda: can_connect(self.ports["box"]) and "FAKE[" in self.status(), self.log)
        self._start("smsbox", SMSBOX, "-v", "0", str(self._conf))
        eventually(lambda: can_connect(self.ports["sendsms"]) and "smsbox:campanile" in self.status(), self.log)
        self.start_operator()
        eventually(lambda: self.is_online("CENTRE"), self.log)

    def restart(self):
        """Kill everything but the SMPP centre, which is the operator's, and start it again."""
        for name in list(self._processes):
            self.kill(name)
        self.start()

    def is_online(self, operator):
        """Tell whether Kannel has its connection to an operator: FAKE or CENTRE."""
        return any(f"{operator}[" in line and "(online" in line for line in self.status().splitlines())

    def start_operator(self):
        self._start("fakesmsc", FAKESMSC, "-H", "127.0.0.1", "-r", str(self.ports["fake"]))
        eventually(lambda: self.is_online("FAKE"), self.log)

    def kill(self, name):
        process = self._processes.pop(name)
        process.kill()
        process.wait()
        process.stdin.close()

    def write(self, line):
        """Let a person write to ``fakesmsc``: ``sender receiver text words``. It reads one line at a time."""
        stdin = self._processes["fakesmsc"].stdin
        stdin.write(line.encode() + b"\n")
        stdin.flush()

    def segments(self, number):
        """Return what ``fakesmsc`` printed for a number, as (how, bytes)."""
        lines = (self.folder / "fakesmsc.log").read_bytes().split(b"\n")
        found = [match for match in map(_SEGMENT.search, lines) if match and match[2].decode() == number]
        return [(match[3].decode().split()[0], _raw(match[3], match[4])) for match in found]

    def status(self):
        with suppress(OSError):
            return call(f"http://127.0.0.1:{self.ports['admin']}/status.txt?password={ADMIN_PASSWORD}")[1].decode()
        return ""

    def log(self):
        return "\n".join(path.read_text(errors="replace")[-2_000:] for path in self.folder.glob("*.log"))

    def _start(self, name, *command):
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder
            )

    def _configuration(self, callback_url):
        """Return the manual's configuration, with our ports, folders, secrets and operators."""
        manual = MANUAL.read_text().partition("## kannel.conf")[2].split("```")[1].strip()
        for folder in ("store", "dlr"):
            (self.folder / folder).mkdir()
        operators = _OPERATORS.format(fake_port=self.ports["fake"], smpp_port=self.ports["smpp"], prefix=SMPP_PREFIX)
        groups = [operators.strip() if "smsc-id = OPERATOR\n#" in group else group for group in manual.split("\n\n")]
        replaced = {
            "admin-port = 13000": f"admin-port = {self.ports['admin']}",
            "admin-password = CHANGE-ME": f"admin-password = {ADMIN_PASSWORD}",
            "port = 13001": f"port = {self.ports['box']}",
            "sendsms-port = 13013": f"sendsms-port = {self.ports['sendsms']}",
            "/var/spool/kannel": str(self.folder),
            "http-queue-delay = 10": "http-queue-delay = 1",
            "smsc-id = OPERATOR": "smsc-id = FAKE;CENTRE",
            "username = CHANGE-ME": f"username = {USERNAME}",
            "password = CHANGE-ME": f'password = "{PASSWORD}"',
            "http://127.0.0.1:8910/kannel/YOUR-SECRET": f"{callback_url}/kannel/{SECRET}",
        }
        text = "\n\n".join(groups) + "\n"
        for was, becomes in replaced.items():
            assert was in text, f"the manual has no {was!r} any more"
            text = text.replace(was, becomes)
        return text


def _raw(how, data):
    return data if how == b"text" else unquote_to_bytes(data.replace(b"+", b" "))


def free_ports(how_many):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(how_many)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def can_connect(port):
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def eventually(is_so, describe):
    """Wait until something is so, and say how things stand when it never is."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := is_so()):
        assert time.monotonic() < ends_at, describe()
        time.sleep(0.05)
    return found
