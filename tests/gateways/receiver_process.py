"""The receiver of callbacks as a process of its own, and what calls it."""

import re
import subprocess
import sys
import urllib.request
from urllib.error import HTTPError

SECRET = "secret-of-callbacks"


class ReceiverProcess:
    """``python -m campanile.gateways.callbacks``, to be killed and started again on the same port and spool.

    ``settings`` are those of the gateways, ``spool`` the folder of Kannel's callbacks.
    """

    def __init__(self, folder, *options, settings=None):
        self.folder, self._folder, self._port, self._options = folder / "callbacks", folder, 0, options
        self.spool = self.folder / "kannel"
        self.settings = settings or {"SMS_KANNEL_CALLBACK_SECRET": SECRET}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        file = self._folder / "settings"
        file.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        command = [sys.executable, "-m", "campanile.gateways.callbacks", f"--port={self._port}"]
        with (self._folder / "receiver.log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, f"--spool={self.folder}", f"--settings={file}", *self._options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline()
        ready = re.match(r"receiver of callbacks on (http://\S+:(\d+)) ", line)
        assert ready, self.log()
        self.url, self._port = ready[1], int(ready[2])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """End it in good order, and return its exit code."""
        self.process.terminate()
        code = self.process.wait(10)
        self.process.stdout.close()
        return code

    def log(self):
        return (self._folder / "receiver.log").read_text()


def call(url, body=None, headers=None):
    """Call an address, by GET or with a body by POST; return the status and the body of the answer."""
    request = urllib.request.Request(url, body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()
